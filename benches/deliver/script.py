"""The mail merge that people write: one connection, a Jinja2 template, and a status after each row of a CSV.

    script.py PORT MAILS

Works in the current folder and prints the seconds that it took. Needs Jinja2.
"""

import csv
import smtplib
import sys
import time
from email.message import EmailMessage
from email.utils import make_msgid

from jinja2 import Template

TEXT = Template("Kính chào {{ name }},\n\nQueenland đã nhận được thông tin của anh/chị, số {{ phone }}.\n")
HTML = Template(
    "{% for line in range(28) %}<p>Dòng {{ line }}: Queenland xin chào {{ name|e }}, số điện thoại {{ phone }}.</p>\n{% endfor %}"
)


def customers(count):
    with open("khach.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "phone", "email", "status"])
        for number in range(count):
            rows.writerow([f"Nguyễn Thị Hồng {number}", f"09{number:08}", f"khach{number}@example.com", ""])


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    customers(count)
    began = time.perf_counter()
    with (
        open("khach.csv", newline="", encoding="utf-8") as file,
        open("khach-status.csv", "w", newline="", encoding="utf-8") as status,
        smtplib.SMTP("127.0.0.1", port) as server,
    ):
        rows = csv.DictReader(file)
        done = csv.DictWriter(status, rows.fieldnames)
        done.writeheader()
        for row in rows:
            message = EmailMessage()
            message["From"] = "Queenland <cskh@queenland.example>"
            message["To"] = row["email"]
            message["Subject"] = f"Cảm ơn {row['name']} đã quan tâm"
            message["Message-ID"] = make_msgid(domain="queenland.example")
            message.set_content(TEXT.render(row))
            message.add_alternative(HTML.render(row), subtype="html")
            try:
                server.send_message(message)
                row["status"] = "sent"
            except smtplib.SMTPException as error:
                row["status"] = str(error)
            done.writerow(row)
            status.flush()
    print(time.perf_counter() - began)


main()

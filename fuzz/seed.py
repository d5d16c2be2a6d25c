#!/usr/bin/env python3
"""Writes the seeds of the targets into fuzz/corpus, from tests/data and the tests' configurations.

They are checked in; run this again when the data changes."""
import csv, json, pathlib, shutil, struct

root = pathlib.Path(__file__).resolve().parent.parent
corpus = root / "fuzz" / "corpus"


def put(target, name, content):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


# Cells: every eighth vector of each kind, as a text in the Vietnamese locale.
for path in sorted((root / "tests/data/vectors").glob("*.csv")):
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    for number, row in enumerate(rows[::8][:12]):
        if row and row[0]:
            put("cells", f"{path.stem}-{number}", b"\x00" + row[0].encode())
for number, cell in enumerate(["45982.395833", "-1", "1e308", "true", '"#REF!"', "null", '"=1+1"']):
    put("cells", f"json-{number}", b"\x04" + cell.encode())
put("cells", "header", "\x01STT\tHọ tên\tSĐT\tEmail\n1\tAn\t0901234567\tan@example.org")

# Rows: what Google sends.
header = ["Họ tên", "SĐT", "Email", "Giai đoạn", "NV phụ trách", "Ngày hẹn"]
rows = [header, ["Trần Bình", "0912345678", "binh@example.com", "Đang tư vấn", "Lan Anh", 46000.5],
        ["Lê Thị Chi", 923456789, "chi@example.com", "tiềm năng", "", None, True], [], ["Mới", "0909", "x"]]
def answer(*ranges):
    return json.dumps({"spreadsheetId": "1Fuzz", "valueRanges": [{"range": "A", "values": r} for r in ranges]}, ensure_ascii=False)
put("rows", "as-before", answer(rows[:3]))
put("rows", "more", answer(rows))
put("rows", "sorted", answer([rows[0], rows[2], rows[1]]))
put("rows", "header-only", answer(rows[:1]))
put("rows", "two-ranges", answer(rows[:1], rows))
put("rows", "empty-range", '{"valueRanges":[{"range":"A"}]}')
put("rows", "errors", answer([header, ["#REF!"] * 6, ["#N/A", "Loading...", "#ERROR!", "", "", ""]]))
put("rows", "escapes", '{"valueRanges":[{"values":[["H\\u1ecd t\\u00ean","\\ud83d\\ude00","a\\nb"],[[1]],{"a":1}]}]}')

# Updates.
person = {"id": 100009, "is_bot": False, "first_name": "Hà"}
chat = {"id": 100009, "type": "private", "first_name": "Hà"}
message = {"message_id": 7, "date": 1795226400, "chat": chat, "from": person, "text": "/khach an"}
put("updates", "message", json.dumps({"update_id": 1, "message": message}, ensure_ascii=False))
put("updates", "press", json.dumps({"update_id": 2, "callback_query": {"id": "1", "from": person, "chat_instance": "1", "data": "b:0123456789abcdef", "message": message}}, ensure_ascii=False))
put("updates", "member", json.dumps({"update_id": 3, "my_chat_member": {"chat": chat, "from": person, "date": 1, "old_chat_member": {"user": person, "status": "member"}, "new_chat_member": {"user": person, "status": "kicked", "until_date": 0}}}, ensure_ascii=False))
for number, text in enumerate(["/start", "/start abcDEF123", "/baocao", "/khach An", "/tamdung", "/tieptuc", "/dung", "/trogiup", "/cuatoi",
                               "/loi", "/cho", "/tinhtrang", "/help", "/status", "/find 0912345678", "0912 345 678", "binh@example.com", "b:0123", "@"]):
    put("updates", f"text-{number}", text)

# The control socket.
requests = ["status", "held_list", "mine", "totals", "digest"]
for name in requests:
    put("control", name, json.dumps({"request": name}))
for number, request in enumerate([
    {"request": "records", "tab": "Khách hàng"}, {"request": "records", "problems": True},
    {"request": "outbox", "limit": 10}, {"request": "outbox_show", "key": "welcome"},
    {"request": "outbox_act", "act": "retry", "keys": ["welcome/1"]}, {"request": "explain", "who": "Trần Bình"},
    {"request": "explain", "who": "0912345678"}, {"request": "suppress_list"},
    {"request": "suppress_add", "address": "binh@example.com", "everything": True, "why": "x"},
    {"request": "suppress_remove", "address": "0912345678"}, {"request": "held_release", "id": "h-1"},
    {"request": "held_drop", "id": "h-1"}, {"request": "pause", "what": "channel email"}, {"request": "resume", "what": "all"},
    {"request": "invite", "name": "Lan Anh"}, {"request": "find", "text": "an"}, {"request": "touch", "record": "r-01"},
    {"request": "later", "digest": "0123"}, {"request": "send_now", "digest": "0123"}, {"request": "picked_wrong", "digest": "01"},
    {"request": "stop_last_poll", "workbook": "1Fuzz"}, {"request": "approve_staff", "name": "Nam", "yes": True},
    {"request": "trial_report"}, {"request": "trial_end", "end": "drop"}, {"request": "sync", "dry_run": True},
]):
    put("control", f"request-{number}", json.dumps(request, ensure_ascii=False))

# Web requests.
for name, text in {
    "health": "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "metrics": "GET /metrics HTTP/1.0\r\n\r\n",
    "nothing": "GET /u/AbCd-0123_x?y=%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    "post": "POST /u/AbCd HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 26\r\n\r\nList-Unsubscribe=One-Click",
    "chunked": "POST /u/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "long": "GET /" + "a" * 3000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
    "head": "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n",
}.items():
    put("web", name, text)

# Backups: pieces as the target frames them, kind and length before each.
def piece(kind, content):
    return kind + struct.pack("<H", len(content)) + content
head = json.dumps({"format": 3, "version": "0.1.0", "at": "2026-11-21T02:00:00Z"}).encode()
end = json.dumps({"at": "2026-11-21T02:00:00Z", "waiting": 0, "tally": "00" * 40}).encode()
empty = b"\x01\x00\x00\x00\x10\x02"  # lz4, one byte: a list of entries in format 2, without one
put("backup", "whole", piece(b"h", head) + piece(b"e", empty) + piece(b"z", end))
put("backup", "large-claim", piece(b"h", head) + piece(b"e", b"\xff\xff\xff\xff\x10\x02") + piece(b"z", end))
put("backup", "no-end", piece(b"h", head))
put("backup", "raw", b"sheetbridge backup 1\nh\x02\x00\x00\x00{}")

# Configurations: the shipped one, and the mistakes of the tests.
shutil.copy(root / "config/sheetbridge.toml", corpus / "settings/shipped")
for path in sorted((root / "tests/config/invalid").glob("*.toml"))[::3]:
    put("settings", path.stem, path.read_bytes())

# Conditions and templates.
conditions = ["stage == 'consulting' and budget.max >= 3 * ty and 'Thủ Đức' in area", "email and not no_ads",
              "area is containing 'thu duc' or name | fold == 'an'", "1 < budget.max / ty <= 5 if budget else false",
              "range(100000) | map('string') | join('x') | length", "'x' * 100000000 == 'y'", "owner | first | replace('a', 'b' * 100)",
              "appointment > now and received[:4] == '2026'", "-(-(-1)) ** 2 // 3 % 4 ~ 'x'"]
for number, text in enumerate(conditions):
    put("texts", f"condition-{number}", b"\x00" + text.encode())
templates = ["Chào {{ greeting }},\n{% if budget %}{{ budget.max | money }}{% endif %}\n", "{% for who in owner %}{{ who }}, {% endfor %}",
             "{{ appointment | date }} {{ note | shorten(10) }}", "{% set x = note %}{{ x }}", "{% include 't/subject.txt' %}",
             "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(note) }}", "<b>{{ note }}</b> <a href=\"https://x\">y</a>", "[x](action:done) [y](https://x/{{ note }})",
             "{{ missing }}", "{{ 'x' | safe }}"]
for number, text in enumerate(["Chào {{greeting}}, căn **{{Dự án|dự án}}** {{ name.given }}", "{{Họ tên}} {{ }} {{x|y|z}} {% if %}", "{{Hoa hồng}} [a](https://x) * b"]):
    put("texts", f"campaign-{number}", b"\x03" + text.encode())
for number, text in enumerate(templates):
    for kind in (1, 2):
        put("texts", f"template-{number}-{kind}", bytes([kind]) + text.encode())

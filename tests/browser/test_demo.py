"""The main job as a newcomer sees it: type in the sheet, watch the mail and the Telegram message arrive.

Needs the whole demo: `sheetbridge demo --listen 127.0.0.1:0`, its address in DEMO_URL.
"""

import random
import re

import pytest
from selenium.webdriver.common.keys import Keys

A1_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: A mail and a message may take this long: reading every few seconds, the settle time, the sending.
SECONDS = 30

CUSTOMER = {
    "Họ tên": "Trương Thị Bạch Yến",
    "SĐT": f"'09{random.randrange(10**8):08}",
    "Email": f"bachyen{random.randrange(10**6)}@gmail.example",
    "Loại BĐS quan tâm": "Căn hộ 2PN",
    "Khu vực": "Thủ Đức",
    "Ngân sách": "3,5 tỷ",
    "Nguồn": "Website",
    "Giai đoạn": "Khách hàng tiềm năng",
    "NV phụ trách": "Minh Tuấn",
}


@pytest.fixture(scope="module")
def row():
    """Where the new customer stands; filled by the first test."""
    return {}


def mails(page):
    """The mails in the list: recipient and subject."""
    page.side("mail")
    if page.all("#mail-back"):
        page.click("#mail-back")
    return page.texts(".mail")


def wait_for_mail(page, *parts):
    return page.wait(
        lambda: next((text for text in mails(page) if all(part in text for part in parts)), None),
        SECONDS,
        f"no mail with {parts}",
    )


def open_chat(page, title):
    page.side("chat")
    page.wait(lambda: page.all(f'.chat-entry[title*="{title}"]'))
    page.click(f'.chat-entry[title*="{title}"]')


def bubbles(page, part):
    return [text for text in page.texts("#chat-talk .bubble-row:not(.own)") if part in text]


def log_lines(page, kind=None):
    page.side("log")
    selector = f'.log-line[data-kind="{kind}"]' if kind else ".log-line"
    return page.texts(selector)


def test_1_the_bridge_has_read_the_sheet_and_sent_nothing(page):
    page.wait(lambda: page.find("#state").get_attribute("data-state") == "ok", SECONDS, "no good read")
    assert mails(page) == [], "the first look sends nothing"


def test_2_a_customer_typed_cell_by_cell_gets_a_mail_and_the_owner_a_message(page, row):
    last = page.last_customer()
    page.go_to(last)
    page.context(page.find(f'[data-number="{last - 1}"]'), "row_below")
    new = last + 1
    columns, _ = page.columns()
    page.wait(lambda: page.shown(new, columns["Họ tên"]) == "")
    for header, typed in CUSTOMER.items():
        name = f"{A1_NAMES[columns[header]]}{new}"
        page.show_cell(name)
        page.click_cell(name)
        page.keys(typed, Keys.TAB)
    page.wait(lambda: page.shown(new, columns["NV phụ trách"]) == "Minh Tuấn")
    row["number"] = new

    text = wait_for_mail(page, CUSTOMER["Họ tên"])
    assert "Yến" in text, "the subject greets by the given name"
    newest = next(at for at, mail in enumerate(page.texts(".mail"), 1) if CUSTOMER["Họ tên"] in mail)
    page.click(f".mail-list .mail:nth-child({newest})")
    frame = page.wait(lambda: page.all("iframe.mail-frame"))[0]
    assert "allow-scripts" not in frame.get_attribute("sandbox")
    assert "Yến" in frame.get_attribute("srcdoc")
    page.click('[data-as="source"]')
    assert "Message-ID:" in page.text(".mail-source")
    page.click('[data-as="text"]')
    assert "Yến" in page.text(".mail-plain")

    open_chat(page, "Minh Tuấn")
    page.wait(lambda: bubbles(page, CUSTOMER["Họ tên"]), SECONDS, "no message to the owner")


def lead_alert(page):
    """The selector of the bubble that tells Minh Tuấn of the customer."""
    open_chat(page, "Minh Tuấn")
    page.wait(lambda: bubbles(page, CUSTOMER["Họ tên"]))
    rows = page.all("#chat-talk .bubble-row:not(.own)")
    bubble = next(row for row in rows if CUSTOMER["Họ tên"] in row.text)
    return f'#chat-talk [data-message="{bubble.get_attribute("data-message")}"]'


def test_3_a_link_under_the_message_leads_to_the_row(page, row):
    bubble = lead_alert(page)
    page.click(f'{bubble} a.key[href*="/spreadsheets/d/"]')
    page.wait(lambda: page.text("#place").startswith(f"A{row['number']}:"))
    assert len(page.driver.window_handles) == 1


def test_3_a_button_under_the_message_is_answered(page):
    bubble = lead_alert(page)
    labels = page.texts(f"{bubble} [data-callback]")
    assert labels, "the message has a button for the bot"
    page.click(f"{bubble} [data-callback]")
    page.wait(
        lambda: [text for text in page.texts(".toast-chat") if labels[0] in text] or page.all("dialog[open]"),
        SECONDS,
        "the bot did not answer the press",
    )


def test_4_a_stage_changed_by_hand_is_noticed(page, row):
    if "number" not in row:
        pytest.fail("the customer was not typed")
    columns, _ = page.columns()
    new = row["number"]
    name = f"{A1_NAMES[columns['Giai đoạn']]}{new}"
    page.go_to(new)
    page.show_cell(name)
    page.click_cell(name)
    page.keys("Đã đặt cọc", Keys.ENTER)
    page.wait(lambda: page.shown(new, columns["Giai đoạn"]) == "Đã đặt cọc")
    page.wait(
        lambda: [line for line in log_lines(page) if f"{new}" in line and "Đã đặt cọc" in line],
        SECONDS,
        "the log says nothing of the stage",
    )
    open_chat(page, "Hà Phạm")
    page.wait(lambda: bubbles(page, CUSTOMER["Họ tên"]), SECONDS, "the manager was not told of the deposit")


def test_5_sorting_is_no_event(page):
    before = len(mails(page))
    if not page.find("#guide").is_displayed():
        page.click("#guide-open")
    page.click("#try-sort")
    page.wait(
        lambda: [line for line in log_lines(page) if re.search(r"\b0 sự kiện", line)],
        SECONDS,
        "the log has no line with 0 events",
    )
    assert len(mails(page)) == before
    page.english(True)
    assert [line for line in log_lines(page) if re.search(r"\b0 events", line)]
    page.english(False)


def test_6_a_cleared_tab_is_held_and_undone(page):
    page.click("#try-clear")
    page.wait(
        lambda: page.find("#state").get_attribute("data-state") == "held", SECONDS, "the bridge did not hold the batch"
    )
    page.wait(lambda: log_lines(page, "held"), SECONDS, "the log has no line of the hold")
    page.post("api/undo", {})
    page.wait(lambda: page.find("#state").get_attribute("data-state") == "ok", SECONDS, "the hold did not end")

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


# Campaigns: a member of staff fills in a row, the manager presses a button, the mails arrive.

CAMPAIGNS = "Chiến dịch"
#: Those for whom the sample's own campaign is, too.
WHOM = {
    "Giai đoạn": "Khách hàng tiềm năng, Đang tư vấn",
    "Loại BĐS": "Căn hộ",
    "Khu vực": "Quận 7, Nhà Bè",
    "Ngân sách": "2-6 tỷ",
}
OPEN_DAY = {
    "Tên chiến dịch": "Ngày hội mở cửa",
    **WHOM,
    "Tiêu đề": "{{ greeting }} ơi, mời ghé nhà mẫu",
    "Nội dung": "Kính chào **{{Họ tên}}**, cuối tuần này nhà mẫu tại {{Khu vực}} mở cửa.",
}


def campaign_columns(page):
    header = page.tab(CAMPAIGNS)["rows"][0]
    return {cell["text"]: at for at, cell in enumerate(header) if cell}


def open_tab(page, title):
    page.click(f'[data-sheet="{page.tab(title)["sheetId"]}"]')
    page.wait(lambda: page.text('[data-sheet][aria-selected="true"]') == title)


def first_free_campaign(page):
    open_tab(page, CAMPAIGNS)
    return len(page.tab(CAMPAIGNS)["rows"]) + 1


def type_campaign(page, row, cells):
    """Types by header into a row (from 1) of the campaigns, as a member of staff would."""
    columns = campaign_columns(page)
    for header, typed in cells.items():
        name = f"{A1_NAMES[columns[header]]}{row}"
        page.show_cell(name)
        page.click_cell(name)
        page.keys(typed, Keys.TAB)
    for header, typed in cells.items():
        page.wait(lambda: page.shown(row, columns[header], CAMPAIGNS) == typed)


def make_ready(page, row):
    """Opens the list of the state cell and takes `Sẵn sàng` from it."""
    at = campaign_columns(page)["Trạng thái"]
    name = f"{A1_NAMES[at]}{row}"
    page.show_cell(name)
    page.click_cell(name)
    page.keys(Keys.ENTER)
    ready = page.wait(lambda: [one for one in page.all(".g-list button") if one.text == "Sẵn sàng"])
    ready[0].click()
    page.wait(lambda: page.shown(row, at, CAMPAIGNS) == "Sẵn sàng")


def wait_for_bubble(page, person, *parts):
    """The newest message to a person that has all these parts: its id and text."""
    open_chat(page, person)
    look = """return [...document.querySelectorAll("#chat-talk .bubble-row:not(.own)")]
        .map((one) => [one.dataset.message, one.innerText])"""

    def newest():
        fits = [one for one in page.driver.execute_script(look) if all(part in one[1] for part in parts)]
        return fits[-1] if fits else None

    return page.wait(newest, SECONDS, f"{person} was not told {parts}")


def wait_for_question(page, name):
    """The manager's question about a campaign: how many would get a mail, its text, and its button."""
    number, text = wait_for_bubble(page, "Hà Phạm", f"“{name}”", "khách sẽ nhận thư")
    count = int(re.search(r"(\d+) khách sẽ nhận thư", text)[1])
    buttons = page.all(f'#chat-talk [data-message="{number}"] [data-callback]')
    approve = next(button for button in buttons if "Duyệt gửi" in button.text)
    assert re.search(rf"\b{count}\b", approve.text), approve.text
    return count, text, approve


def mails_with(page, part):
    return [text for text in mails(page) if part in text]


def test_7_a_campaign_goes_from_its_row_over_the_managers_button_to_the_mails(page, row):
    new = first_free_campaign(page)
    type_campaign(page, new, OPEN_DAY)
    assert not [line for line in log_lines(page) if OPEN_DAY["Tên chiến dịch"] in line and "chờ duyệt" in line]
    make_ready(page, new)

    count, text, approve = wait_for_question(page, OPEN_DAY["Tên chiến dịch"])
    assert 3 <= count <= 30, text
    assert re.search(r"\d+ chưa đồng ý nhận tin", text), "who is left out, and why"
    assert mails_with(page, "mời ghé nhà mẫu") == [], "nothing goes before a manager says so"

    open_chat(page, "Hà Phạm")
    for sample in page.all("#chat-talk .bubble-file[download$='.html']")[:1]:
        sample.click()
        page.wait(lambda: page.all("dialog[open] iframe"))
        assert "Queenland" in page.find("dialog iframe").get_attribute("srcdoc")
        page.click("dialog .close")
    approve = wait_for_question(page, OPEN_DAY["Tên chiến dịch"])[2]
    approve.click()
    page.wait(lambda: len(mails_with(page, "mời ghé nhà mẫu")) >= count, SECONDS, "not everybody got a mail")
    _, report = wait_for_bubble(page, "Hà Phạm", OPEN_DAY["Tên chiến dịch"], "đã gửi xong")
    assert f"{count}/{count}" in report
    wait_for_bubble(page, "Khánh Vy", OPEN_DAY["Tên chiến dịch"], "đã gửi xong")
    assert len(mails_with(page, "mời ghé nhà mẫu")) == count, "one mail each, to nobody else"
    row["campaign"] = count

    for step in ("chờ duyệt", "được duyệt", "đã gửi xong"):
        page.wait(
            lambda: [line for line in log_lines(page) if f"“{OPEN_DAY['Tên chiến dịch']}” {step}" in line],
            SECONDS,
            f"the log does not say: {step}",
        )


def test_8_its_mail_is_read_and_the_reader_refuses_more_of_them(page, row):
    page.side("mail")
    newest = next(at for at, mail in enumerate(mails(page), 1) if "mời ghé nhà mẫu" in mail)
    page.click(f".mail-list .mail:nth-child({newest})")
    frame = page.wait(lambda: page.all("iframe.mail-frame"))[0]
    assert page.text(".mail-open h2").startswith("[QC] Anh"), "advertising says that it is"
    to = page.texts(".mail-field")[1]
    name = re.search(r"([^\n<]+) <", to)[1].removeprefix("Tới").strip()
    page.driver.switch_to.frame(frame)
    words = page.find("body").text
    assert f"Kính chào {name}" in words and "Công ty CP Queenland" in words
    assert "{{" not in words
    assert page.find("strong, b").text == name
    link = next(link for link in page.all("a") if "/u/" in (link.get_attribute("href") or ""))
    here = page.driver.current_window_handle
    page.driver.execute_script("arguments[0].scrollIntoView()", link)
    link.click()
    page.driver.switch_to.default_content()

    page.wait(lambda: len(page.driver.window_handles) == 2, why="the link opened nothing")
    page.driver.switch_to.window(next(one for one in page.driver.window_handles if one != here))
    try:
        page.wait(lambda: "Từ chối nhận quảng cáo" in page.texts("h1"))
        page.click("form button")
        page.wait(lambda: "Đã ngừng gửi quảng cáo" in page.texts("h1"))
    finally:
        page.driver.close()
        page.driver.switch_to.window(here)
    row["refused"] = name
    wait_for_mail(page, name, "Đã ngừng gửi quảng cáo")


def test_9_the_next_campaign_leaves_out_who_refused(page, row):
    if "refused" not in row:
        pytest.fail("nobody refused")
    if not page.find("#guide").is_displayed():
        page.click("#guide-open")
    page.click("#try-campaign")
    count, text, approve = wait_for_question(page, "Mở bán Sunrise Riverside")
    assert count == row["campaign"] - 1, text
    assert "1 đã từ chối" in text, text
    approve.click()
    wait_for_bubble(page, "Hà Phạm", "Mở bán Sunrise Riverside", "đã gửi xong", f"{count}/{count}")
    assert not [mail for mail in mails_with(page, "Sunrise Riverside") if row["refused"] in mail]


def test_9_a_campaign_with_mistakes_is_told_cell_by_cell_and_asked_once_they_are_mended(page):
    new = first_free_campaign(page)
    columns = campaign_columns(page)
    stage, body = (f"{A1_NAMES[columns[header]]}{new}" for header in ("Giai đoạn", "Nội dung"))
    name = "Tri ân tháng 12"
    wrong = {
        **OPEN_DAY,
        "Tên chiến dịch": name,
        "Giai đoạn": "Đang tư vấm",
        "Nội dung": "Kính chào {{Danh xưng}}, mời ghé nhà mẫu.",
    }
    type_campaign(page, new, wrong)
    make_ready(page, new)
    for person in ("Hà Phạm", "Khánh Vy"):
        _, text = wait_for_bubble(page, person, f"“{name}”", f"ô {stage}")
        assert "không có giai đoạn “Đang tư vấm”" in text and "“Đang tư vấn”?" in text
        assert f"ô {body}" in text and "“Danh xưng”" in text
    page.wait(lambda: [line for line in log_lines(page, "trouble") if name in line], SECONDS, "no line in the log")

    open_tab(page, CAMPAIGNS)
    type_campaign(page, new, {"Giai đoạn": "Đang tư vấn", "Nội dung": "Kính chào {{Họ tên}}, mời ghé nhà mẫu."})
    count, _, _ = wait_for_question(page, name)
    assert count > 0
    page.click('[data-sheet="0"]')

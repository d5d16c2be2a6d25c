"""The page by itself: what needs no bridge behind it. Everything done to the sheet is undone."""

import http.client
import json
from urllib.parse import urlsplit

from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

A1_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def name_cell(page, row):
    columns, _ = page.columns()
    return f"{A1_NAMES[columns['Họ tên']]}{row}"


def first_customer(page):
    """Row (from 1) and name of the first customer."""
    columns, header = page.columns()
    rows = page.tab()["rows"]
    for row in range(header + 1, len(rows) + 1):
        if page.shown(row, columns["STT"]).isdigit():
            return row, columns["Họ tên"]
    raise AssertionError("no customer")


def undo(page, until):
    page.chord(Keys.CONTROL, "z")
    page.wait(until, why="Ctrl+Z did not bring it back")


def test_the_page_shows_the_sheet_and_its_tabs(page):
    assert page.text("h1") == "sheetbridge"
    assert [tab.text for tab in page.all("[data-sheet]")][0] == "Khách hàng"
    hidden = [tab["title"] for tab in page.state()["sheet"]["tabs"] if tab["hidden"]]
    assert all(title not in page.text("#sheet-tabs") for title in hidden)
    row, column = first_customer(page)
    page.go_to(row)
    assert page.text(f'[data-cell="{name_cell(page, row)}"]') == page.shown(row, column)


def test_typing_enter_tab_escape_and_undo(page):
    row, column = first_customer(page)
    before = page.shown(row, column)
    page.go_to(row)
    page.click_cell(name_cell(page, row))
    page.keys("Nguyễn Ánh Tuyết", Keys.ENTER)
    page.wait(lambda: page.shown(row, column) == "Nguyễn Ánh Tuyết")
    assert page.text("#place") == name_cell(page, row + 1), "Enter moves down"
    undo(page, lambda: page.shown(row, column) == before)

    page.click_cell(name_cell(page, row))
    page.keys("nhầm", Keys.ESCAPE)
    page.keys(Keys.TAB)
    assert page.text("#place") == f"{A1_NAMES[column + 1]}{row}", "Tab moves right"
    assert page.shown(row, column) == before, "Escape leaves the cell as it was"

    page.click_cell(name_cell(page, row))
    page.keys(Keys.F2)
    page.keys(Keys.END, " (VIP)", Keys.ENTER)
    page.wait(lambda: page.shown(row, column) == before + " (VIP)")
    undo(page, lambda: page.shown(row, column) == before)

    page.click_cell(name_cell(page, row))
    page.keys(Keys.DELETE)
    page.wait(lambda: page.shown(row, column) == "")
    undo(page, lambda: page.shown(row, column) == before)


def test_arrows_and_blocks(page):
    row, _ = first_customer(page)
    page.go_to(row)
    page.click_cell(f"B{row}")
    page.keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert page.text("#place") == f"C{row + 1}"
    page.chord(Keys.SHIFT, Keys.ARROW_DOWN)
    page.chord(Keys.SHIFT, Keys.ARROW_RIGHT)
    assert page.text("#place") == f"C{row + 1}:D{row + 2}"
    page.chord(Keys.CONTROL, Keys.HOME)
    assert page.text("#place") == "A1"


def test_a_block_is_pasted_as_tab_separated_values(page):
    row = page.last_customer() + 40
    page.go_to(row)
    page.click_cell(f"B{row}")
    page.driver.execute_script(
        """const data = new DataTransfer();
        data.setData("text/plain", 'Một\\tHai\\n"Ba\\nbốn"\\t5');
        document.getElementById("editor").dispatchEvent(
          new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));"""
    )
    page.wait(lambda: page.shown(row + 1, 2) == "5")
    assert page.shown(row, 1) == "Một"
    assert page.shown(row, 2) == "Hai"
    assert page.shown(row + 1, 1) == "Ba\nbốn"
    assert page.text("#place") == f"B{row}:C{row + 1}"
    undo(page, lambda: page.shown(row, 1) == "")


def test_the_stage_column_offers_the_stages(page):
    columns, _ = page.columns()
    row, _ = first_customer(page)
    stage = columns["Giai đoạn"]
    before = page.shown(row, stage)
    page.go_to(row)
    page.click_cell(f"{A1_NAMES[stage]}{row}")
    page.keys(Keys.ENTER)
    words = [option.text for option in page.all(".g-list button")]
    page.keys(Keys.ESCAPE)
    page.keys("cọc")
    assert [option.text for option in page.all(".g-list button")] == ["Đã đặt cọc"], words
    page.keys(Keys.ARROW_DOWN, Keys.ENTER)
    page.wait(lambda: page.shown(row, stage) == "Đã đặt cọc")
    undo(page, lambda: page.shown(row, stage) == before)


def test_rows_are_inserted_deleted_and_sorted_from_the_menu(page):
    row, column = first_customer(page)
    before = page.shown(row, column)
    page.go_to(row)
    page.context(page.find(f'[data-number="{row - 1}"]'), "row_above")
    page.wait(lambda: page.shown(row + 1, column) == before)
    page.context(page.find(f'[data-number="{row - 1}"]'), "row_delete")
    page.wait(lambda: page.shown(row, column) == before)

    header = page.columns()[1]
    totals = [cell["text"] for cell in page.tab()["rows"][-1] if cell]
    page.context(page.find(f'[data-cell="{name_cell(page, row)}"]'), "sort_za")
    page.wait(lambda: page.shown(row, column) != before)
    assert page.columns()[1] == header, "the header stays"
    assert [cell["text"] for cell in page.tab()["rows"][-1] if cell] == totals, "totals stay last"
    undo(page, lambda: page.shown(row, column) == before)


def test_a_row_is_dragged_by_its_number(page):
    row, column = first_customer(page)
    moved, next_one = page.shown(row, column), page.shown(row + 1, column)
    page.go_to(row)
    handle = page.find(f'[data-number="{row - 1}"]')
    chain = ActionChains(page.driver).click_and_hold(handle)
    chain.move_by_offset(0, 30).move_by_offset(0, 27 * 3 - 20).release().perform()
    page.wait(lambda: page.shown(row, column) == next_one)
    assert moved in [page.shown(row + step, column) for step in (2, 3)]
    undo(page, lambda: page.shown(row, column) == moved)


def test_a_tick_box_is_turned_by_a_click(page):
    tab = page.tab("NV")
    column = next(at for at, cell in enumerate(tab["rows"][1]) if cell and cell["kind"] == "boolean")
    page.click(f'[data-sheet="{tab["sheetId"]}"]')
    name = f"{A1_NAMES[column]}2"
    page.wait(lambda: page.all(f'[data-cell="{name}"] .tick'))
    before = page.shown(2, column, "NV")
    page.click_cell(name)
    page.keys(" ")
    page.wait(lambda: page.shown(2, column, "NV") != before)
    page.click(f'[data-cell="{name}"] .tick')
    page.wait(lambda: page.shown(2, column, "NV") == before)
    page.click('[data-sheet="0"]')


def test_a_thousand_rows_scroll_and_few_are_drawn(page):
    rows = page.tab()["rowCount"]
    page.go_to(rows)
    assert page.all(f'[data-row="{rows - 1}"]')
    assert len(page.all(".g-row")) < 100


def test_the_language_switches_and_is_kept(page):
    page.english(True)
    assert page.find("#guide-open").text == "Guide"
    assert page.driver.execute_script("return document.documentElement.lang") == "en"
    page.open()
    assert page.find("#guide-open").text == "Guide"
    page.english(False)
    assert page.find("#guide-open").text == "Hướng dẫn"


def test_a_person_writes_to_the_bot(page):
    page.side("chat")
    chats = page.state()["chat"]["changed"]
    chat = next(chat for chat in chats if chat["started"])
    page.click(f'[data-chat="{chat["id"]}"]')
    page.find("#chat-input").send_keys("/trangthai <b>đậm</b>", Keys.ENTER)
    page.wait(lambda: "/trangthai <b>đậm</b>" in page.text("#chat-talk"), why="shown as text, not as HTML")


def test_what_stands_in_a_cell_is_text_and_never_html(page):
    row = page.last_customer() + 60
    page.go_to(row)
    page.click_cell(f"B{row}")
    attack = '<img src=x onerror="document.title=1">'
    page.keys(attack, Keys.ENTER)
    page.wait(lambda: page.text(f'[data-cell="B{row}"]') == attack)
    assert not page.all(".g-cell img")
    undo(page, lambda: page.shown(row, 1) == "")


def ask(url, method, path, headers, body=b""):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_other_sites_may_neither_read_nor_write(url):
    here = urlsplit(url).netloc
    body = json.dumps({"edits": []}).encode()
    kind = {"Content-Type": "application/json"}
    assert ask(url, "GET", "/api/state", {"Host": here})[0] == 200
    assert ask(url, "GET", "/api/state", {"Host": "evil.example"})[0] == 403
    foreign = {"Host": here, "Origin": "http://evil.example", **kind}
    assert ask(url, "POST", "/api/edit", foreign, body)[0] == 403
    assert ask(url, "POST", "/api/edit", {"Host": here, "Content-Type": "text/plain"}, body)[0] == 415
    assert ask(url, "POST", "/api/edit", {"Host": here, "Origin": f"http://{here}", **kind}, body)[0] == 200


def test_an_edit_that_cannot_be_done_says_why(page):
    place = {"Host": urlsplit(page.url).netloc, "Content-Type": "application/json"}
    body = json.dumps({"edits": [{"op": "clear", "tab": "Không có"}]}).encode()
    status, text = ask(page.url, "POST", "/api/edit", place, body)
    assert status == 400
    assert "there is no tab" in json.loads(text)["error"]

"""Google clients written by others against the sandbox's Google.

SANDBOX_JSON holds what `sheetbridge sandbox` prints, or names a file with it:
{"google": {"base_url": "http://127.0.0.1:…", "key": {…} or "key_file": "PATH", "workbook": "ID"}}.
The workbook is the sandbox's sample. Tests write only to tabs they add.
"""

import json
import os
import uuid

import google.auth.transport.requests
import gspread
import gspread.client
import gspread.http_client
import gspread.urls
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

READ = "https://www.googleapis.com/auth/spreadsheets.readonly"
WRITE = "https://www.googleapis.com/auth/spreadsheets"
DRIVE = "https://www.googleapis.com/auth/drive"


@pytest.fixture(scope="session")
def sandbox():
    text = os.environ["SANDBOX_JSON"]
    if not text.lstrip().startswith("{"):
        with open(text, encoding="utf-8") as file:
            text = file.read()
    google = json.loads(text)["google"]
    if "key" not in google:
        with open(google["key_file"], encoding="utf-8") as file:
            google["key"] = json.load(file)
    return google


def credentials(sandbox, *scopes):
    return service_account.Credentials.from_service_account_info(sandbox["key"], scopes=list(scopes))


@pytest.fixture
def control(sandbox):
    """Calls the control interface; faults are cleared afterwards."""

    def call(method, path, body=None):
        answer = requests.request(method, f"{sandbox['base_url']}/control{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    yield call
    call("DELETE", "/faults")


@pytest.fixture
def gspread_client(sandbox, monkeypatch):
    """gspread has Google's addresses built in: they are turned to the sandbox, module by module."""
    hosts = ("https://sheets.googleapis.com", "https://www.googleapis.com")
    for module in (gspread.urls, gspread.http_client, gspread.client):
        for name, value in list(vars(module).items()):
            if isinstance(value, str) and value.startswith(hosts):
                for host in hosts:
                    value = value.replace(host, sandbox["base_url"])
                monkeypatch.setattr(module, name, value)
    return gspread.authorize(credentials(sandbox, WRITE, DRIVE))


@pytest.fixture
def tab(gspread_client, sandbox):
    """A tab of our own, with a name that needs quotes."""
    book = gspread_client.open_by_key(sandbox["workbook"])
    sheet = book.add_worksheet(f"Thử O'Brien {uuid.uuid4().hex[:6]}", rows=20, cols=8)
    yield sheet
    book.del_worksheet(sheet)


@pytest.fixture
def service(sandbox):
    def make(*scopes):
        return build(
            "sheets",
            "v4",
            credentials=credentials(sandbox, *scopes),
            client_options={"api_endpoint": sandbox["base_url"]},
            static_discovery=True,
        )

    return make


# --- gspread ---


def test_gspread_reads_the_sample(gspread_client, sandbox):
    book = gspread_client.open_by_key(sandbox["workbook"])
    titles = [sheet.title for sheet in book.worksheets()]
    assert titles[:4] == ["Khách hàng", "Lịch hẹn", "NV", "T11"]
    assert book.locale == "vi_VN"
    customers = book.worksheet("Khách hàng")
    assert customers.row_values(3)[:3] == ["STT", "Họ tên", "SĐT"]
    rows = customers.get_all_values()
    assert len(rows) == 340
    assert len({len(row) for row in rows}) == 1, "gspread fills ragged rows"
    assert book.worksheet("T11").get_all_values() == [[]]
    staff = book.worksheet("NV").get_all_records()
    assert staff[0]["NV"] == "Lan Anh"
    unformatted = book.worksheet("NV").get("C2", value_render_option="UNFORMATTED_VALUE")
    assert unformatted == [[100000]]


def test_gspread_finds_by_title(gspread_client, sandbox):
    book = gspread_client.open_by_key(sandbox["workbook"])
    assert gspread_client.open(book.title).id == sandbox["workbook"]
    with pytest.raises(gspread.SpreadsheetNotFound):
        gspread_client.open("Không có bảng này")


def test_gspread_creates_and_deletes(gspread_client):
    book = gspread_client.create("Sổ mới")
    book.sheet1.update([["a", 1]], "A1")
    assert gspread_client.open("Sổ mới").sheet1.get_all_values() == [["a", "1"]]
    gspread_client.del_spreadsheet(book.id)
    with pytest.raises(gspread.SpreadsheetNotFound):
        gspread_client.open_by_key(book.id)


def test_gspread_writes(tab):
    tab.update([["Họ tên", "SĐT"], ["Châu", "0903"], ["An", "0901"]], "A1")
    tab.append_row(["Bình", "0902"])
    assert tab.get_all_values() == [["Họ tên", "SĐT"], ["Châu", "0903"], ["An", "0901"], ["Bình", "0902"]]
    tab.sort((1, "asc"), range="A2:B4")
    assert tab.col_values(1) == ["Họ tên", "An", "Bình", "Châu"]
    tab.insert_row(["Dung", "0904"], 2)
    tab.delete_rows(3)
    assert tab.col_values(1) == ["Họ tên", "Dung", "Bình", "Châu"]
    assert tab.find("Bình").address == "A3"
    tab.update_cell(3, 2, "=A1")
    assert tab.acell("B3", value_render_option="FORMULA").value == "=A1"
    tab.batch_update([{"range": "C1:C2", "values": [["Ghi chú"], ["x"]]}])
    assert tab.batch_get(["C1:C2", "Z1:Z2"] if tab.col_count > 25 else ["C1:C2"]) == [[["Ghi chú"], ["x"]]]
    tab.batch_clear(["C1:C2"])
    assert tab.get("C1:C2") == [[]]
    tab.freeze(rows=1)
    assert tab.frozen_row_count == 1
    tab.format("B1:B4", {"numberFormat": {"type": "TEXT"}})
    tab.update([["0909"]], "B4", raw=False)
    assert tab.acell("B4").value == "0909", "a plain text cell keeps the leading zero"
    tab.update([["0909"]], "D4", raw=False)
    assert tab.acell("D4").value == "909", "another loses it"
    tab.clear()
    assert tab.get_all_values() == [[]]


def test_gspread_tells_errors(gspread_client, sandbox, control):
    book = gspread_client.open_by_key(sandbox["workbook"])
    with pytest.raises(gspread.WorksheetNotFound):
        book.worksheet("Không có")
    with pytest.raises(gspread.exceptions.APIError) as caught:
        book.values_get("Không có!A1")
    assert caught.value.code == 400
    assert "Unable to parse range: Không có!A1" in str(caught.value)
    with pytest.raises(gspread.SpreadsheetNotFound):
        gspread_client.open_by_key("none")
    control("POST", "/faults", {"path": "values", "effect": {"kind": "status", "status": 429}})
    with pytest.raises(gspread.exceptions.APIError) as caught:
        book.values_get("NV!A1")
    assert caught.value.code == 429


# --- google-api-python-client ---


def test_googleapiclient_reads(service, sandbox):
    sheets = service(READ).spreadsheets()
    book = sheets.get(spreadsheetId=sandbox["workbook"], fields="sheets(properties(sheetId,title,hidden))").execute()
    assert set(book) == {"sheets"}
    assert book["sheets"][0] == {"properties": {"sheetId": 0, "title": "Khách hàng"}}
    answer = (
        sheets.values()
        .batchGet(
            spreadsheetId=sandbox["workbook"],
            ranges=["'Khách hàng'!A:P", "'T11'", "NV!A1:B2"],
            valueRenderOption="UNFORMATTED_VALUE",
            dateTimeRenderOption="SERIAL_NUMBER",
        )
        .execute()
    )
    customers, empty, staff = answer["valueRanges"]
    assert customers["range"] == "'Khách hàng'!A1:P1000"
    assert customers["values"][2][15] == "Đồng ý nhận tin"
    assert "values" not in empty
    assert staff["values"][1] == ["Lan Anh", "lan.anh@congty.example"]
    grid = sheets.get(spreadsheetId=sandbox["workbook"], ranges=["NV!A2:C2"], includeGridData=True).execute()
    cells = grid["sheets"][0]["data"][0]["rowData"][0]["values"]
    assert cells[2]["effectiveValue"] == {"numberValue": 100000}


def test_googleapiclient_writes_and_is_refused(service, sandbox, tab):
    sheets = service(WRITE).spreadsheets()
    name = "'" + tab.title.replace("'", "''") + "'"
    body = {"values": [["Họ tên", "Ngày"], ["An", "21/11/2026"]]}
    answer = (
        sheets.values()
        .update(spreadsheetId=sandbox["workbook"], range=f"{name}!A1:B2", valueInputOption="USER_ENTERED", body=body)
        .execute()
    )
    assert answer["updatedCells"] == 4
    read = sheets.values().get(spreadsheetId=sandbox["workbook"], range=f"{name}!B2", valueRenderOption="UNFORMATTED_VALUE")
    assert read.execute()["values"] == [[46347]]
    appended = (
        sheets.values()
        .append(spreadsheetId=sandbox["workbook"], range=name, valueInputOption="RAW", body={"values": [["Bình"]]})
        .execute()
    )
    assert appended["updates"]["updatedRange"] == f"{name}!A3"
    with pytest.raises(HttpError) as caught:
        service(READ).spreadsheets().values().clear(spreadsheetId=sandbox["workbook"], range=name, body={}).execute()
    assert caught.value.status_code == 403
    assert "insufficient authentication scopes" in caught.value.reason
    with pytest.raises(HttpError) as caught:
        sheets.batchUpdate(
            spreadsheetId=sandbox["workbook"],
            body={"requests": [{"addSheet": {"properties": {"title": tab.title}}}]},
        ).execute()
    assert caught.value.status_code == 400 and "already exists" in caught.value.reason


def test_googleapiclient_retries_over_faults(service, sandbox, control):
    control("POST", "/faults", {"path": "values/", "times": 2, "effect": {"kind": "status", "status": 503}})
    request = service(READ).spreadsheets().values().get(spreadsheetId=sandbox["workbook"], range="NV!A1")
    assert request.execute(num_retries=3)["values"] == [["NV"]]


# --- google-auth ---


def test_google_auth_refreshes_when_the_token_ends(sandbox, control):
    session = google.auth.transport.requests.AuthorizedSession(credentials(sandbox, READ))
    url = f"{sandbox['base_url']}/v4/spreadsheets/{sandbox['workbook']}/values/NV!A1"
    assert session.get(url).status_code == 200
    first = session.credentials.token
    control("POST", "/revoke")
    assert session.get(url).status_code == 200, "the client meets 401 and fetches another token"
    assert session.credentials.token != first


def test_google_auth_shows_what_the_token_endpoint_says(sandbox):
    info = dict(sandbox["key"], client_email="nobody@sandbox-project.iam.gserviceaccount.example")
    stranger = service_account.Credentials.from_service_account_info(info, scopes=[READ])
    with pytest.raises(RefreshError, match="account not found"):
        stranger.refresh(google.auth.transport.requests.Request())

"""A browser on the demo page.

DEMO_URL is the address that `sheetbridge demo --listen 127.0.0.1:0` prints. CHROMIUM and CHROMEDRIVER name
the programs if they are not Debian's. Tests drive the page as a person does, with mouse and keyboard; only
to know where to click do they ask the page's own JSON.
"""

import json
import os
import tempfile
import urllib.request

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CUSTOMERS = "Khách hàng"


@pytest.fixture(scope="session")
def url():
    return os.environ["DEMO_URL"].rstrip("/") + "/"


@pytest.fixture(scope="session")
def driver():
    options = Options()
    options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    profile = tempfile.TemporaryDirectory()
    for argument in [
        "--headless=new",
        "--no-sandbox",  # as root
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1440,900",
        f"--user-data-dir={profile.name}",
    ]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()
    profile.cleanup()


class Page:
    """The page as a person uses it."""

    def __init__(self, driver, url):
        self.driver = driver
        self.url = url

    def open(self):
        self.driver.get(self.url)
        self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, 'body[data-ready="true"]'))
        return self

    def wait(self, look, seconds=10, why="what was waited for did not come"):
        return WebDriverWait(self.driver, seconds, poll_frequency=0.1).until(lambda _: look(), why)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        """An element's text, or None while it is not drawn."""
        return self.driver.execute_script(
            "return document.querySelector(arguments[0])?.textContent ?? null", selector
        )

    def texts(self, selector):
        """The texts of all that fit, read at one moment."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)", selector
        )

    def state(self):
        with urllib.request.urlopen(self.url + "api/state") as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    # The sheet

    def tab(self, title=CUSTOMERS):
        return next(tab for tab in self.state()["sheet"]["tabs"] if tab["title"] == title)

    def shown(self, row, column, title=CUSTOMERS):
        """What the workbook holds at a row (from 1) and column (from 0)."""
        rows = self.tab(title)["rows"]
        cells = rows[row - 1] if row <= len(rows) else []
        cell = cells[column] if column < len(cells) else None
        return cell["text"] if cell else ""

    def columns(self, title=CUSTOMERS):
        """Header → column (from 0) and the header's row (from 1)."""
        for number, row in enumerate(self.tab(title)["rows"], 1):
            texts = [cell["text"] if cell else "" for cell in row]
            if "Họ tên" in texts:
                return {text: at for at, text in enumerate(texts) if text}, number
        raise AssertionError(f"no header in {title}")

    def last_customer(self):
        """The row (from 1) of the last customer."""
        columns, _ = self.columns()
        rows = self.tab()["rows"]
        number, name = columns["STT"], columns["Họ tên"]
        filled = [
            at
            for at, row in enumerate(rows, 1)
            if len(row) > name and row[name] and row[number] and row[number]["text"].isdigit()
        ]
        return filled[-1]

    def click(self, selector):
        """Clicks, again if the element is drawn anew at that very moment."""

        def click():
            try:
                self.find(selector).click()
                return True
            except StaleElementReferenceException:
                return False

        self.wait(click)

    def click_cell(self, name):
        self.click(f'[data-cell="{name}"]')

    def keys(self, *keys):
        """Types where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def chord(self, *held_then_key):
        *held, key = held_then_key
        chain = ActionChains(self.driver)
        for one in held:
            chain.key_down(one)
        chain.send_keys(key)
        for one in reversed(held):
            chain.key_up(one)
        chain.perform()

    def go_to(self, row):
        """Brings a row (from 1) into sight by scrolling, as with the wheel."""
        self.driver.execute_script(
            "document.getElementById('cells').scrollTop = Math.max(0, (arguments[0] - 14) * 27)", row
        )
        self.wait(lambda: self.all(f'[data-number="{row - 1}"]'))

    def show_cell(self, name):
        """Scrolls sideways until a cell of a row in sight is in sight."""
        self.driver.execute_script(
            "document.querySelector(arguments[0]).scrollIntoView({block: 'nearest', inline: 'center'})",
            f'[data-cell="{name}"]',
        )

    def context(self, element, act):
        ActionChains(self.driver).context_click(element).perform()
        self.wait(lambda: self.all(f'#menu [data-act="{act}"]'))[0].click()

    # The right side

    def side(self, name):
        self.find(f'.side-tabs [data-view="{name}"]').click()

    def english(self, yes):
        self.find(f'[data-lang="{"en" if yes else "vi"}"]').click()


@pytest.fixture
def page(driver, url):
    return Page(driver, url).open()


@pytest.fixture(autouse=True)
def no_errors_in_the_console(driver):
    driver.get_log("browser")
    yield
    severe = [line for line in driver.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []


__all__ = ["By", "Keys", "Page"]

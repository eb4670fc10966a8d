"""What journeys share: an instance used by commands beside its pages, its gateway, its customers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.gateway import answer, gateway
from tests.people import PASSWORD
from tests.test_whole_way import Receipts, Shop

ADMIN = "admin@shop.example"
TEXT = '【可乐店】{{name|default:"您好"}}，本周日全场八折。拒收请回复R'


class House(Shop):
    """`house("contact", "list")` runs a command on it; its pages are at `base`."""

    def __init__(self, folder: Path):
        super().__init__({"COOEE_INSTANCE": str(folder)})
        self.base = ""
        self.cookies: dict[str, dict] = {}


def opened(page, email: str, password: str = PASSWORD) -> None:
    """Sign in at the sign-in page, whatever its language; ends on the Overview."""
    page.goto("/login")
    page.locator("#email").fill(email)
    page.locator("#password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")


def go(page, place: str) -> None:
    """By the menu, as a visitor does; ends when the page has its scripts."""
    with page.expect_navigation():
        page.locator("#menu").get_by_role("link", name=place).click()


class Sink:
    """A gateway that takes every text, and tells a moment later what became of it."""

    def __init__(self):
        self.texts: dict[str, list[str]] = {}
        self.receipts = Receipts()

    def take(self, call, _connection) -> bytes:
        message = call.json
        self.texts.setdefault(message["to"], []).append(message["text"])
        self.receipts.todo.append((message["callback"], message["ref"]))
        return answer(200, {"id": f"g-{message['ref']}", "status": "accepted"})


@contextlib.contextmanager
def listening() -> Iterator[Sink]:
    """A sink on a real socket; its address is `sink.url`."""
    sink = Sink()
    sink.receipts.start()
    with gateway(sink.take) as at:
        sink.url = f"{at.url}/send"
        yield sink
    sink.receipts.done.set()


BODY = json.dumps({"to": "{to}", "text": "{text}", "ref": "{ref}", "callback": "{callback}"})
PATHS = {"id_path": "id", "status_path": "status", "ref_path": "ref", "code_path": "code"}


def connect(house: House, sink: Sink, name: str) -> None:
    """An account on the sink, by command."""
    values = {"url": sink.url, "body": BODY} | PATHS
    pairs = (part for key, value in values.items() for part in ("--set", f"{key}={value}"))
    house("account", "add", name, "--provider", "http", *pairs)


def customers(folder: Path, first: int, n: int) -> Path:
    """A file of `n` people with numbers from 138 0001 0000 + `first` on: every third from 上海, every fifth
    without consent."""
    file = folder / "顾客.csv"
    rows = [
        f"1380001{first + i:04d},客户{i},{('上海', '北京', '广州')[i % 3]},{'否' if i % 5 == 0 else '是'}"
        for i in range(n)
    ]
    file.write_bytes("\n".join(["手机号,姓名,城市,同意营销", *rows]).encode("gb18030"))
    return file


def take_in(house: House, folder: Path, first: int, n: int, *more: str) -> None:
    """Import such a file by command."""
    house(
        "contact", "import", customers(folder, first, n), "--region", "CN", "--consent-source", "till", *more
    )

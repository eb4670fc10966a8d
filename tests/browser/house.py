"""What journeys share: an instance used by commands beside its pages, and its customers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.people import PASSWORD
from tests.servers import cooee_up
from tests.shop import Shop

ADMIN = "admin@shop.example"


class House(Shop):
    """`house("contact", "list")` runs a command on it; its pages are at `base`."""

    def __init__(self, folder: Path):
        super().__init__({"COOEE_INSTANCE": str(folder)})
        self.base = ""
        self.cookies: dict[str, dict] = {}


@contextlib.contextmanager
def started(folder: Path, *commands: tuple[str, ...]) -> Iterator[House]:
    """An instance with an administrator, after these commands, with web and workers running."""
    house = House(folder)
    house("init", "--admin", ADMIN, "--password-stdin", stdin=PASSWORD)
    for command in commands:
        house(*command)
    with cooee_up(house.env) as house.base:
        house.env["COOEE_PUBLIC_URL"] = house.base
        yield house


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

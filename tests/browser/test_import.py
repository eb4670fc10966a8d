"""Customers come in by the four steps of the import, messy as they are, and go out again."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.house import go
from tests.servers import ROOT

DATA = ROOT.parent / "shared" / "data"
HEADER = "手机号,姓名,国家,性别,出生日期,城市,会员等级,累计消费,首购品类,同意营销"
#: One person written three ways, junk, an impossible date, quotes and a formula.
MESSY = [
    "15000020001,王芳,CN,女,1990-02-12,上海,金卡,128.14,护肤,是",
    "+86 150 0002 0002,李强,CN,男,1985/10/3,北京,银卡,99,母婴,否",
    "１５００００２０００３,张娜,CN,女,,上海,,,,",
    "0086-150-0002-0004,赵敏,CN,女,1993年2月30日,广州,钻石,5.86,食品,1",
    "150 0002 0001,王芳,CN,,,杭州,,,,",
    "＋８６１５００００２０００１,,,,,,,201,,是",
    '15000020005,"陈""小""明, 先生",CN,男,1999-04-03,上海,金卡,12,数码,Y',
    "15000020006,=SUM(A1:A9),CN,,,北京,,,,",
    "无,没有号码,CN,,,,,,,是",
    "12345,太短,CN,,,,,,,是",
]


def figures(page) -> dict[str, int]:
    """The tiles of the result, once nothing runs any more."""
    expect(page.get_by_role("button", name=re.compile("^Undo this import"))).to_be_visible(timeout=90_000)
    tiles = page.locator(".tiles .tile")
    words = [tiles.nth(i).locator("span").first.inner_text().lower() for i in range(tiles.count())]
    return {
        word: int(tiles.nth(i).locator(".v").inner_text().replace(",", "")) for i, word in enumerate(words)
    }


def bring(page, file: Path) -> dict[str, int]:
    """Through the four steps with what Cooee proposes; ends on the result."""
    go(page, "Contacts")
    page.get_by_role("link", name="Import contacts").first.click()
    page.get_by_label("CSV or Excel file").set_input_files(file)
    page.get_by_role("button", name="Look at the columns").click()

    expect(page.locator("#columns")).to_contain_text(re.compile("GB18030", re.IGNORECASE))
    expect(page.get_by_label("Where 手机号 goes")).to_have_value("phone")
    expect(page.get_by_label("Where 同意营销 goes")).to_have_value("consent")
    page.get_by_role("button", name="Go on to the rules").click()

    page.get_by_label("Country of numbers written without one").select_option("CN")
    page.get_by_label("Where the consent comes from").fill("paper form, shop Xintiandi")
    page.get_by_role("button", name="Start the import").click()
    return figures(page)


def undo(page) -> None:
    """Take the import back by its dialog, and wait until that is done."""
    page.get_by_role("button", name="Undo this import").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(page.url.rsplit("/", 1)[1])
    dialog.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.get_by_text("This import was undone.")).to_be_visible(timeout=90_000)


@pytest.fixture
def people(live):
    """All contacts, by command."""
    return lambda: live.json("contact", "list")


def test_a_messy_file_comes_in_and_goes_out_again(page, live, tmp_path, people):
    before = len(people())
    file = tmp_path / "顾客 五月.csv"
    file.write_bytes("\r\n".join([HEADER, *MESSY]).encode("gb18030"))

    done = bring(page, file)
    assert done == {"created": 6, "updated": 0, "unchanged": 0, "duplicates": 2, "rejected": 2}
    assert len(people()) == before + 6
    card = live.json("contact", "show", "+8615000020001")
    assert card["fields"]["city"] == "杭州", "a later row wins"

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    head, *rejects = csv.reader(Path(download.value.path()).read_text("utf-8-sig").splitlines())
    assert head[-10:] == HEADER.split(",")
    assert [row[-10:] for row in rejects] == [line.split(",") for line in MESSY[-2:]]
    assert all(row[1] for row in rejects), "each has its reason"

    undo(page)
    assert len(people()) == before


def test_the_same_file_twice_is_harmless(page, tmp_path):
    file = tmp_path / "twice.csv"
    file.write_bytes(
        "\r\n".join([HEADER, *(row.replace("0002", "0003") for row in MESSY[:2])]).encode("gb18030")
    )
    assert bring(page, file)["created"] == 2
    again = bring(page, file)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)
    expect(page.get_by_text("This very file was imported already")).to_be_visible()
    undo(page)


@pytest.mark.skipif(not (DATA / "customers_zh.csv").exists(), reason="The large customer file is not here.")
def test_twenty_thousand_customers_equal_the_truth(page, live, people):
    truth, before = json.loads((DATA / "truth_zh.json").read_text()), people()
    done = bring(page, DATA / "customers_zh.csv")
    assert {key: done[key] for key in ("created", "duplicates", "rejected")} == {
        key: truth[key] for key in ("created", "duplicates", "rejected")
    }
    here = people()
    assert len(here) == len(before) + truth["created"]
    agreed = [who["phone"] for who in here if who["consent"] == "yes"]
    assert len(agreed) == truth["consent_yes"] + sum(who["consent"] == "yes" for who in before)

    go(page, "Segments")
    page.get_by_role("link", name="New segment").first.click()
    page.locator("summary", has_text="Add a line").click()
    page.get_by_role("button", name="City", exact=True).click()
    city = page.locator("#p-0_0-value")
    for name, n in list(truth["by_city"].items())[:3]:
        city.select_option(label=name)
        n += sum(who["fields"].get("city") == name for who in before)
        expect(page.locator("#kept-0_0 .num")).to_have_text(f"{n:,}")
    page.go_back()

    page.goto("/imports")
    page.get_by_role("link", name="customers_zh.csv").first.click()
    undo(page)
    assert len(people()) == len(before)

"""A vendor's bill beside our messages: every difference is found, in any spelling of the file."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import State
from core.db.models import Invoice
from core.sending import accounts, invoices
from core.sending.invoices import reading
from tests import send_kit as kit


@pytest.fixture
def sent(rt):
    """(account, [(id, provider id, submitted at, number)]) of six messages, each one part for 0.05 CNY."""
    campaign, id_ = kit.setup(rt, kit.Tape(window=10), n=6, price=50_000)
    kit.send_all(rt, campaign)
    rows = database.query(
        "SELECT m.id, m.provider_id, m.submitted_at, c.phone_enc FROM message m JOIN contact c ON c.id = m.contact_id "
        "WHERE m.campaign_id = ? ORDER BY m.id",
        (campaign,),
    )
    with database.write_tx():
        database.execute("UPDATE message SET parts = 1, cost_micros = 50000")
    return accounts.get(id_), [(i, p, at, rt.keys.open_number(e)) for i, p, at, e in rows]


def iso(ms: int) -> str:
    return clock.from_ms(ms).strftime("%Y-%m-%d %H:%M:%S")


def bill(tmp_path, rows, head=("Message SID", "To", "Date Sent", "Segments", "Price", "Currency"), **how):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=how.get("delimiter", ","))
    writer.writerow(head)
    writer.writerows(rows)
    path = tmp_path / f"bill-{abs(hash(str(rows) + str(how)))}.csv"
    path.write_bytes(out.getvalue().encode(how.get("encoding", "utf-8")))
    return path


def take(rt, account, path, **how):
    id_ = invoices.take(rt, account, path, path.name, how.pop("columns", None), **how)
    _invoice, totals = invoices.get(id_)
    return id_, {name: one["n"] for name, one in totals["findings"].items()}, totals


def test_every_kind_of_difference_is_found(rt, sent, tmp_path):
    account, ours = sent
    line = lambda n, parts=1, price="-0.05": (ours[n][1], ours[n][3], iso(ours[n][2]), parts, price, "CNY")  # noqa: E731
    rows = [line(0), line(1, parts=2), line(2, price="0.08"), line(3), line(3)]
    rows += [("nobody", "+8613999999999", iso(ours[0][2]), 1, "0.05", "CNY"), ("", "", "", 8, "0.40", "CNY")]
    rows.append(("stray", "", iso(ours[-1][2] + 2000), 1, "0.05", "CNY"))
    id_, found, totals = take(rt, account, bill(tmp_path, rows))
    assert found == {"ok": 2, "parts": 1, "price": 1, "twice": 1, "not_ours": 2, "not_billed": 2}
    assert totals["findings"]["price"]["micros"] == 30_000
    assert totals["findings"]["not_billed"]["micros"] == -100_000
    missing, more = invoices.page(id_, "not_billed")
    assert {row.message_id for row in missing} == {ours[4][0], ours[5][0]} and not more
    stored = str(database.query("SELECT number FROM invoice_line"))
    assert not any(number[1:] in stored for _i, _p, _at, number in ours)
    cn = next(group for group in totals["groups"] if group["class"] == "mass")
    assert (cn["country"], cn["our_messages"], cn["our_micros"]) == ("CN", 6, 300_000)


@pytest.mark.parametrize("mask", [False, True])
def test_without_ids_lines_are_found_by_number_and_time(rt, sent, tmp_path, mask):
    account, ours = sent
    shown = lambda number: f"{number[:6]}****{number[-4:]}" if mask else number[3:]  # noqa: E731
    rows = [(shown(number), iso(at + 60_000), "0.05") for _i, _p, at, number in ours]
    rows.append((shown("+8613912349876"), iso(ours[0][2]), "0.05"))
    path = bill(tmp_path, rows, head=("手机号", "发送时间", "金额"), encoding="gb18030", delimiter=";")
    _id, found, _totals = take(rt, account, path)
    assert found == {"ok": 6, "not_ours": 1}


def test_a_line_a_part_under_one_id_is_one_message(rt, sent, tmp_path):
    account, ours = sent
    with database.write_tx():
        database.execute("UPDATE message SET parts = 2, cost_micros = 100000 WHERE id = ?", (ours[0][0],))
    rows = [(ours[0][1], iso(ours[0][2]), "0.05")] * 2
    _id, found, _totals = take(rt, account, bill(tmp_path, rows, head=("id", "date", "price")))
    assert found["ok"] == 2 and "twice" not in found and "price" not in found


def test_a_refused_message_is_not_missed_and_another_accounts_is_not_ours(rt, sent, tmp_path):
    account, ours = sent
    other = accounts.create(rt, "other", "scripted", {})
    with database.write_tx():
        database.execute("UPDATE message SET state = ? WHERE id = ?", (int(State.rejected), ours[5][0]))
        database.execute("UPDATE message SET account_id = ? WHERE id = ?", (other.id, ours[4][0]))
    rows = [(p, iso(at), "0.05") for _i, p, at, _n in ours[:5]]
    _id, found, _totals = take(rt, account, bill(tmp_path, rows, head=("id", "date", "price")))
    assert found == {"ok": 4, "not_ours": 1}


def test_the_same_file_twice_is_refused_until_it_is_forgotten(rt, sent, tmp_path):
    account, ours = sent
    path = bill(tmp_path, [(ours[0][1], iso(ours[0][2]), "0.05")], head=("id", "date", "price"))
    id_, *_rest = take(rt, account, path)
    with pytest.raises(Refusal, match=f"bill {id_}"):
        take(rt, account, path)
    invoices.remove(id_, "ann")
    assert database.scalar("SELECT COUNT(*) FROM invoice_line") == 0
    take(rt, account, path)


def test_columns_can_be_named_and_what_is_missing_is_said(rt, sent, tmp_path):
    account, ours = sent
    path = bill(tmp_path, [(ours[0][1], "0.05")], head=("Kennung", "Betrag"))
    with pytest.raises(Refusal, match="Kennung, Betrag"):
        take(rt, account, path)
    _id, found, _totals = take(rt, account, path, columns={"id": "Kennung", "price": "betrag"})
    assert found == {"ok": 1}  # without dates nothing is said of what the bill leaves out
    path = bill(tmp_path, [(ours[1][1], "0.05")], head=("Kennung", "Betrag"))
    with pytest.raises(Refusal, match="no column"):
        take(rt, account, path, columns={"id": "Nummer"})


def test_the_export_is_safe_for_spreadsheets(rt, sent, tmp_path, cli):
    account, ours = sent
    rows = [("=HYPERLINK(1)", iso(ours[0][2]), "0.05"), (ours[0][1], iso(ours[0][2] + 1000), "0.05")]
    path = bill(tmp_path, rows, head=("id", "date", "price"))
    told = cli("invoice", "import", account.name, path, "--json")
    assert told.exit_code == 0, told.output
    data = json.loads(told.output)
    assert (data["lines"], data["findings"]["not_ours"]["n"]) == (2, 1)
    out = cli("invoice", "export", data["id"]).output
    assert '"\'=HYPERLINK(1)"' in out and ours[0][1] not in out.split("not_billed")[0]
    assert json.loads(cli("invoice", "list", account.name, "--json").output)[0]["id"] == data["id"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("-0.0075", (7500, "")), ("0,045", (45_000, "")), ("¥0.05", (50_000, "CNY")), ("0.05 USD", (50_000, "USD")),
     ("1,234.50", (1_234_500_000, "")), ("free", (None, "")), ("", (None, ""))],
)  # fmt: skip
def test_prices_are_read_as_vendors_write_them(text, wanted):
    assert reading._price(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2026-11-22 02:01:17", (1_795_312_877_000, False)), ("2026-11-22T02:01:17Z", (1_795_312_877_000, False)),
     ("2026/11/22 02:01", (1_795_312_860_000, False)), ("1795312877", (1_795_312_877_000, False)),
     ("22.11.2026", (1_795_305_600_000, True)), ("soon", (None, False))],
)  # fmt: skip
def test_times_are_read_as_vendors_write_them(text, wanted):
    assert reading._Times(UTC).read(text) == wanted


def test_the_difference_is_that_of_the_figures_beside_it(client, rt_sqlite):
    group = {
        "month": "2026-11",
        "country": "CN",
        "class": "mass",
        "lines": 1,
        "parts": 1,
        "our_messages": 1,
        "our_parts": 1,
    }
    totals = {
        "groups": [group | {"micros": 145_000, "our_micros": 134_000}], "findings": {}, "comparable": True,
        "our_currency": "CNY",
    }  # fmt: skip
    account_id = accounts.create(rt_sqlite, "one", "simulator", {}).id
    bill = Invoice.create(
        account_id=account_id, name="bill.csv", digest="x", currency="CNY", from_at=1, to_at=2, lines=1,
        totals=json.dumps(totals), at=1,
    )  # fmt: skip
    page = client.get(f"/providers/invoices/{bill.id}").get_data(as_text=True)
    tiles = page.split('class="tiles"')[1].split('class="card', 5)
    shown = [re.search(r'class="v">\D*([\d.]+)', tile)[1] for tile in tiles[1:4]]
    # 0.145 is 0.15 and 0.134 is 0.13, so 0.011 stands there as 0.02.
    assert shown == ["0.15", "0.13", "0.02"]

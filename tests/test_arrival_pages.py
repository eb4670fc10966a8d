"""The pages, the file and the command of arrival: figures with their denominators, and who may act."""

import csv
import io
import json

import pytest

from core import clock
from core.db import database
from core.measure.arrival import cells, figures, watch
from tests import arrival_kit as kit
from tests import measure_kit

H = clock.HOUR_MS


def _text(answer) -> str:
    return answer.get_data(as_text=True)


def _filled(name: str = "Wire") -> int:
    now = clock.now_ms()
    account = kit.account(name)
    kit.carriers("中国移动", "中国联通", "中国电信", n=3_000)
    campaign = measure_kit.campaign()
    rows = kit.stretch(900, 0.9, first=now - 50 * H, last=now - 30 * H, exact=True, account=account)
    rows += kit.stretch(20, 0.5, first=now - 2 * H, last=now - H, exact=True, account=account, lost=True)
    kit.send(campaign, rows)
    return account


def test_before_any_text_the_page_explains_itself(client):
    page = _text(client.get("/providers/arrival"))
    assert "Once texts go out, this page shows how many of them arrive" in page


def test_the_page_says_figures_with_intervals_and_denominators(client, rt_sqlite):
    account = _filled()
    kit.look(rt_sqlite)
    page = _text(client.get("/providers/arrival"))
    assert "中国移动" in page and "中国联通" in page
    assert "UNDELIV" in page
    one = figures.table(("account_id",), figures.Filter())[account,]
    assert (one.sent, one.delivered, one.failed, one.pending) == (920, 820, 90, 10)
    assert f"{one.day.share * 100:.1f} %" in page
    assert one.day.low < one.day.share < one.day.high


def test_with_few_texts_it_says_how_many_more_and_no_share(client, rt_sqlite):
    account = kit.account()
    now = clock.now_ms()
    kit.send(
        measure_kit.campaign(),
        kit.stretch(12, 0.5, first=now - 3 * H, last=now - 2 * H, exact=True, account=account),
    )
    kit.look(rt_sqlite)
    page = _text(client.get("/providers/arrival"))
    assert "6 of 12" in page and "need ≈ 18 more" in page
    assert "50.0 %" not in page.split("Why texts did not arrive")[0]


@pytest.mark.parametrize(
    "query", ["?days=30&class=mass&country=CN", "?account=1", "?account=99&days=abc&class=x", "?class=otp"]
)
def test_filters_of_any_kind_are_answered(client, rt_sqlite, query):
    _filled()
    kit.look(rt_sqlite)
    assert client.get(f"/providers/arrival{query}").status_code == 200


def test_a_filter_without_messages_says_so(client, rt_sqlite):
    _filled()
    kit.look(rt_sqlite)
    assert "No texts match" in _text(client.get("/providers/arrival?class=otp"))


def test_the_file_has_the_lines_and_no_formula(client, rt_sqlite):
    _filled("=1+1")
    kit.look(rt_sqlite)
    rows = list(
        csv.DictReader(io.StringIO(_text(client.get("/providers/arrival/export.csv")).lstrip("\ufeff")))
    )
    assert {row["carrier"] for row in rows} == {"中国移动", "中国联通", "中国电信"}
    assert sum(int(row["sent"]) for row in rows) == 920
    assert rows[0]["account"] == "'=1+1"


def test_the_account_page_has_a_card_with_the_buttons(client, rt_sqlite):
    account = _filled()
    kit.look(rt_sqlite)
    assert f"/providers/arrival/{account}/card" in _text(client.get(f"/providers/{account}"))
    card = _text(client.get(f"/providers/arrival/{account}/card", headers={"HX-Request": "true"}))
    assert "Within 5 minutes" in card and "Rest it" in card
    client.post(f"/providers/arrival/{account}/rest", data={"reason": "looks odd"})
    assert kit.watched(account) == ("canary", 100, "looks odd")
    card = _text(client.get(f"/providers/arrival/{account}/card", headers={"HX-Request": "true"}))
    assert "Trust it again" in card and "looks odd" in card
    assert "has dropped" in _text(client.get("/"))
    client.post(f"/providers/arrival/{account}/trust")
    assert kit.watched(account) == ("ok", 10_000, "")


def test_who_may_only_look_cannot_act(login, rt_sqlite):
    account = _filled()
    kit.look(rt_sqlite)
    viewer = login("viewer")
    assert viewer.get("/providers/arrival").status_code == 200
    assert "Rest it" not in _text(viewer.get(f"/providers/arrival/{account}/card"))
    assert viewer.post(f"/providers/arrival/{account}/rest").status_code == 403
    assert viewer.post(f"/providers/arrival/{account}/trust").status_code == 403


def test_the_page_speaks_chinese(client, rt_sqlite):
    _filled()
    kit.look(rt_sqlite)
    client.set_cookie("cooee_language", "zh_Hans")
    page = _text(client.get("/providers/arrival", headers={"Accept-Language": "zh-CN"}))
    assert "5 分钟内到达" in page


def test_the_command_gives_every_share_with_its_parts(cli, rt):
    account = _filled()
    assert "Nothing was counted yet" in cli("arrival").output
    watched = json.loads(cli("arrival", "watch", "--json").output)
    assert watched[0]["state"] == "ok" and watched[0]["usual"] == pytest.approx(0.9, abs=0.02)
    lines = json.loads(cli("arrival", "--account", "Wire", "--json").output)
    assert {line["carrier"] for line in lines} == {"中国移动", "中国联通", "中国电信"}
    share = lines[0]["within_24h"]
    assert (
        share["denominator"] == lines[0]["sent"]
        and share["interval"][0] < share["value"] < share["interval"][1]
    )
    assert "within 24 h" in cli("arrival", "--account", account).output
    assert cli("arrival", "--account", "nobody").exit_code == 1


def test_the_command_rests_and_trusts(cli, rt):
    account = _filled()
    assert json.loads(cli("arrival", "watch", "--rest", "Wire", "--json").output)[0]["state"] == "canary"
    assert kit.watched(account)[1] == 100
    assert json.loads(cli("arrival", "watch", "--trust", "Wire", "--json").output)[0]["state"] == "ok"


# --- counting -----------------------------------------------------------------------------------------


def test_cells_say_what_the_messages_say(rt):
    account = _filled()
    cells.count(rt)
    stored = database.one(
        "SELECT SUM(sent), SUM(delivered), SUM(failed), SUM(in_5m), SUM(in_24h), SUM(cost_micros) FROM arrival_cell "
        "WHERE account_id = ?",
        (account,),
    )
    told = database.one(
        "SELECT COUNT(*), SUM(CASE WHEN state = 4 THEN 1 ELSE 0 END), SUM(CASE WHEN state = 5 THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 300000 THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 86400000 THEN 1 ELSE 0 END), SUM(cost_micros) FROM message"
    )
    assert [int(x) for x in stored] == [int(x) for x in told]


def test_counting_again_changes_nothing_and_reads_nothing(rt):
    _filled()
    assert cells.count(rt) > 0
    before = database.query("SELECT * FROM arrival_cell ORDER BY 1, 2, 3, 4, 5")
    assert cells.count(rt) == 0
    assert database.query("SELECT * FROM arrival_cell ORDER BY 1, 2, 3, 4, 5") == before


def test_a_late_receipt_opens_its_hour_again(rt, monkeypatch):
    account = kit.account()
    now = clock.now_ms()
    campaign = measure_kit.campaign()
    rows = kit.stretch(
        40, 0.5, first=now - 20 * H, last=now - 20 * H + 60_000, exact=True, lost=True, account=account
    )
    kit.send(campaign, rows)
    cells.count(rt)
    with database.write_tx():
        database.execute("UPDATE message SET state = 4, final_at = ? WHERE state = 3", (now,))
        database.execute("UPDATE tally SET n = 40 WHERE state = 4")
        database.execute("UPDATE tally SET n = 0 WHERE state = 3")
    assert cells.count(rt) == 0, "an hour of yesterday is not read anew each minute"
    monkeypatch.setattr(clock, "now_ms", lambda: now + 3 * H)
    assert cells.count(rt) > 0
    delivered, late = database.one(f"SELECT SUM(delivered), SUM({cells.CAME[13]}) FROM arrival_cell")
    assert (int(delivered), int(late)) == (40, 20)


def test_single_messages_are_counted_with_the_campaigns(rt):
    account = kit.account()
    now = clock.now_ms()
    direct = measure_kit.campaign("direct:otp", segment_id=None, launch_key="direct:otp", state="running")
    kit.send(direct, [kit.text(now - 10_000 * i, True, account=account) for i in range(1, 41)])
    cells.count(rt)
    assert database.scalar("SELECT SUM(sent) FROM arrival_cell") == 40


def test_routing_reads_a_rate_for_every_width(rt):
    account = _filled()
    kit.look(rt)
    rates = {(country, carrier): (rate, low, high, n) for country, carrier, rate, low, high, n in database.query(
        "SELECT country, carrier, rate, low, high, n FROM arrival_rate WHERE account_id = ?", (account,))}  # fmt: skip
    assert rates.keys() == {
        ("", ""),
        ("CN", ""),
        *(("CN", name) for name in ("中国移动", "中国联通", "中国电信")),
    }
    for rate, low, high, n in rates.values():
        assert low < rate < high and n > 0
        assert rate == pytest.approx(0.9, abs=0.03)


def test_a_fresh_hour_does_not_drag_the_rate_down(rt):
    """300 texts of the last minutes without receipts yet, after days in which receipts took 20 minutes."""
    account, campaign, now = kit.account(), measure_kit.campaign(), clock.now_ms()
    rows = kit.stretch(
        600, 0.95, first=now - 60 * H, last=now - 30 * H, exact=True, account=account, seconds=1_200
    )
    rows += kit.stretch(300, 0.0, first=now - 5 * 60_000, last=now, lost=True, account=account)
    kit.send(campaign, rows)
    kit.look(rt)
    rate = database.scalar("SELECT rate FROM arrival_rate WHERE account_id = ? AND carrier = ''", (account,))
    assert rate == pytest.approx(0.95, abs=0.02)


def test_by_hand_beats_a_look_that_was_under_way(rt, monkeypatch):
    """Somebody rests the account between reading and storing: the look gives way."""
    account = _filled()
    kit.look(rt)
    real = watch.rows.between

    def meanwhile(*args):
        monkeypatch.setattr(watch.rows, "between", real)
        watch.rest(account, "me@shop.example", "now")
        return real(*args)

    monkeypatch.setattr(watch.rows, "between", meanwhile)
    watch.run(rt)
    assert kit.watched(account) == ("canary", 100, "now")

"""The dry run says what then really happens, person by person."""

import json
from collections import Counter
from datetime import datetime

import pytest

from core import clock
from core.audience import segments
from core.audience.segments import figures
from core.content import parts
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import LineType
from core.db.models import CampaignCheck, Field
from core.sending import checking, drafts, dryrun, expand, launch, people, render
from core.sending.item import Item
from core.sending.prices import Prices
from core.timing.zones import wall_to_ms
from tests import campaign_kit as kit

ZH = "【可乐店】{{honorific}}，您常买的护肤系列本周日全场八折，满200再减30，仅限11月22日。k.la/Xp7vQ2mT9a 拒收请回复R"
EN = "Cola: {{first_name}}, 20% off skin care in {{city}} this Sunday only. Reply STOP to opt out"


def mixed_crowd(rt) -> None:
    """People of two countries and languages, with and without names and cities, some not to be texted."""
    city = Field.get(Field.key == "city")
    with database.write_tx():
        database.execute(
            "INSERT INTO field_choice (field_id, code, text) VALUES (?, 1, 'Bristol')", (city.id,)
        )
    names = ["王芳", "欧阳娜娜", "李", None, "Anna Smith", "Şule Yılmaz", "Bob O’Hara"]
    for n in range(140):
        name = names[n % 7]
        country, language = ("CN", "zh") if n % 7 < 4 else ("GB", "en")
        kit.person(
            rt, n, name=name, country=country, language=language,
            consent=0 if n % 11 == 0 else kit.MASS, blocked=kit.MASS if n % 13 == 0 else 0,
            line=LineType.fixed if n % 17 == 0 else LineType.mobile,
            **({city.column: 1} if n % 5 else {}),
        )  # fmt: skip


def draft(rt, **given) -> int:
    account = kit.account(rt, "priced", price=45_000)
    with database.write_tx():
        database.execute(
            "INSERT INTO price (account_id, country, cls, micros_per_part, currency, from_at) "
            "VALUES (?, 'GB', -1, 300000, 'CNY', 0)",
            (account,),
        )
    templates = [(kit.template("offer", default="zh", zh=ZH, en=EN), 2), (kit.template("short"), 1)]
    return kit.campaign(rt, account_id=account, templates=templates, **given)


def really(rt, campaign_id: int) -> dict:
    """Launch, expand, and merge every ready message the way the send path does."""
    launch.launch(rt, campaign_id)
    expand.run(rt, campaign_id)
    rows = database.query(
        "SELECT m.id, m.contact_id, m.variant, m.state, m.reason, p.country, p.language FROM message m "
        "JOIN profile p ON p.contact_id = m.contact_id WHERE m.campaign_id = ?",
        (campaign_id,),
    )
    items = [
        Item(id_, contact, variant, 0, None, 0, None, country=country, language=language)
        for id_, contact, variant, state, _reason, country, language in rows
        if state == 0
    ]
    refused = render.fill(rt, render.Words(rt, campaign_id), items, direct=False)
    out = {item.id for item, _reason in refused}
    good = [item for item in items if item.id not in out]
    excluded = Counter(row[4] for row in rows if row[4]) + Counter(reason for _item, reason in refused)
    campaign = drafts.get(campaign_id)
    prices = Prices(campaign.account_id, campaign.cls, clock.now_ms())
    return {
        "audience": len(rows),
        "excluded": dict(excluded),
        "holdout": sum(row[3] == 11 for row in rows),
        "messages": len(good),
        "parts": sum(item.parts for item in good),
        "parts_of": dict(Counter(item.parts for item in good)),
        "encodings": dict(Counter(item.encoding for item in good)),
        "cost": sum(item.parts * prices.micros(item.country) for item in good),
        "variants": dict(Counter(item.variant for item in good)),
        "longest": max((item.parts, len(item.text)) for item in good),
    }


@pytest.mark.parametrize("holdout_bp", [0, 1500])
def test_it_says_what_then_really_happens(rt, holdout_bp, monkeypatch):
    monkeypatch.setattr(dryrun, "CHUNK", 37)
    mixed_crowd(rt)
    campaign_id = draft(rt, holdout_bp=holdout_bp)
    said = dryrun.run(rt, campaign_id)
    done = really(rt, campaign_id)
    assert said.audience == done["audience"] == 140
    assert said.excluded == done["excluded"]
    assert set(said.excluded) == {"landline", "suppressed", "no_consent", "missing_field"}
    assert said.holdout == done["holdout"]
    assert (said.holdout > 0) is (holdout_bp > 0)
    assert (said.messages, said.parts) == (done["messages"], done["parts"])
    assert said.parts_of == done["parts_of"]
    assert said.encodings == done["encodings"]
    assert said.cost_micros == done["cost"] > 0
    assert said.variants == done["variants"]
    assert said.samples[0]["kind"] == "longest"
    assert (said.samples[0]["parts"], len(said.samples[0]["text"])) == done["longest"]
    assert said.audience == said.messages + said.holdout + sum(said.excluded.values())


def test_the_first_step_counts_people_under_the_reasons_of_the_launch(rt):
    mixed_crowd(rt)
    with database.write_tx():
        # Who said no has no consent, as whoever was never asked.
        database.execute("UPDATE profile SET optout_bits = ? WHERE consent_bits = 0", (kit.MASS,))
    said = dryrun.run(rt, draft(rt))
    _kept, reach, _everyone = figures.counts(rt, [], segments.compile(rt, {"all": []}))
    assert reach.total == said.audience
    for reason in ("landline", "suppressed", "no_consent"):
        assert getattr(reach, reason) == said.excluded[reason] > 0
    assert reach.may == said.messages + said.excluded["missing_field"]


def test_missing_fields_are_counted_by_name(rt_sqlite):
    mixed_crowd(rt_sqlite)
    said = dryrun.run(rt_sqlite, draft(rt_sqlite))
    assert said.missing["city"] == said.excluded["missing_field"] > 0
    assert any(finding["code"] == "fields.missing" for finding in said.findings)


def test_characters_that_cost_are_named_with_how_many_people(rt_sqlite):
    for n, name in enumerate(["Anna", "Şule", "Işıl", "Zoë"]):
        kit.person(rt_sqlite, n, name=name, country="GB")
    template = kit.template("t", en="Cola: {{name}}, 20% off. Reply STOP to opt out")
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, templates=[(template, 1)]))
    assert said.breakers == {"Ş": 1, "ş": 1, "ı": 1, "ë": 1}
    assert said.encodings == {"gsm7": 1, "ucs2": 3}


def test_a_chinese_text_has_no_characters_that_cost_more(rt_sqlite):
    kit.person(rt_sqlite, 1, name="王芳")
    said = dryrun.run(
        rt_sqlite, kit.campaign(rt_sqlite, templates=[(kit.template("t", default="zh", zh=ZH), 1)])
    )
    assert said.breakers == {}
    assert parts.count(said.samples[0]["text"], True)[1] == said.parts


def test_a_text_without_fields_is_counted_without_merging(rt_sqlite, monkeypatch):
    kit.crowd(rt_sqlite, 500)
    monkeypatch.setattr(dryrun._Run, "_merge", lambda self, dynamic: pytest.fail("merged"))
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite))
    assert (said.messages, said.parts) == (500, 500)
    assert [sample["kind"] for sample in said.samples] == ["longest"]


def test_it_writes_nothing(rt):
    kit.crowd(rt, 20)
    campaign_id = draft(rt)
    tables = ("message", "tally", "campaign_log", "campaign_check", "variant_text", "message_text")
    before = [database.scalar(f"SELECT COUNT(*) FROM {table}") for table in tables]
    dryrun.run(rt, campaign_id)
    assert before == [database.scalar(f"SELECT COUNT(*) FROM {table}") for table in tables]


@pytest.mark.parametrize(
    ("rate", "account_rate", "seconds"),
    [(None, None, 10), ("50/s", None, 20), ("50/s", 20, 50), (None, 500, 2)],
)
def test_the_finish_follows_from_the_slowest_rate(rt_sqlite, rate, account_rate, seconds):
    kit.crowd(rt_sqlite, 1000)
    account = kit.account(rt_sqlite, "paced", rate=account_rate)
    options = {"rate": rate} if rate else {}
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, account_id=account, options=options))
    assert round((said.finish_at - said.start_at) / 1000) == seconds


def test_the_finish_waits_for_the_hours_of_each_country(rt_sqlite, monkeypatch):
    evening = wall_to_ms(datetime(2026, 11, 23, 20, 59), "Asia/Shanghai")
    monkeypatch.setattr(clock, "now_ms", lambda: evening)
    kit.crowd(rt_sqlite, 900)
    kit.crowd(rt_sqlite, 100, country="GB")
    account = kit.account(rt_sqlite, "slow", rate=10)
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, account_id=account, quiet_hours="on"))
    spans = {span["country"]: span for span in said.spans}
    # 60 s × 10 a second before the night; Britain (12:59) shares them; the rest goes at 08:00 the next day.
    assert spans["CN"]["since"] == evening
    next_day = wall_to_ms(datetime(2026, 11, 24, 8), "Asia/Shanghai")
    assert next_day <= spans["CN"]["until"] == said.finish_at <= next_day + 60_000
    assert spans["GB"]["until"] < next_day
    assert said.rules == ["China: marketing texts between 08:00 and 21:00, Beijing time"]


def test_people_who_wait_for_their_hours_are_counted(rt_sqlite, monkeypatch):
    monkeypatch.setattr(clock, "now_ms", lambda: wall_to_ms(datetime(2026, 11, 23, 12), "Asia/Shanghai"))
    kit.crowd(rt_sqlite, 30)
    kit.crowd(rt_sqlite, 7, country="US")
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, quiet_hours="on"))
    assert said.waiting == 7
    assert any(finding["code"] == "hours.wait" for finding in said.findings)


@pytest.fixture
def dawn(monkeypatch):
    """Six in the morning in Shanghai, ten in the evening in London; returns an hour of that day in Shanghai."""
    monkeypatch.setattr(clock, "now_ms", lambda: wall_to_ms(datetime(2026, 11, 23, 6), "Asia/Shanghai"))
    return lambda hour: wall_to_ms(datetime(2026, 11, 23, hour), "Asia/Shanghai")


def codes(said) -> dict[str, str]:
    return {finding["code"]: finding["level"] for finding in said.findings}


def test_nobody_is_texted_when_the_end_comes_before_the_allowed_hours(rt, cli, dawn):
    kit.crowd(rt, 30)
    campaign_id = kit.campaign(rt, quiet_hours="on", not_after=dawn(7), options={"approve": "off"})
    said = dryrun.run(rt, campaign_id)
    assert (said.messages, said.parts, said.excluded, said.finish_at) == (0, 0, {"too_late": 30}, None)
    assert codes(said)["end.nobody"] == "block" and said.blocks
    with pytest.raises(Refusal, match="no allowed hour lies before the end") as refused:
        launch.launch(rt, campaign_id)
    assert refused.value.field == "not_after"
    told = json.loads(cli("campaign", "check", str(campaign_id), "--json").stdout)
    assert (told["excluded"], told["until"], told["finish_at"]) == (
        {"too_late": 30},
        "2026-11-22T23:00:00+00:00",
        None,
    )


def test_who_has_no_hour_before_the_end_is_left_out_by_the_launch_too(rt, dawn):
    kit.crowd(rt, 30)
    kit.crowd(rt, 7, country="GB")
    campaign_id = kit.campaign(rt, quiet_hours="on", not_after=dawn(9), options={"approve": "off"})
    said = dryrun.run(rt, campaign_id)
    assert (said.messages, said.excluded, said.unreached) == (30, {"too_late": 7}, 0)
    assert codes(said)["end.late"] == "warn" and not said.blocks
    assert really(rt, campaign_id)["excluded"] == said.excluded
    assert database.scalar("SELECT MAX(not_before) FROM message WHERE state = 0") == dawn(8)


def test_the_pace_leaves_some_without_a_turn_before_the_end(rt_sqlite, dawn):
    kit.crowd(rt_sqlite, 4000)
    account = kit.account(rt_sqlite, "slow", rate=1)
    given = {"account_id": account, "quiet_hours": "on"}
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, not_after=dawn(9), **given))
    assert (said.messages, said.unreached, said.finish_at, said.assumed) == (4000, 400, dawn(9), False)
    assert codes(said)["end.pace"] == "warn" and not said.blocks
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, name="b", not_after=dawn(10), **given))
    assert (said.unreached, said.finish_at) == (0, dawn(8) + 4_000_000)


def test_without_quiet_hours_the_end_alone_counts(rt_sqlite, dawn):
    kit.crowd(rt_sqlite, 5)
    late = kit.campaign(rt_sqlite, not_after=dawn(7))
    with database.write_tx():
        database.execute("UPDATE campaign SET not_after = ? WHERE id = ?", (dawn(5), late))
    said = dryrun.run(rt_sqlite, late)
    assert said.blocks and said.excluded == {"too_late": 5}
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, name="b", not_after=dawn(7)))
    assert said.messages == 5 and said.assumed


def test_a_draft_without_text_or_audience_is_refused(rt_sqlite):
    with pytest.raises(Refusal, match="no text yet"):
        dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, templates=[]))
    with pytest.raises(Refusal, match="no audience yet"):
        dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, name="b", segment_id=None))


# --- kept reports -------------------------------------------------------------------------------------


def test_a_kept_report_holds_for_the_campaign_as_it_stands(rt):
    kit.crowd(rt, 30)
    campaign_id = draft(rt)
    checking.check(rt, campaign_id)
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert row.state == "done"
    fresh = dryrun.run(rt, campaign_id)
    report.at = report.start_at = report.finish_at = fresh.at = fresh.start_at = fresh.finish_at = 0
    report.spans = fresh.spans = []
    assert report == fresh
    drafts.edit(rt, campaign_id, "ann", holdout_bp=300)
    assert checking.kept(rt, drafts.get(campaign_id)) == (None, None)


def test_a_check_on_the_command_line_is_the_check_of_the_pages(rt, cli):
    kit.crowd(rt, 30)
    campaign_id = draft(rt)
    assert checking.kept(rt, drafts.get(campaign_id)) == (None, None)
    assert cli("campaign", "check", str(campaign_id)).exit_code == 0
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert row.state == "done" and report.audience == 30
    launch.launch(rt, campaign_id)
    assert cli("campaign", "check", str(campaign_id)).exit_code == 0
    assert CampaignCheck.get_by_id(campaign_id).at == row.at


def test_a_big_audience_is_checked_by_a_job_with_progress(rt, monkeypatch):
    kit.crowd(rt, 100)
    monkeypatch.setattr(checking, "INLINE", 50)
    monkeypatch.setattr(dryrun, "CHUNK", 20)
    campaign_id = draft(rt)
    checking.check(rt, campaign_id)
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert (row.state, row.done, row.total, report) == ("running", 0, people.last_contact(), None)
    seen = []
    real = checking._row
    monkeypatch.setattr(checking, "_row", lambda *a, **k: (seen.append(k.get("done")), real(*a, **k)))
    checking.job(rt, campaign_id)
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert row.state == "done"
    assert report.audience == 100
    assert [n for n in seen if n] == [20, 40, 60, 80, 100]


def test_a_job_that_is_refused_says_why(rt_sqlite):
    campaign_id = kit.campaign(rt_sqlite, templates=[])
    checking.job(rt_sqlite, campaign_id)
    row = CampaignCheck.get_by_id(campaign_id)
    assert row.state == "failed"
    assert "no text yet" in row.error
    json.dumps(row.report)

"""The dry run says what then really happens, person by person."""

from datetime import datetime

import pytest

from core import clock
from core.audience import segments
from core.audience.segments import figures
from core.content import parts
from core.contract.errors import Refusal
from core.db import database
from core.sending import dryrun
from core.timing.zones import wall_to_ms
from tests import campaign_kit as kit
from tests.dryrun_kit import ZH, draft, mixed_crowd, really


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


def test_a_draft_without_text_or_audience_is_refused(rt_sqlite):
    with pytest.raises(Refusal, match="no text yet"):
        dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, templates=[]))
    with pytest.raises(Refusal, match="no audience yet"):
        dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, name="b", segment_id=None))

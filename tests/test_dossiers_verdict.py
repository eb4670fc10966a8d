"""A person judges; the verdict falls by itself when a required paper expires or goes."""

from __future__ import annotations

import pytest

from core.contract.errors import Refusal
from core.db import database
from core.sending.dossiers import barring, changing, reminders, standing, store, verdict
from tests import dossier_kit as kit
from tests.dossier_kit import WHO


def word(made: int) -> str:
    return standing.get(made).verdict.word


def last(days_gone: int, made: int, key: str) -> None:
    """Time goes by: the paper's last day was so many days ago."""
    with database.write_tx():
        area, kind = key.split("/")
        database.execute(
            "UPDATE paper SET expires = ? WHERE dossier_id = ? AND area = ? AND kind = ?",
            (kit.day(-days_gone), made, area.replace("any", ""), kind),
        )


def test_nothing_passes_while_a_required_paper_is_missing(rt):
    made = kit.begin(rt)
    with pytest.raises(Refusal, match="Business licence") as refused:
        verdict.give(made, "passed", "", "", WHO)
    assert refused.value.field == "verdict"
    assert word(made) == ""
    kit.passed(rt, made)
    found = standing.get(made).verdict
    assert (found.word, found.by) == ("passed", WHO)
    assert found.at


def test_conditions_hold_until_their_last_day_and_need_a_note(rt):
    made = kit.begin(rt)
    for text, until in (
        ("", kit.day(9)),
        ("certificate is being renewed", ""),
        ("late", kit.day(-1)),
        ("x", "soon"),
    ):
        with pytest.raises(Refusal):
            verdict.give(made, "conditions", text, until, WHO)
    verdict.give(made, "conditions", "certificate is being renewed", kit.day(0), WHO)
    assert standing.get(made).verdict.good
    with database.write_tx():
        database.execute("UPDATE dossier SET until = ?", (kit.day(-1),))
    found = standing.get(made)
    assert (found.verdict.word, found.verdict.why) == ("void", "until")
    assert "ended on" in barring.lacks(found)


def test_it_falls_when_a_required_paper_expires_and_says_so(rt):
    made = kit.begin(rt)
    kit.passed(rt, made, expires=kit.day(3))
    last(1, made, "CN/vats")
    found = standing.get(made)
    assert (found.verdict.word, found.verdict.why, found.verdict.papers) == ("void", "expired", ("CN/vats",))
    assert "增值电信业务经营许可证" in barring.lacks(found)


def test_it_falls_when_a_required_paper_is_taken_back(rt):
    made = kit.begin(rt)
    papers = kit.passed(rt, made)
    store.take_back(made, papers["CN/code"], WHO)
    found = standing.get(made).verdict
    assert (found.word, found.was, found.why) == ("void", "passed", "removed")
    assert found.void_at, "it is written down in the same transaction"


def test_one_of_several_files_may_go(rt):
    made = kit.begin(rt)
    papers = kit.passed(rt, made)
    store.save(rt, made, "CN/code", {}, WHO, [kit.pdf("second page.pdf")])
    store.take_back(made, papers["CN/code"], WHO)
    assert word(made) == "passed"


def test_a_paper_that_comes_back_does_not_bring_the_verdict_back(rt):
    made = kit.begin(rt)
    papers = kit.passed(rt, made)
    store.take_back(made, papers["CN/code"], WHO)
    store.put_back(made, papers["CN/code"], WHO)
    assert word(made) == "void"
    verdict.give(made, "passed", "looked again", "", WHO)
    assert word(made) == "passed"


def test_a_late_renewal_finds_the_verdict_fallen_even_if_no_job_ran(rt):
    made = kit.begin(rt)
    kit.passed(rt, made)
    last(1, made, "CN/licence")
    store.save(rt, made, "CN/licence", {"expires": kit.day(900)}, WHO)
    assert word(made) == "void"


def test_a_renewal_in_time_keeps_it(rt):
    made = kit.begin(rt)
    kit.passed(rt, made, expires=kit.day(5))
    store.save(rt, made, "CN/licence", {"expires": kit.day(900)}, WHO)
    assert word(made) == "passed"


def test_a_paper_that_is_not_required_may_expire(rt):
    made = kit.begin(rt)
    kit.put(rt, made, "any/prices", kit.day(5))
    kit.passed(rt, made)
    last(1, made, "any/prices")
    assert word(made) == "passed"


def test_it_falls_when_another_country_asks_for_more(rt):
    made = kit.begin(rt)
    kit.passed(rt, made)
    store.edit(made, "Vendor (Hangzhou) Ltd", ["CN"], WHO)
    assert word(made) == "passed"
    store.edit(made, "Vendor Ltd", ["CN", "US"], WHO)
    found = standing.get(made).verdict
    assert (found.word, found.why) == ("void", "countries")


def test_the_job_writes_a_fall_down_once(rt):
    made = kit.begin(rt)
    kit.passed(rt, made)
    last(1, made, "CN/licence")
    reminders.run(rt)
    reminders.run(rt)
    falls = [event for event in store.events(made) if event["what"] == "void"]
    assert [(event["who"], event["detail"]["papers"]) for event in falls] == [("system", ["CN/licence"])]


def test_a_failed_verdict_stays_failed(rt):
    made = kit.begin(rt)
    with pytest.raises(Refusal, match="note"):
        verdict.give(made, "failed", " ", "", WHO)
    verdict.give(made, "failed", "the permit belongs to somebody else", "", WHO)
    assert word(made) == "failed"
    assert "somebody else" in barring.lacks(standing.get(made))


def test_there_is_no_other_verdict_and_no_other_dossier(rt):
    made = kit.begin(rt)
    with pytest.raises(Refusal, match="one of"):
        verdict.give(made, "maybe", "", "", WHO)
    with pytest.raises(Refusal, match="no dossier"):
        verdict.give(made + 1, "failed", "x", "", WHO)
    with pytest.raises(Refusal):
        changing.need(made + 1)

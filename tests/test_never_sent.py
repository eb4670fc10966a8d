"""Texts whose time was over before they left: nowhere sent, nowhere failed, listed with those not texted."""

import pytest

from core.contract.types import Scope
from core.db.codes import State
from core.db.models import Campaign
from core.measure import counts, report
from core.web import live
from tests.measure_kit import campaign, messages, sent


def late() -> int:
    """33 texts left (30 arrived, 3 failed) before the campaign's end, 358 did not."""
    id_ = campaign()
    rows = [sent(State.delivered, 1)] * 30 + [sent(State.expired, 90, reason="ttl")] * 3
    rows += [{"state": State.expired, "reason": "expired", "parts": 0, "account": 0}] * 358
    rows += [{"state": State.skipped, "reason": "no_consent", "parts": 0}] * 9
    messages(id_, rows)
    return id_


def test_the_reasons_of_failures_are_of_what_was_sent(rt):
    id_ = late()
    found = report.metrics(rt, Scope(campaign_id=id_))["failed"]
    assert (found.numerator, found.denominator, dict(found.detail)) == (3, 33, {"ttl": 3})
    assert counts.failures(id_) == [(1, "", "ttl", 3)]
    assert counts.failures(id_, sent=False) == [(None, "", "expired", 358)]


def test_they_stand_with_those_not_texted(rt):
    built = report.build(rt, Campaign.get_by_id(late()))
    assert built.exclusions == {"expired": 358, "no_consent": 9}
    assert sum(n for *_why, n in built.failures) == 3


def test_the_list_counts_what_left(rt):
    (row,) = live.overview([Campaign.get_by_id(late())])
    assert (row["sent"], row["delivered"], row["total"]) == (33, 30, 400)
    assert dict(row["bands"])["bad"] == pytest.approx(3 / 400)


def test_progress_counts_what_left(app, rt_sqlite):
    campaign_ = Campaign.get_by_id(late())
    with app.app_context():
        now = live.state(rt_sqlite, campaign_)
    assert (now.sent, now.total) == (33, 400)
    bands = {tone: n for tone, _share, _states, n in now.bands}
    assert (bands["good"], bands["bad"], bands["plain"]) == (30, 3, 367) and sum(bands.values()) == 400


def test_the_pages_say_so(client):
    id_ = late()
    progress = client.get(f"/campaigns/{id_}").text
    assert "of 33 messages are sent" in progress
    assert "It never left, as its time was over" in progress
    result = client.get(f"/campaigns/{id_}/result").text
    why, rest = result.split("Not texted, and why")
    assert "Too late" in rest and "Too late" not in why[why.index("Why texts did not arrive") :]

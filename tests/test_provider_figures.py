"""What the cards of accounts say of the last day: figures that add up, and mean what the other pages mean."""

import pytest

from core import clock
from core.db.codes import State
from core.measure import stats
from core.web import accountview
from tests import arrival_kit
from tests.measure_kit import campaign, messages, sent
from tests.pages import text


@pytest.fixture
def reseller(rt_sqlite):
    """374 texts: 275 arrived, 97 failed, 2 without a receipt; one more was refused."""
    account = arrival_kit.account("Reseller")
    rows = [sent(State.delivered, 1, account=account)] * 275 + [sent(State.accepted, account=account)] * 2
    rows += [sent(State.undelivered, 1, account=account)] * 97 + [sent(State.rejected, account=account)]
    messages(campaign(), rows)
    return account


def test_delivered_is_of_those_with_a_receipt_and_has_its_interval(client, reseller):
    page = text(client.get(f"/providers/{reseller}"))
    low, high = stats.wilson(275, 372)
    assert "73.9 %" in page and f"{100 * low:.1f} % – {100 * high:.1f} % · 275 of 372" in page
    assert "2 have no receipt yet" in page
    assert "73.9 %" in text(client.get("/providers"))


def test_what_was_refused_is_not_among_those_sent(client, reseller):
    page, listed = text(client.get(f"/providers/{reseller}")), text(client.get("/providers"))
    assert "374" in page and "1 more was refused" in page
    for words in ("delivered: 275<", "no receipt yet: 2<", "failed: 97<", "refused: 1<"):
        assert words in listed
    assert 275 + 2 + 97 == 374


def test_the_page_says_since_when_and_its_chart_holds_the_same_texts(client, rt_sqlite):
    account = arrival_kit.account()
    messages(
        campaign(),
        [sent(State.delivered, 1, ago_h=h, account=account) for h in (0, 5, 23.9) for _text in range(20)],
    )
    _hours, submitted, delivered = accountview._hours(account)
    assert (sum(submitted), sum(delivered)) == (60, 60)
    first = clock.from_ms((clock.now_ms() // clock.HOUR_MS - 24) * clock.HOUR_MS)
    page = text(client.get(f"/providers/{account}"))
    assert "Sent since" in page and f"{first:%M}" == "00" and "60 of 60" in page


def test_too_few_texts_are_counts(client, rt_sqlite):
    account = arrival_kit.account()
    messages(campaign(), [sent(State.delivered, 1, account=account)] * 7)
    page = text(client.get(f"/providers/{account}"))
    assert "7 / 7" in page and "100.0 %" not in page

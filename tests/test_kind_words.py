"""What marketers read where vendors have codes: the kind in words first, the code beside it, one sum for a kind."""

from __future__ import annotations

import re

import pytest

from core import clock, i18n
from core.contract.kinds import KINDS
from core.db.codes import State
from core.db.models import Account
from core.measure import counts
from core.sending import accounts, errorkinds
from core.web import kindwords, reasons
from tests import arrival_kit
from tests.measure_kit import campaign, messages, sent


@pytest.fixture
def inside(app):
    with app.test_request_context("/"):
        yield


def account(rt, name: str, **kinds: str) -> int:
    """An account of a gateway whose codes mean what people said."""
    made = accounts.create(rt, name, "http", {"url": "https://sms.example/send"})
    errorkinds.put(
        Account.get_by_id(made.id), {code: kind for kind, codes in kinds.items() for code in codes.split()}
    )
    return made.id


def text(page) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.get_data(as_text=True)))


def test_every_kind_has_words_of_its_own_in_both_languages(app):
    for language in ("en", "zh_Hans"):
        with app.test_request_context("/"), i18n.use(language):
            assert len({kindwords.words(kind) for kind in KINDS}) == len(KINDS)
            assert all(kindwords.words(kind) for kind in KINDS)


def test_codes_of_one_kind_are_one_line_with_their_sum(rt_sqlite, inside):
    one, two = account(rt_sqlite, "One", number="4 5", handset="6"), account(rt_sqlite, "Two", number="21211")
    groups = kindwords.grouped(
        [(one, "One", "4", 3), (one, "One", "6", 4), (two, "Two", "21211", 2), (one, "One", "5", 1)]
    )
    assert [(group.kind, group.n) for group in groups] == [("number", 6), ("handset", 4)]
    assert groups[0].codes == [("4", "One", 3), ("21211", "Two", 2), ("5", "One", 1)]


def test_the_same_code_may_mean_something_else_at_another_account(rt_sqlite, inside):
    one, two = account(rt_sqlite, "One", number="4"), account(rt_sqlite, "Two", content="4")
    assert kindwords.word("4", one) != kindwords.word("4", two)
    groups = kindwords.grouped([(one, "One", "4", 1), (two, "Two", "4", 1)])
    assert {group.kind for group in groups} == {"number", "content"}


def test_a_code_nobody_knows_is_another_reason_and_stays_beside_it(rt_sqlite, inside):
    one = account(rt_sqlite, "One")
    [group] = kindwords.grouped([(one, "One", "X-77", 1), (one, "One", "X-78", 2)])
    assert (group.words, group.n) == ("Another reason of the provider", 3)
    assert [code.reason for code in group.codes] == ["X-78", "X-77"]


def test_words_of_ours_have_no_code_and_an_account_that_is_gone_does_no_harm(rt_sqlite, inside):
    groups = kindwords.grouped([(0, "", "no_route", 2), (99, "", "expired", 1), (99, "", "30003", 1)])
    assert [(g.kind, g.words, bool(g.codes)) for g in groups] == [
        ("", "Every account refused the route", False),
        ("other", "Another reason of the provider", True),
        ("", "Too late", False),
    ]


def test_the_failures_of_a_campaign_are_counted_by_account(rt):
    id_ = campaign()
    rows = [sent(State.undelivered, 3, reason="4", account=1)] * 3 + [
        sent(State.rejected, reason="4", account=2)
    ]
    messages(id_, rows + [sent(State.delivered, 1), {"state": State.skipped, "reason": "cap"}])
    assert counts.failures(id_) == [(1, "", "4", 3), (2, "", "4", 1)]


def bad_campaign(rt) -> int:
    one, two = account(rt, "Wire One", number="4", handset="6"), account(rt, "Wire Two", number="21211")
    id_ = campaign()
    rows = [sent(State.undelivered, 3, reason="4", account=one)] * 3
    rows += [sent(State.undelivered, 3, reason="21211", account=two)] * 2
    messages(
        id_,
        rows
        + [sent(State.expired, 9, reason="6", account=one)] * 5
        + [sent(State.delivered, 1, account=one)],
    )
    return id_


def test_the_report_says_the_kind_first_and_unfolds_the_codes(client, rt_sqlite):
    page = text(client.get(f"/campaigns/{bad_campaign(rt_sqlite)}/result"))
    said = page.split("Why texts did not arrive")[1]
    assert "Number does not exist or takes no texts 5 50.0 %" in said
    assert "4 Wire One 3" in said and "21211 Wire Two 2" in said
    assert "Phone off or out of reach 5 50.0 %" in said


def test_the_page_of_a_campaign_groups_codes_and_leads_to_the_people_of_each(client, rt_sqlite):
    id_ = bad_campaign(rt_sqlite)
    answer = client.get(f"/campaigns/{id_}")
    assert "Number does not exist or takes no texts 2 codes 4 Wire One 3 21211 Wire Two 2 5" in text(answer)
    assert "Nothing: the number is marked and not texted again." in text(answer)
    assert f"/campaigns/{id_}/people?state=undelivered&amp;reason=21211" in answer.get_data(as_text=True)
    people = text(client.get(f"/campaigns/{id_}/people?state=undelivered&reason=21211"))
    assert "Number does not exist or takes no texts (21211) 2" in people


def test_messages_say_the_kind_with_the_code_beside_it(client, rt_sqlite):
    bad_campaign(rt_sqlite)
    page = client.get("/messages?state=undelivered")
    assert "Number does not exist or takes no texts 21211" in text(page)
    one = re.search(r'href="(/messages/\d+)"', page.get_data(as_text=True)).group(1)
    assert "Number does not exist or takes no texts" in text(client.get(one))


def test_arrival_says_kinds_over_all_accounts(client, rt_sqlite):
    one, two = (
        account(rt_sqlite, "Wire One", number="UNDELIV"),
        account(rt_sqlite, "Wire Two", number="UNDELIV"),
    )
    now = clock.now_ms()
    arrival_kit.carriers("中国移动", n=3_000)
    rows = [
        row
        for id_ in (one, two)
        for row in arrival_kit.stretch(
            300, 0.9, first=now - 50 * clock.HOUR_MS, last=now - 30 * clock.HOUR_MS, exact=True, account=id_
        )
    ]
    arrival_kit.send(campaign(), rows)
    arrival_kit.look(rt_sqlite)
    said = text(client.get("/providers/arrival")).split("Why texts did not arrive")[1]
    assert "Number does not exist or takes no texts 60 10.00 %" in said
    assert "UNDELIV Wire One 30" in said and "UNDELIV Wire Two 30" in said


def test_a_code_nobody_explains_is_not_told_to_be_an_unreachable_phone():
    assert reasons.advice("other", "undelivered") == "The provider's documentation explains the code."
    assert "phone could not be reached" in reasons.advice("handset", "undelivered")

"""A campaign pauses when its words are refused: by their code, or where the vendor takes nothing of one text."""

from __future__ import annotations

import re

import pytest

from core.contract.types import Result
from core.db import database
from core.sending import lifecycle
from tests import campaign_kit
from tests import send_kit as kit
from tests.kinds_kit import CODES, fail, next_campaign, sent


@pytest.mark.parametrize("how", ["result", "receipt"])
def test_three_messages_with_refused_words_pause_the_campaign_two_do_not(rt, how):
    tape, campaign, account = sent(rt, how, "content", n=6, first=2)
    assert database.one("SELECT state FROM campaign WHERE id = ?", (campaign,)) != ("paused",)
    second = next_campaign(rt, account, "Second")
    fail(rt, tape, how, "content", second, account, first=3)
    state, why = database.one("SELECT state, reason FROM campaign WHERE id = ?", (second,))
    if how == "result":
        assert (state, "3 messages (code C-content)" in why) == ("paused", True)
    else:
        assert state == "done"  # everything had left before the receipts came
    kit.whole(rt)


def test_a_campaign_that_a_person_lets_go_on_is_counted_anew(rt):
    tape = kit.Tape(ERRORS=CODES, window=3)
    tape.act = lambda messages: [Result("rejected", code="C-content") for _ in messages]
    campaign, _account = kit.setup(rt, tape, n=13)
    # The window after the third refusal was marked in the transaction that recorded it.
    for after in (6, 12):
        kit.send_all(rt, campaign)
        assert database.one("SELECT state FROM campaign WHERE id = ?", (campaign,)) == ("paused",)
        assert kit.states(campaign)["rejected"] == after
        lifecycle.resume(rt, campaign)


GOOD, BAD = (
    "【Cooee】20% off. Reply STOP to opt out 拒收请回复R",
    "【Cooee】Free money! Reply STOP to opt out 拒收请回复R",
)


def compared(rt, answer, n: int = 40) -> tuple[kit.Tape, int]:
    """A campaign of two texts, one good and one bad, sent until it ends or pauses; `answer(n)` to the nth bad one."""
    tape = kit.Tape(ERRORS={"C1": "content", "C2": "content", "C3": "content"}, window=2)
    seen: list[str] = []

    def act(messages):
        results = []
        for message in messages:
            if "Free money" in message.text:
                seen.append(message.ref)
                results.append(answer(len(seen) - 1))
            else:
                results.append(Result("accepted", provider_id=message.ref))
        return results

    tape.act = act
    templates = [(campaign_kit.template("good", en=GOOD), 1), (campaign_kit.template("bad", en=BAD), 1)]
    campaign, _account = kit.setup(rt, tape, n=n, templates=templates)
    kit.send_all(rt, campaign)
    return tape, campaign


def test_a_text_the_vendor_takes_nothing_of_pauses_its_campaign_whatever_the_codes(rt):
    tape, campaign = compared(rt, lambda n: Result("rejected", code=f"C{n % 3 + 1}"))
    state, why = database.one("SELECT state, reason FROM campaign WHERE id = ?", (campaign,))
    assert state == "paused"
    assert re.search(r"every message of text B \(bad\) so far, [34] \(codes C1, C2, C3\)", why), why
    refused = kit.states(campaign)["rejected"]
    assert 3 <= refused <= 7 and kit.states(campaign)["ready"] > 0, "the windows on the wire, and no more"
    kit.whole(rt)


def test_the_reason_names_the_text_the_code_is_about(rt):
    _tape, campaign = compared(
        rt, lambda n: Result("rejected", code="C1") if n else Result("accepted", provider_id="x")
    )
    state, why = database.one("SELECT state, reason FROM campaign WHERE id = ?", (campaign,))
    assert state == "paused"
    assert re.search(r"[34] messages of text B \(bad\) \(code C1\)", why), why


def test_a_text_that_is_taken_now_and_then_goes_on_while_the_codes_differ(rt):
    answers = [Result("accepted", provider_id="x"), *(Result("rejected", code=f"C{n}") for n in (1, 2, 3))]
    _tape, campaign = compared(rt, lambda n: answers[n] if n < 4 else Result("accepted", provider_id=f"x{n}"))
    assert database.scalar("SELECT state FROM campaign WHERE id = ?", (campaign,)) != "paused"
    assert kit.states(campaign) == {"accepted": 37, "rejected": 3}

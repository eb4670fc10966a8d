"""The records of what was said between Cooee and providers."""

from __future__ import annotations

from core.contract.types import Result
from core.sending.calls import search
from tests import send_kit as kit


def lines(kind: str = "") -> list[search.Row]:
    return search.page(search.Filter(kind=kind))[0]


def sent(rt):
    """(tape, campaign, account) of three messages: one accepted, one rejected with X9, one put off."""
    tape = kit.Tape(window=10, ERRORS={"E1": "number"})
    tape.act = lambda messages: [
        Result("accepted", "p-1"), Result("rejected", code="X9", reason="<b>no</b>"),
        Result("retry", code="E2", after_s=900),
    ][: len(messages)]  # fmt: skip
    campaign, account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign, rounds=1)
    return tape, campaign, account

"""What a provider did not take can be sent again by a person, once, where nothing is in doubt."""

from __future__ import annotations

import pytest

from core.contract.errors import Refusal
from core.contract.types import Result
from core.db import database
from core.db.codes import State
from core.sending import accounts, receipts
from core.sending.calls import again
from tests import receiving
from tests import send_kit as kit
from tests.records_kit import lines


def refused(rt, **said):
    tape = kit.Tape(window=10)
    answers = [
        Result("rejected", code="E1"),
        Result("retry", code="E2", after_s=600),
        Result("unknown", code="E3"),
    ]
    tape.act = lambda messages: answers[: len(messages)]
    campaign, account = kit.setup(rt, tape, n=3, **said)
    kit.send_all(rt, campaign, rounds=1)
    tape.act = lambda messages: [Result("accepted", f"p-{m.ref}") for m in messages]
    return tape, campaign, lines("send")[0].id


def test_only_what_is_proven_not_sent_goes_again_and_once(rt):
    tape, campaign, call = refused(rt)
    assert again.what(call) == (1, 1, 1)
    assert again.again(rt, call, "ann@example.com") == (1, 1, 1)
    direct = database.scalar("SELECT id FROM campaign WHERE name = 'direct:mass'")
    with database.write_tx():
        # Whatever the hour of the test.
        database.execute('UPDATE campaign SET options = \'{"quiet_hours": "off"}\' WHERE id = ?', (direct,))
    for one in (campaign, direct):
        kit.send_all(rt, one)
    assert kit.states(campaign) == {"rejected": 1, "accepted": 1, "in_doubt": 1}
    assert kit.states(direct) == {"accepted": 1}
    assert len(tape.sent) == 5
    with pytest.raises(Refusal):
        again.again(rt, call, "ann@example.com")
    assert database.scalar("SELECT who FROM audit WHERE action = 'call.again'") == "ann@example.com"
    kit.whole(rt)


def test_a_message_in_doubt_is_never_sent_by_it(rt):
    tape = kit.Tape(window=10)
    tape.act = lambda messages: [Result("unknown") for _ in messages]
    campaign, _account = kit.setup(rt, tape, n=4)
    kit.send_all(rt, campaign, rounds=1)
    with pytest.raises(Refusal):
        again.again(rt, lines("send")[0].id, "ann")
    assert {row[1] for row in kit.rows(campaign)} == {State.in_doubt}
    assert len(tape.sent) == 4


def test_a_webhook_nobody_understood_is_read_again(rt):
    account = receiving.gateway(rt)
    (id_,) = receiving.messages(rt, account, 1)
    from core import ids

    ref = ids.References(rt.keys).of(id_)
    receiving.store(rt, account, {"ref": ref, "status": "GONE_THROUGH"})
    receipts.apply(rt)
    assert receiving.state_of([id_]) == ["accepted"]
    accounts.edit(rt, account, {"status_map": "GONE_THROUGH=delivered"})
    [call] = lines("webhook")
    again.again(rt, call.id, "ann")
    receipts.apply(rt)
    assert receiving.state_of([id_]) == ["delivered"]
    with pytest.raises(Refusal):
        again.again(rt, call.id, "ann")

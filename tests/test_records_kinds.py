"""What a refusal's kind does, whether the provider says it at once or by receipt, and exactly once a message."""

from __future__ import annotations

import pytest

from core import BadConfig, clock
from core.audience import labels, numbers, suppression
from core.contract.errors import Refusal
from core.contract.kinds import KINDS
from core.contract.types import Receipt, Result
from core.db import database
from core.db.codes import Cls, NumberStatus, State
from core.sending import accounts, batch, consequences, errorkinds
from tests import send_kit as kit
from tests.kinds_kit import bidx, fail, held, lasting, next_campaign, sent, told

#: kind → state after (a result, a receipt), reasons on the list, status of the number, rows that last.
AFTER = {
    "number": (("rejected", "undelivered"), ["invalid"], "unreachable", 1),
    "optout": (("rejected", "undelivered"), ["provider"], None, 0),
    "blocked": (("rejected", "undelivered"), [], None, 1),
    "temporary": (("ready", "undelivered"), [], None, 0),
    "handset": (("ready", "undelivered"), [], None, (0, 1)),
    "limit": (("ready", "undelivered"), [], None, 0),
    "content": (("rejected", "undelivered"), [], None, 1),
    "route": (("rejected", "undelivered"), [], None, 0),
    "account": (("ready", "undelivered"), [], None, 0),
    "other": (("rejected", "undelivered"), [], None, 0),
}


@pytest.mark.parametrize("how", ["result", "receipt"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_does_what_it_says(rt, kind, how):
    states, reasons, status, rows = AFTER[kind]
    _tape, campaign, account = sent(rt, how, kind)
    [(id_, state, why, not_before, contact)] = kit.rows(campaign, "id, state, reason, not_before, contact_id")
    assert State(state).name == states[how == "receipt"]
    assert held(rt, contact) == reasons
    known = numbers.of(contact)
    assert (known["status"] if known else None) == status
    assert len(lasting()) == (rows if isinstance(rows, int) else rows[how == "receipt"])
    wait_s = KINDS[kind].after_s
    if states[how == "receipt"] == "ready" and wait_s:
        assert not_before >= clock.now_ms() + (wait_s - 30) * 1000
    if how == "result":
        assert bool(accounts.get(account).halted) == (kind == "account")
    elif kind == "optout":
        assert why
    else:
        assert why == f"C-{kind}"
    if kind not in ("account", "other") or how == "receipt":
        assert errorkinds.counts(account)[f"C-{kind}"][0] == 1
    kit.whole(rt)


@pytest.mark.parametrize("how", ["result", "receipt"])
def test_a_dead_number_gets_no_more_marketing_and_a_delivery_of_a_notice_lifts_it(rt, how):
    tape, campaign, account = sent(rt, how, "number")
    [contact] = kit.people_of(campaign)
    second = next_campaign(rt, account, "Second")
    kit.send_all(rt, second)
    assert kit.rows(second, "state, reason") == [(State.skipped, "suppressed")]
    assert NumberStatus[numbers.of(contact)["status"]] == NumberStatus.unreachable
    assert not suppression.masks([bidx(rt, contact)])[bidx(rt, contact)] & Cls.notice.bit


def test_a_number_blocked_twice_is_suppressed_whatever_the_accounts_are(rt):
    tape, campaign, account = sent(rt, "result", "blocked")
    [contact] = kit.people_of(campaign)
    other = accounts.create(rt, "other", "scripted", {}).id
    second = next_campaign(rt, other, "Second")
    fail(rt, tape, "receipt", "blocked", second, other)
    assert held(rt, contact) == ["blocked"]
    kit.whole(rt)


def test_the_same_receipt_many_times_is_one_time_blocked(rt):
    tape, campaign, account = sent(rt, "receipt", "blocked")
    told(rt, account, Receipt("undelivered", tape.refs[0], code="C-blocked"), times=5)
    assert lasting() == [("blocked", 1)]
    assert held(rt, kit.people_of(campaign)[0]) == []
    assert errorkinds.counts(account)["C-blocked"][0] == 1


def test_a_handset_is_tried_three_times_then_labelled_for_thirty_days(rt):
    tape, campaign, _account = sent(rt, "result", "handset")
    for _try in range(2):
        assert kit.states(campaign) == {"ready": 1}
        kit.due_now(campaign)
        kit.send_all(rt, campaign)
    assert (kit.states(campaign), len(tape.sent), lasting()) == ({"rejected": 1}, 3, [("handset", 3)])
    [contact] = kit.people_of(campaign)
    [label] = labels.of([contact])[contact]
    assert (label["name"], label["source"]) == ("unreachable", "rule")
    assert 29 * clock.DAY_MS < label["expires_at"] - clock.now_ms() <= 30 * clock.DAY_MS
    kit.whole(rt)


def test_three_receipts_of_a_handset_label_it_unless_one_text_arrived_between(rt):
    tape, campaign, account = sent(rt, "receipt", "handset")
    [contact] = kit.people_of(campaign)
    for n, kind in enumerate(["handset", None, "handset", "handset", "handset"]):
        one = next_campaign(rt, account, f"Campaign of step {n}")
        if kind:
            fail(rt, tape, "receipt", kind, one, account)
        else:
            kit.send_all(rt, one)
            told(rt, account, Receipt("delivered", tape.refs[-1]))
        names = [label["name"] for label in labels.of([contact])[contact]]
        assert names == (["unreachable"] if n == 4 else []), n


def test_a_refusal_of_the_account_gives_the_message_back_and_halts(rt):
    tape = kit.Tape(ERRORS={"E1": "account"})
    tape.act = lambda messages: [Result("rejected", code="E1", reason="no money left") for _ in messages]
    campaign, account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign)
    assert kit.states(campaign) == {"ready": 3}
    assert "no money left" in accounts.get(account).halted
    assert {row[0] for row in kit.rows(campaign, "attempt")} == {0}
    kit.whole(rt)


def test_a_changed_kind_holds_at_once_and_its_reset_too(rt):
    tape = kit.Tape(ERRORS={"E5": "other"}, optout_codes=("E6",))
    _campaign, id_ = kit.setup(rt, tape, n=1)
    account, provider = accounts.get(id_), accounts.open_provider(rt, id_)
    assert (provider.kind("E5"), provider.kind("E6"), provider.kind("E7")) == ("other", "optout", "other")
    errorkinds.put(account, {"E5": "temporary", "E6": "other", "E7": "optout"}, who="ann@example.com")
    provider = accounts.open_provider(rt, id_)
    assert [provider.kind(code) for code in ("E5", "E6", "E7")] == ["temporary", "other", "optout"]
    assert provider.optout_codes == ("E7",)
    errorkinds.put(account, {"E5": ""})
    assert accounts.open_provider(rt, id_).kind("E5") == "other"
    assert errorkinds.reset(account) == 2
    assert accounts.open_provider(rt, id_).optout_codes == ("E6",)
    assert (
        database.query("SELECT action FROM audit WHERE action = 'account.errors'")
        == [("account.errors",)] * 3
    )


def test_a_changed_kind_changes_the_outcome_of_a_provider_with_words_of_its_own(rt):
    tape = kit.Tape()
    tape.act = lambda messages: [Result("rejected", code="E9") for _ in messages]
    campaign, id_ = kit.setup(rt, tape, n=1)
    errorkinds.put(accounts.get(id_), {"E9": "limit"})
    batch.send(rt, campaign)
    [(state, not_before)] = kit.rows(campaign, "state, not_before")
    assert state == State.ready and not_before > clock.now_ms() + 3_500_000


def test_unknown_codes_that_came_stand_first(rt):
    tape = kit.Tape(ERRORS={"E1": "number", "E2": "limit"})
    codes = iter(["E1", "X9", "X9", "E1", "E1"])
    tape.act = lambda messages: [Result("rejected", code=next(codes)) for _ in messages]
    campaign, id_ = kit.setup(rt, tape, n=5)
    kit.send_all(rt, campaign)
    rows = errorkinds.table(rt, accounts.get(id_))
    assert [(row.code, row.kind, row.n) for row in rows] == [
        ("X9", "other", 2), ("E1", "number", 3), ("E2", "limit", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("given", [{"E1": "nonsense"}, {"": "number"}, {"x" * 61: "number"}])
def test_a_wrong_kind_or_code_is_refused(rt_sqlite, given):
    kit.setup(rt_sqlite, n=1)
    with pytest.raises(Refusal):
        errorkinds.put(accounts.every()[0], given)


def test_halting_reads_only_messages_given_back_with_a_code():
    assert (
        consequences.halt_of([Result("accepted"), Result("withheld"), Result("rejected", code="9")]) is None
    )
    assert isinstance(consequences.halt_of([Result("withheld", code="9", reason="x")]), BadConfig)


def test_the_command_shows_and_sets_kinds(cli, rt):
    import json

    kit.setup(rt, kit.Tape(ERRORS={"E1": "number"}), n=1)
    name = accounts.every()[0].name
    shown = cli("account", "errors", name, "--set", "E1=temporary", "--set", "Z=content", "--json")
    assert shown.exit_code == 0, shown.output
    rows = {row["code"]: row for row in json.loads(shown.output)}
    assert (rows["E1"]["kind"], rows["E1"]["default"], rows["E1"]["changed"]) == ("temporary", "number", True)
    assert rows["Z"]["kind"] == "content"
    refused = cli("account", "errors", name, "--set", "E1=wrong")
    assert refused.exit_code == 1 and "wrong" in refused.output

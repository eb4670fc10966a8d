"""What a refusal's kind does, whether the provider says it at once or by receipt, and exactly once a message."""

from __future__ import annotations

import re

import pytest

from core import BadConfig, clock
from core.audience import contacts, labels, numbers, suppression
from core.contract.errors import Refusal
from core.contract.kinds import KINDS
from core.contract.types import Receipt, Result
from core.db import database
from core.db.codes import Cls, NumberStatus, State
from core.sending import accounts, batch, consequences, errorkinds, inbox, lifecycle, receipts
from tests import campaign_kit
from tests import send_kit as kit

CODES = {f"C-{kind}": kind for kind in KINDS if kind != "other"}


def told(rt, account: int, *said: Receipt, times: int = 2) -> None:
    """Receipts by the provider's own connection, each brought `times` times."""
    for _time in range(times):
        with database.write_tx():
            inbox.store(rt, [(account, inbox.SINK, inbox.pack_receipts(list(said)))], clock.now_ms())
        receipts.apply(rt)


def sent(rt, how: str, kind: str, n: int = 1, first: int | None = None):
    """(tape, campaign, account) after `n` people's texts were sent and `first` of them failed with a kind."""
    tape, first = kit.Tape(ERRORS=CODES, echoes_reference=True, window=100), n if first is None else first
    campaign, account = kit.setup(rt, tape, n=n)
    fail(rt, tape, how, kind, campaign, account, first)
    return tape, campaign, account


def fail(rt, tape, how: str, kind: str, campaign: int, account: int, first: int = 1) -> None:
    """Send a campaign whose `first` messages fail."""
    before, bad = len(tape.sent), set()

    def act(messages):
        bad.update(message.ref for message in messages if len(bad) < first)
        refuse = accounts.open_provider(rt, account).refusal
        return [
            refuse(f"C-{kind}", "no")
            if how == "result" and m.ref in bad
            else Result("accepted", f"p-{m.ref}")
            for m in messages
        ]

    tape.act = act
    kit.send_all(rt, campaign)
    if how == "receipt":
        told(
            rt,
            account,
            *(Receipt("undelivered", m.ref, code=f"C-{kind}") for m in tape.sent[before:] if m.ref in bad),
        )


def next_campaign(rt, account: int, name: str) -> int:
    made = campaign_kit.campaign(rt, name=name, account_id=account, options={"approve": "off"})
    campaign_kit.launched(rt, made)
    return made


def bidx(rt, contact: int) -> bytes:
    return contacts.get(rt, contact).phone_bidx


def held(rt, contact: int) -> list[str]:
    return [row["reason"] for row in suppression.of(bidx(rt, contact))]


def lasting() -> list[tuple]:
    return database.query("SELECT kind, tries FROM consequence ORDER BY message_id")


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


def test_a_refusal_of_the_account_gives_the_message_back_and_halts(rt):
    tape = kit.Tape(ERRORS={"E1": "account"})
    tape.act = lambda messages: [Result("rejected", code="E1", reason="no money left") for _ in messages]
    campaign, account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign)
    assert kit.states(campaign) == {"ready": 3}
    assert "no money left" in accounts.get(account).halted
    assert {row[0] for row in kit.rows(campaign, "attempt")} == {0}
    kit.whole(rt)


# --- overrides ----------------------------------------------------------------------------------------


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


# --- the command line ---------------------------------------------------------------------------------


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

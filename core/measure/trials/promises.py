"""Promised functions: kept, not kept, too early to say, or not tried; each with what it rests on.

A person's own finding stands above what the texts say.  Rate and support are found by a person only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.models import TrialCheck
from core.i18n import _, _n
from core.measure.arrival import trial_maths
from core.measure.trials import plan, words
from core.measure.trials.figures import NEED, Account, Share, Text, is_other, of
from core.security import audit

#: What a person may find; "" takes it back.
SAID = ("pass", "fail", "")
#: Characters of a person's note.
NOTE_MAX = 2_000
#: Texts of a kind without a fault that make a function kept.
_ENOUGH = 3
#: Receipts are good when so many texts have a final one.
_RECEIPTS = 0.95
#: False receipts are a broken promise when they are surely more than this.
_LIES = 0.01
#: Messages named as evidence.
_EVIDENCE = 5


@dataclass(frozen=True, slots=True)
class Promise:
    """`result` is pass, fail, open (too early) or none (not tried); `why` a sentence; `messages` the texts it
    rests on, those that failed first; `who`, `note` and `at` where a person said it."""

    function: str
    result: str
    why: str
    messages: tuple[int, ...] = ()
    who: str = ""
    note: str = ""
    at: int | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "function": self.function, "result": self.result, "why": self.why, "messages": list(self.messages),
            "by": self.who or None, "note": self.note,
        }  # fmt: skip


def of_account(trial_id: int, account_id: int, wanted: plan.Plan, texts: Sequence[Text]) -> list[Promise]:
    """The checklist of one account, of its own texts."""
    every = database.query(
        "SELECT account_id, function, result, note, who, at FROM trial_check WHERE trial_id = ?", (trial_id,)
    )
    said = {function: rest for account, function, *rest in every if account == account_id}
    # What somebody found of one account is a line of all, so that they stand side by side.
    asked = set(wanted.functions) | {row[1] for row in every}
    figures = of(texts)
    found = []
    for function in words.FUNCTIONS:
        if function not in asked:
            continue
        result, why, messages = _found(function, wanted, texts, figures)
        if function in said:
            result, note, who, at = said[function]
            found.append(Promise(function, result, why, messages, who, note, at))
        else:
            found.append(Promise(function, result, why, messages))
    return found


def say(trial_id: int, account_id: int, function: str, result: str, note: str, who: str) -> None:
    """A person's finding; "" takes it back.  Raises `Refusal`."""
    if account_id not in plan.accounts(trial_id):
        raise Refusal(_("There is no account %(id)s.", id=account_id), field="account", status=404)
    _one_of(function, words.FUNCTIONS, "function")
    _one_of(result, SAID, "result")
    note = noted(note)
    with database.write_tx():
        database.execute(
            "DELETE FROM trial_check WHERE trial_id = ? AND account_id = ? AND function = ?",
            (trial_id, account_id, function),
        )
        if result:
            TrialCheck.create(
                trial_id=trial_id, account_id=account_id, function=function, result=result,
                note=note, who=who, at=clock.now_ms(),
            )  # fmt: skip
        audit.record(
            who,
            "trial.check",
            f"trial:{trial_id}",
            f"account {account_id} {function} {result or 'taken back'}",
        )


def noted(note: str) -> str:
    """A person's note, tidied.  Raises `Refusal` when it is too long: nobody's words are cut off."""
    tidy = note.strip()
    if len(tidy) > NOTE_MAX:
        raise Refusal(
            _("A note has at most %(most)s characters, not %(n)s; shorten it.", most=NOTE_MAX, n=len(tidy)),
            field="note",
        )
    return tidy


def _one_of(name: str, known: Iterable[str], field: str) -> None:
    if name not in known:
        said = ", ".join(word for word in known if word)
        raise Refusal(_("“%(name)s” is not one of %(known)s.", name=name[:60], known=said), field=field)


_Answer = tuple[str, str, tuple[int, ...]]


def _found(function: str, wanted: plan.Plan, texts: Sequence[Text], figures: Account) -> _Answer:
    match function:
        case "delivery":
            return _delivery(wanted, texts, figures)
        case "receipts":
            return _receipts(texts, figures)
        case "unicode" | "long":
            return _whole([text for text in texts if text.kind == function])
        case "sender":
            return _sender(texts)
        case "inbound" | "optout":
            return _answered([text for text in texts if text.kind == words.KIND_OF[function]], function)
    return "none", _("Somebody has to find this out, and to say it here."), ()


def _ids(first: Sequence[Text], then: Sequence[Text] = ()) -> tuple[int, ...]:
    return tuple(text.message_id for text in [*first, *then] if text.message_id)[:_EVIDENCE]


def _delivery(wanted: plan.Plan, texts: Sequence[Text], figures: Account) -> _Answer:
    seen = figures.arrival.n > 0
    share = figures.arrival if seen else figures.claimed
    lost = [t for t in texts if (t.known and not t.came if seen else t.state == "failed")]
    if not share.n:
        return "none", _("No text was looked for yet."), ()
    if share.missing:
        return (
            "open",
            _("%(k)s of %(n)s arrived; need ≈ %(more)s more.", k=share.k, n=share.n, more=share.missing),
            _ids(lost),
        )
    low, high = share.interval
    why = _(
        "%(k)s of %(n)s arrived: %(share)s %%, 95 %% sure %(low)s to %(high)s; promised were %(promise)s %%.",
        k=share.k, n=share.n, share=_p(share.value), low=_p(low), high=_p(high), promise=_p(wanted.promise),
    )  # fmt: skip
    if not seen:
        why += " " + _("By receipts only; nobody looked at the phones.")
    if high < wanted.promise:
        return "fail", why, _ids(lost)
    if low >= wanted.promise or (share.value >= wanted.promise and share.n >= plan.size(wanted)):
        return "pass", why, _ids(lost)
    return "open", why + _more(share, wanted), _ids(lost)


def _more(share: Share, wanted: plan.Plan) -> str:
    """About how many more texts would tell this share from the promise."""
    gap = abs((share.value or 0) - wanted.promise)
    more = trial_maths.size_for(min(max(share.value or 0, 0.01), 0.99), max(gap, wanted.margin / 2)) - share.n
    return " " + _("Too early: about %(n)s more.", n=more) if more > 0 else " " + _("It may be either.")


def _receipts(texts: Sequence[Text], figures: Account) -> _Answer:
    share, false = figures.receipts, figures.false
    if not share.n:
        return "none", _("No text is old enough for its receipt."), ()
    wrong = [text for text in texts if text.state == "delivered" and text.known and not text.came]
    why = _n(
        "%(k)s of %(n)s text has a final receipt.",
        "%(k)s of %(n)s texts have a final receipt.",
        share.n,
        k=share.k,
    )
    if false.n:
        why += " " + _("%(k)s of %(n)s that say delivered are not true.", k=false.k, n=false.n)
    if share.n < NEED:
        return "open", why, _ids(wrong)
    if share.interval[1] < _RECEIPTS or (false.k and false.interval[0] > _LIES):
        return "fail", why, _ids(wrong)
    good = share.value >= _RECEIPTS and not false.k
    return ("pass" if good else "open"), why, _ids(wrong)


def _p(share: float) -> str:
    return f"{share * 100:.1f}"


def _whole(texts: Sequence[Text]) -> _Answer:
    came = [text for text in texts if text.came]
    bad = [text for text in came if text.seen == "damaged"]
    if not texts:
        return "none", _("No such text was sent."), ()
    why = (
        _("%(k)s of %(n)s arrived damaged.", k=len(bad), n=len(came))
        if came
        else _("No such text was seen yet.")
    )
    return ("fail" if bad else "pass" if len(came) >= _ENOUGH else "open"), why, _ids(bad, came)


def _sender(texts: Sequence[Text]) -> _Answer:
    told = [text for text in texts if text.came and text.sender and text.seen_sender]
    if not any(text.sender for text in texts):
        return "none", _("The account has no sender of its own, so none was ordered."), ()
    bad = [text for text in told if is_other(text.sender, text.seen_sender)]
    why = (
        _(
            "%(k)s of %(n)s came from another sender than “%(sender)s”.",
            k=len(bad),
            n=len(told),
            sender=told[0].sender,
        )
        if told
        else _("Nobody said yet from whom the texts came.")
    )
    if bad:
        why += " " + _("Seen was “%(sender)s”.", sender=bad[0].seen_sender)
    return ("fail" if bad else "pass" if len(told) >= _ENOUGH else "open"), why, _ids(bad, told)


def _answered(texts: Sequence[Text], function: str) -> _Answer:
    out = [text for text in texts if text.out]
    answered = [text for text in out if text.answer == ("stop" if function == "optout" else "reply")]
    if not out:
        return "none", _("No such text was sent."), ()
    if not answered:
        return (
            "open",
            _n(
                "%(n)s phone was asked; no answer came in through this account.",
                "%(n)s phones were asked; no answer came in through this account.",
                len(out),
            ),
            _ids(out),
        )
    return (
        "pass",
        _n("%(k)s of %(n)s answer came in.", "%(k)s of %(n)s answers came in.", len(out), k=len(answered)),
        _ids(answered),
    )

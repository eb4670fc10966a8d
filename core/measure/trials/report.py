"""All of a trial together: figures, comparison, matrix, promises, the sentence, and the verdict of a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Trial, TrialAccount
from core.i18n import _
from core.measure.trials import confirm, figures, matrix, pairs, plan, promises
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

VERDICTS = ("good", "limits", "bad")
CSV = (
    "trial", "text", "word", "account", "phone", "owner", "carrier", "hours", "kind", "round", "due", "state", "reason",
    "submitted", "receipt", "receipt_s", "seen", "seen_by", "seen_at", "seen_s", "sender", "sender_seen", "answer",
    "parts", "cost", "message_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided of an account; `verdict` is one of `VERDICTS`."""

    verdict: str
    note: str
    who: str
    at: int


@dataclass(frozen=True, slots=True)
class Line:
    """One account in the report."""

    id: int
    name: str
    figures: figures.Account
    matrix: matrix.Matrix
    promises: list[promises.Promise]
    sentence: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Report:
    """A trial, read at `as_of`."""

    trial: Trial
    plan: plan.Plan
    as_of: int
    lines: list[Line]
    pairs: list[pairs.Pair]
    sentences: list[str]
    silent: list[str]
    looked: int
    out: int

    @property
    def names(self) -> dict[int, str]:
        """{account: name}"""
        return {line.id: line.name for line in self.lines}

    def plain(self) -> dict[str, Any]:
        """As `cooee trial report --json`."""
        return {
            "trial": {"id": self.trial.id, "name": self.trial.name, "state": self.trial.state},
            "as_of": clock.from_ms(self.as_of).isoformat(timespec="seconds"),
            "texts_out": self.out, "texts_looked_for": self.looked, "silent_phones": self.silent,
            "accounts": [
                {
                    "account": line.name, "account_id": line.id, **line.figures.plain(),
                    "matrix": {
                        carrier: {hours: cell.plain() for hours, cell in cells.items()}
                        for carrier, cells in line.matrix.lines.items()
                    },
                    "functions": [promise.plain() for promise in line.promises],
                    "sentence": line.sentence,
                    "verdict": line.verdict and {
                        "verdict": line.verdict.verdict, "note": line.verdict.note, "by": line.verdict.who,
                        "at": clock.from_ms(line.verdict.at).isoformat(timespec="seconds"),
                    },
                }
                for line in self.lines
            ],
            "pairs": [pair.plain(self.names) for pair in self.pairs],
            "sentences": self.sentences,
        }  # fmt: skip


def make(rt: Runtime, trial_id: int, now: int | None = None) -> Report:
    """Read a trial as it stands.  Raises `Refusal` (404)."""
    trial = plan.get(trial_id)
    wanted, now = plan.of(trial), clock.now_ms() if now is None else now
    names, texts = plan.accounts(trial_id), figures.read(trial_id, now)
    verdicts = _verdicts(trial_id)
    lines = []
    for one in matrix.of(texts, list(names)):
        mine = [text for text in texts if text.account_id == one.account_id]
        found = figures.of(mine, now)
        lines.append(
            Line(
                one.account_id, names[one.account_id], found, one,
                promises.of_account(trial_id, one.account_id, wanted, mine), _sentence(found, wanted),
                verdicts.get(one.account_id),
            )
        )  # fmt: skip
    compared = pairs.of(texts, list(names), now)
    out = sum(text.out for text in texts)
    return Report(
        trial, wanted, now, lines, compared, [_told(pair, names) for pair in compared],
        confirm.silent(rt, trial_id), sum(text.known for text in texts), out,
    )  # fmt: skip


def _sentence(found: figures.Account, wanted: plan.Plan) -> str:
    """What the texts of one account say, in one honest sentence."""
    share = found.arrival if found.arrival.n else found.claimed
    if not share.n:
        return _("Nothing is known yet.")
    if share.missing:
        return _(
            "Too early: %(k)s of %(n)s arrived; about %(more)s more.",
            k=share.k,
            n=share.n,
            more=share.missing,
        )
    low, high = (f"{one * 100:.1f}" for one in share.interval)
    said = (
        _("%(share)s %% arrive (%(low)s to %(high)s, of %(n)s looked for).",
          share=f"{share.value * 100:.1f}", low=low, high=high, n=share.n)
        if found.arrival.n
        else _("%(share)s %% arrive by its own receipts (%(low)s to %(high)s, of %(n)s); nobody looked at the phones.",
               share=f"{share.value * 100:.1f}", low=low, high=high, n=share.n)
    )  # fmt: skip
    if found.false.k:
        said += " " + _(
            "Receipts “delivered” that are not true: %(k)s of %(n)s.", k=found.false.k, n=found.false.n
        )
    needed = plan.size(wanted)
    if share.n < needed:
        said += " " + _(
            "For ± %(margin)s points about %(n)s more.", margin=f"{wanted.margin * 100:g}", n=needed - share.n
        )
    return said


def _told(pair: pairs.Pair, names: dict[int, str]) -> str:
    """What two accounts on the same phones say."""
    first, second = names[pair.first], names[pair.second]
    if pair.missing:
        return _(
            "%(first)s and %(second)s: too early, about %(n)s more pairs.",
            first=first,
            second=second,
            n=pair.missing,
        )
    points = {
        "n": pair.n, "diff": f"{abs(pair.difference) * 100:.1f}",
        "low": f"{min(abs(pair.low), abs(pair.high)) * 100:.1f}", "high": f"{max(abs(pair.low), abs(pair.high)) * 100:.1f}",
    }  # fmt: skip
    if pair.better is not None:
        other = pair.second if pair.better == pair.first else pair.first
        return _(
            "%(better)s reaches more than %(other)s: %(diff)s points (%(low)s to %(high)s) on %(n)s pairs.",
            better=names[pair.better], other=names[other], **points,
        )  # fmt: skip
    widest = f"{max(abs(pair.low), abs(pair.high)) * 100:.1f}"
    beside = (
        " " + _(
            "The interval, which is an approximation, leaves zero out by little; the exact test, p = %(p)s, does not.",
            p=f"{pair.p:.3f}",
        )
        if not pair.low <= 0 <= pair.high
        else ""
    )  # fmt: skip
    if pair.more:
        return _(
            "No difference is sure between %(first)s and %(second)s on %(n)s pairs; if the one seen is real, about "
            "%(more)s more pairs would show it.",
            first=first, second=second, n=pair.n, more=pair.more,
        ) + beside  # fmt: skip
    return _(
        "No difference seen between %(first)s and %(second)s on %(n)s pairs; one of more than %(widest)s points is "
        "unlikely.",
        first=first, second=second, n=pair.n, widest=widest,
    )  # fmt: skip


# --- the verdict --------------------------------------------------------------------------------------


def decide(trial_id: int, account_id: int, verdict: str, note: str, who: str) -> None:
    """What a person decides of an account; "" takes it back.  Raises `Refusal`."""
    trial = plan.get(trial_id)
    if trial.state == "draft":
        raise Refusal(_("This trial has not started; there is nothing to judge yet."), status=409)
    if verdict not in (*VERDICTS, ""):
        raise Refusal(
            _("“%(name)s” is not one of %(known)s.", name=verdict[:60], known=", ".join(VERDICTS)),
            field="verdict",
        )
    note = promises.noted(note)
    with database.write_tx():
        changed = TrialAccount.update(
            verdict=verdict, note=note if verdict else "", who=who if verdict else "",
            at=clock.now_ms() if verdict else None,
        ).where(TrialAccount.trial_id == trial_id, TrialAccount.account_id == account_id).execute()  # fmt: skip
        if not changed:
            raise Refusal(_("There is no account %(id)s.", id=account_id), field="account", status=404)
        audit.record(
            who, "trial.verdict", f"account:{account_id}", f"trial {trial_id}: {verdict or 'taken back'}"
        )


def _verdicts(trial_id: int) -> dict[int, Verdict]:
    return {
        account: Verdict(*rest)
        for account, *rest in database.query(
            "SELECT account_id, verdict, note, who, at FROM trial_account WHERE trial_id = ? AND verdict <> ''",
            (trial_id,),
        )
    }


def of_account(account_id: int, limit: int = 5) -> list[tuple[int, str, str, Verdict | None]]:
    """(trial, name, state, verdict) of the newest trials an account was in, for its page."""
    return [
        (id_, name, state, Verdict(*verdict) if verdict[0] else None)
        for id_, name, state, *verdict in database.query(
            "SELECT t.id, t.name, t.state, a.verdict, a.note, a.who, a.at FROM trial_account a "
            "JOIN trial t ON t.id = a.trial_id WHERE a.account_id = ? AND t.state <> 'draft' "
            "ORDER BY t.id DESC LIMIT ?",
            (account_id, limit),
        )
    ]


# --- the file -----------------------------------------------------------------------------------------


def rows(rt: Runtime, trial_id: int) -> Iterator[list]:
    """Every text of a trial as a row of `CSV`; numbers masked."""
    from core.measure.trials import phones

    trial, names = plan.get(trial_id), plan.accounts(trial_id)
    by_id = {phone.id: phone for phone in phones.of(rt, trial_id)}
    rest = {
        row[0]: row[1:]
        for row in database.query("SELECT id, nonce, due_at FROM trial_text WHERE trial_id = ?", (trial_id,))
    }
    for t in figures.read(trial_id):
        phone, (word, due) = by_id.get(t.number_id), rest[t.id]
        yield [
            trial.name, t.id, word, names.get(t.account_id, t.account_id), phone and phone.number, phone and phone.owner,
            t.carrier, t.hours, t.kind, t.round, _iso(due), t.state, t.reason, _iso(t.submitted_at),
            _iso(t.receipt_at), _after(t, t.receipt_at), t.seen, t.seen_by, _iso(t.seen_at), _after(t, t.seen_at),
            t.sender, t.seen_sender, t.answer, t.parts, t.cost_micros / 1_000_000, t.message_id,
        ]  # fmt: skip


def _iso(ms: int | None) -> str:
    return clock.from_ms(ms).isoformat(timespec="milliseconds") if ms else ""


def _after(text: figures.Text, at: int | None) -> float | str:
    return round((at - text.submitted_at) / 1000, 3) if at and text.submitted_at else ""

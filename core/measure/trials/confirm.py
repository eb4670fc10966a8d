"""What really arrived: said by people, or known because a phone that hands over its texts did not hand over one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.measure.trials import plan
from core.sending import handsets

if TYPE_CHECKING:
    from core.runtime import Runtime

#: So long after the last text receipts are waited for.
WAIT_MS = clock.DAY_MS
#: What a phone that hands over its texts did not hand over so soon counts as lost, until it comes after all.
PATIENCE_MS = 5 * clock.MINUTE_MS
#: Texts that went to a provider and were not refused by it.
OUT = ("accepted", "delivered", "failed")
_OUT = "('accepted', 'delivered', 'failed')"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of one text: `how` is yes, damaged or no; `body` what was read, `sender` who it was from."""

    how: str
    body: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One text as a person is asked about it."""

    id: int
    nonce: str
    body: str
    at: int
    how: str
    by: str
    seen_body: str
    seen_sender: str


def asked(trial_id: int, number_id: int) -> list[Asked]:
    """The texts that went to a phone, newest first."""
    rows = database.query(
        "SELECT id, nonce, body, COALESCE(submitted_at, due_at), seen, seen_by, seen_body, seen_sender "
        f"FROM trial_text WHERE trial_id = ? AND number_id = ? AND state IN {_OUT} ORDER BY 4 DESC, id DESC",
        (trial_id, number_id),
    )
    return [Asked(*row) for row in rows]


def say(trial_id: int, number_id: int, said: Mapping[int, Said], who: str, rest: bool = False) -> int:
    """Keep what a person says of texts of one phone; with `rest` all others nobody saw did not arrive.

    Returns how many changed.  Raises `Refusal` for a text that is not of this phone, or a word that is none.
    """
    known = {text.id for text in asked(trial_id, number_id)}
    for text_id, one in said.items():
        if text_id not in known:
            raise Refusal(_("Text %(id)s did not go to this phone.", id=text_id), field="text", status=404)
        if one.how not in ("yes", "damaged", "no"):
            raise Refusal(
                _("“%(name)s” is not one of %(known)s.", name=one.how[:60], known="yes, damaged, no"),
                field="how",
            )
        _fits(one.body, handsets.BODY_MAX, "body")
        _fits(one.sender, handsets.SENDER_MAX, "sender")
    with database.write_tx():
        changed = handsets.keep(
            # When a person saw it nobody knows to the second, so no latency comes from people.
            handsets.Seen(text_id, one.how, "person", None, one.body.strip(), one.sender.strip(), who)
            for text_id, one in sorted(said.items())
        )
        if rest:
            changed += database.execute(
                "UPDATE trial_text SET seen = 'no', seen_by = 'person', noted_by = ? WHERE trial_id = ? "
                f"AND number_id = ? AND seen = '' AND state IN {_OUT}",
                (who, trial_id, number_id),
            ).rowcount
    return changed


def _fits(text: str, most: int, field: str) -> None:
    if len(text.strip()) > most:
        raise Refusal(
            _(
                "What was read has at most %(most)s characters, not %(n)s; shorten it.",
                most=most,
                n=len(text.strip()),
            ),
            field=field,
        )


def by_nonce(trial_id: int, said: Mapping[str, Said], who: str) -> int:
    """The same, of texts named by their word, on whatever phone.  Raises `Refusal`."""
    plan.get(trial_id)
    by_phone: dict[int, dict[int, Said]] = {}
    for word, one in said.items():
        found = handsets.nonces(word)
        row = found and database.one(
            "SELECT number_id, id FROM trial_text WHERE trial_id = ? AND nonce = ?", (trial_id, found[0])
        )
        if not row:
            raise Refusal(
                _("No text of this trial has the word %(word)s.", word=word[:40]), field="word", status=404
            )
        by_phone.setdefault(row[0], {})[row[1]] = one
    return sum(say(trial_id, number_id, some, who) for number_id, some in by_phone.items())


def close(trial_id: int, now: int | None = None) -> int:
    """Texts a phone of ours did not hand over in time did not arrive so far; returns how many.

    A phone that handed over nothing at all may be off: it says nothing.
    """
    before = (clock.now_ms() if now is None else now) - PATIENCE_MS
    with database.write_tx():
        return database.execute(
            "UPDATE trial_text SET seen = 'no', seen_by = 'handset' WHERE trial_id = ? AND seen = '' "
            f"AND state IN {_OUT} AND submitted_at <= ? AND number_id IN (SELECT n.id FROM trial_number n "
            "WHERE n.trial_id = ? AND n.seed_account_id IS NOT NULL AND EXISTS (SELECT 1 FROM trial_text s "
            "WHERE s.number_id = n.id AND s.seen_by = 'handset' AND s.seen IN ('yes', 'damaged')))",
            (trial_id, before, trial_id),
        ).rowcount


def silent(rt: Runtime, trial_id: int) -> list[str]:
    """Owners of phones that shall hand over their texts, were sent some an hour ago or earlier, and gave none."""
    rows = database.query(
        "SELECT n.owner, n.id FROM trial_number n JOIN trial_text t ON t.number_id = n.id WHERE n.trial_id = ? "
        f"AND n.seed_account_id IS NOT NULL AND t.state IN {_OUT} AND t.submitted_at < ? GROUP BY n.owner, n.id "
        "HAVING SUM(CASE WHEN t.seen_by = 'handset' AND t.seen <> 'no' THEN 1 ELSE 0 END) = 0 ORDER BY n.id",
        (trial_id, clock.now_ms() - clock.HOUR_MS),
    )
    return [owner or _("phone %(id)s", id=number) for owner, number in rows]

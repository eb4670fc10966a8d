"""What follows when a message is refused or fails, by the kind of the vendor's code (core.contract.kinds).

number   the number is marked unreachable and left out of marketing, as the nightly check does
blocked  after the second message, through whatever account, the number is suppressed for marketing
handset  tried again twice at a pause; after three tries without a delivery the label `unreachable`, 30 days
content  three messages of a campaign with one code pause it, and three of one text of which nothing was taken,
         whatever the codes; the sentence names the code and, where several are compared, the text
optout   see optouts.py; account: wire.py gives the message back and the judge halts the account
route    rejected with its reason, for the routes; limit, temporary: tried again; other: nothing

All is written in the transaction that records the refusal.  `consequence` has one row a message, so whatever
is repeated, each happens once a message.  A receipt ends its message for good; the "tried again" of a handset
is then the next text to that number.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.audience import keywords, labels, numbers, suppression
from core.audience.quality import recheck
from core.contract.errors import BadConfig
from core.contract.kinds import KINDS
from core.contract.types import OPTED_OUT, Result
from core.db import database
from core.db.codes import MARKETING, NumberStatus
from core.db.sets import among, listed, rows_bound, rows_of
from core.sending import lifecycle, pausing
from core.sending.item import Item
from core.sending.record import WITHHELD

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.send")

#: Kinds that leave a row, and those of them that suppress: their transactions take the locks of the list first.
LASTING = frozenset({"number", "blocked", "handset", "content"})
SUPPRESSING = frozenset({"number", "blocked", "optout"})
#: So many messages of a campaign with the same code of the kind content pause it, or so many of one variant when
#: the vendor took none of it.
CONTENT_PAUSES = 3
#: So many blocked messages suppress a number.
BLOCKED_SUPPRESSES = 2
#: Tries of a handset in all before the label, and how long that stays.
HANDSET_TRIES = 3
LABEL, LABEL_MS = "unreachable", 30 * clock.DAY_MS


class Failed(NamedTuple):
    """A message that ended badly, with what its code means and how often it was tried."""

    message_id: int
    account_id: int
    kind: str
    code: str
    tries: int = 1


class Pause(NamedTuple):
    """A campaign whose words are refused: to be paused after the commit.

    `n` messages with `codes`; `variant` is the one most of them are of, `only` when all are.  `sure`: paused
    whatever became of the other messages; else when nothing of the variant was taken.
    """

    campaign_id: int
    codes: tuple[str, ...]
    n: int
    variant: int
    only: bool
    sure: bool


# --- reading what a provider said ---------------------------------------------------------------------


def settled(errors: Mapping[str, str], result: Result) -> Result:
    """A refusal as the account's table has it: its outcome, and how long to wait before the next try.

    Both "rejected" and "retry" are the provider's word that the message was not accepted, so either may
    become the other.  A message refused for the account's sake is given back: `halt_of` says what to halt for.
    """
    kind = errors.get(result.code) if result.code else None
    if kind is None or kind == "other" or result.outcome not in ("rejected", "retry"):
        return result
    if kind == "account":
        return result._replace(outcome=WITHHELD, after_s=max(result.after_s or 1.0, 1.0))
    meant = KINDS[kind]
    reason = OPTED_OUT if kind == "optout" else result.reason
    return result._replace(outcome=meant.outcome, reason=reason, after_s=result.after_s or meant.after_s)


def halt_of(results: Iterable[Result]) -> BadConfig | None:
    """The error that halts the account, when a refusal was for its sake."""
    for result in results:
        if result.outcome == WITHHELD and result.code:
            return BadConfig(
                f"The provider refuses this account ({result.code}): {result.reason or ''}"[:200]
            )
    return None


def in_results(
    account_id: int, errors: Mapping[str, str], items: Sequence[Item], results: Sequence[Result]
) -> list[Failed]:
    """Refusals of a window that may have consequences, if their messages end rejected by them."""
    if not errors:
        return []
    return [
        Failed(item.id, account_id, errors[result.code], result.code, item.attempt + 1)
        for item, result in zip(items, results, strict=True)
        if result.outcome in ("rejected", "retry") and errors.get(result.code) in LASTING
    ]


def suppresses(failed: Iterable[Failed]) -> bool:
    """Must the locks of the suppression list be taken before any other?"""
    return any(one.kind in SUPPRESSING for one in failed)


# --- acting -------------------------------------------------------------------------------------------


def apply(rt: Runtime, failed: Sequence[Failed], now: int) -> list[Pause]:
    """Act on messages that just became final, inside the transaction that made them so.

    Returns campaigns for `announce` after the commit.
    """
    rows = _new([one for one in failed if one.kind in LASTING], now)
    people: dict[str, list[int]] = {}
    for _id, contact_id, kind, _campaign, _code in rows:
        people.setdefault(kind, []).append(contact_id)
    if dead := people.get("number"):
        _mark_dead(rt, sorted(set(dead)), now)
    if blocked := people.get("blocked"):
        _suppress_blocked(rt, sorted(set(blocked)))
    if silent := people.get("handset"):
        _label_silent(sorted(set(silent)), now)
    refused = {campaign for _id, _contact, kind, campaign, _code in rows if kind == "content"}
    return [pause for campaign in sorted(refused) if (pause := _refused_words(campaign))]


def _new(failed: Sequence[Failed], now: int) -> list[tuple[int, int, str, int, str]]:
    """(message, contact, kind, campaign, code) of those not known before; messages of erased people have none."""
    if not failed:
        return []
    source = rows_of(("bigint", "int", "text", "text", "int"), ("id", "account_id", "kind", "code", "tries"))
    given = [(one.message_id, one.account_id, one.kind, one.code[:60], one.tries) for one in failed]
    return database.query(
        "INSERT INTO consequence (message_id, account_id, campaign_id, contact_id, kind, code, tries, at) "
        "SELECT m.id, m.account_id, m.campaign_id, m.contact_id, w.kind, w.code, w.tries, CAST(? AS BIGINT) "
        f"FROM {source} JOIN message m ON m.id = w.id JOIN contact c ON c.id = m.contact_id "
        "WHERE m.account_id = w.account_id ON CONFLICT (message_id) DO NOTHING "
        "RETURNING message_id, contact_id, kind, campaign_id, code",
        (now, *rows_bound(given)),
    )


def _mark_dead(rt: Runtime, contact_ids: list[int], now: int) -> None:
    """As the nightly check marks a dead number; a delivery of a notice lifts it there."""
    database.execute(
        "INSERT INTO number_info (contact_id, region, carrier, zone, line_type, permanent_failures, status, "
        "status_at, checked_at) SELECT p.contact_id, '', '', '', p.line_type, 0, ?, ?, ? FROM profile p "
        f"WHERE p.contact_id {among()} ON CONFLICT (contact_id) DO UPDATE SET status = excluded.status, "
        "status_at = excluded.status_at",
        (int(NumberStatus.unreachable), now, now, listed(contact_ids)),
    )
    if numbers.rules().leave_out:
        mask = suppression.mask_of(MARKETING)
        entries = [suppression.Entry(*number, mask, "unreachable") for number in _numbers(contact_ids)]
        suppression.add(rt, entries, reason="invalid", who=recheck.WHO)


def _suppress_blocked(rt: Runtime, contact_ids: list[int]) -> None:
    rows = database.query(
        f"SELECT contact_id, MAX(code) FROM consequence WHERE kind = 'blocked' AND contact_id {among()} "
        "GROUP BY contact_id HAVING COUNT(*) >= ?",
        (listed(contact_ids), BLOCKED_SUPPRESSES),
    )
    codes = dict(rows)
    if codes:
        mask = keywords.stop_mask()
        entries = [suppression.Entry(*number, mask) for number in _numbers(sorted(codes))]
        suppression.add(rt, entries, reason="blocked", who="provider")


def _label_silent(contact_ids: list[int], now: int) -> None:
    rows = database.query(
        "SELECT q.contact_id FROM consequence q WHERE q.kind = 'handset' "
        f"AND q.contact_id {among()} AND q.at > ? AND q.at > COALESCE((SELECT MAX(m.final_at) FROM message m "
        "WHERE m.contact_id = q.contact_id AND m.state = 4), 0) GROUP BY q.contact_id HAVING SUM(q.tries) >= ?",
        (listed(contact_ids), now - LABEL_MS, HANDSET_TRIES),
    )
    if rows:
        labels.put(
            labels.ensure(LABEL), [row[0] for row in rows], source="rule", expires_at=now + LABEL_MS,
            who="provider",
        )  # fmt: skip


def _numbers(contact_ids: list[int]) -> list[tuple[bytes, bytes]]:
    rows = database.query(
        f"SELECT phone_bidx, phone_enc FROM contact WHERE id {among()}", (listed(contact_ids),)
    )
    return [(bytes(bidx), bytes(phone)) for bidx, phone in rows]


def _refused_words(campaign_id: int) -> Pause | None:
    """Counted from the last time a person let the campaign go on."""
    by_code: Counter[str] = Counter()
    by_variant: Counter[int] = Counter()
    for variant, code, n in database.query(
        "SELECT m.variant, q.code, COUNT(*) FROM consequence q JOIN message m ON m.id = q.message_id "
        "WHERE q.campaign_id = ? AND q.kind = 'content' AND q.at > COALESCE((SELECT MAX(at) FROM campaign_log "
        "WHERE campaign_id = ? AND what = 'resumed'), 0) GROUP BY m.variant, q.code ORDER BY 1, 2",
        (campaign_id, campaign_id),
    ):
        by_code[code] += n
        by_variant[variant] += n
    [(code, alike)], [(variant, of_one)] = by_code.most_common(1), by_variant.most_common(1)
    only = len(by_variant) == 1
    if alike >= CONTENT_PAUSES:
        return Pause(campaign_id, (code,), alike, variant, only, True)
    if of_one >= CONTENT_PAUSES:
        return Pause(campaign_id, tuple(sorted(by_code)), of_one, variant, only, False)
    return None


def announce(rt: Runtime, pauses: Iterable[Pause]) -> None:
    """Pause campaigns whose words are refused; after the commit.  Those of single messages only say it."""
    for pause in pauses:
        none_taken = not database.scalar(
            "SELECT SUM(n) FROM tally WHERE campaign_id = ? AND variant = ? AND state IN (3, 4)",
            (pause.campaign_id, pause.variant),
        )
        if not (pause.sure or none_taken):
            continue
        name = database.scalar("SELECT name FROM campaign WHERE id = ?", (pause.campaign_id,)) or ""
        why = _why(pause, none_taken)
        if name.startswith("direct:"):
            log.error("%s: %s", name, why)
        else:
            lifecycle.pause(rt, pause.campaign_id, why)


def _why(pause: Pause, none_taken: bool) -> str:
    """The reason as a sentence; it names the text where the campaign compares several."""
    codes = pausing.say("code" if len(pause.codes) == 1 else "codes", codes=", ".join(pause.codes)[:60])
    arms = database.query(
        "SELECT v.idx, t.name FROM variant v LEFT JOIN template t ON t.id = v.template_id WHERE v.campaign_id = ?",
        (pause.campaign_id,),
    )
    if pause.only and len(arms) > 1:
        text = f"{chr(65 + pause.variant)} ({(dict(arms)[pause.variant] or pausing.say('gone'))[:60]})"
        key = "every_word" if none_taken else "words_of"
        return pausing.say(key, n=pause.n, text=text, codes=codes)
    return pausing.say("words", n=pause.n, codes=codes)

"""The ledger of consent folded: `consent_bits` and `optout_bits` of profiles, and `contact_topic`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from core.db import database

#: Actions that change the state of a class.
STATES = ("opt_in", "opt_out", "erase")

#: Contacts changed by one UPDATE; below SQLite's and PostgreSQL's limits of parameters.
_CHUNK = 10_000


def combine(change: list[int], bit: int, action: str) -> None:
    """`change` is [bits decided, consent bits, opt-out bits]; a later event of a class replaces."""
    change[0] |= bit
    change[1] = (change[1] & ~bit) | (bit if action == "opt_in" else 0)
    change[2] = (change[2] & ~bit) | (bit if action == "opt_out" else 0)


def fold(changes: Mapping[int, list[int]]) -> None:
    """Contact → what `combine` made of its events; contacts with the same change share one UPDATE."""
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for contact_id in sorted(changes):
        alike[tuple(changes[contact_id])].append(contact_id)
    for (decided, consent, optout), ids in sorted(alike.items()):
        for at in range(0, len(ids), _CHUNK):
            some = ids[at : at + _CHUNK]
            database.execute(
                "UPDATE profile SET consent_bits = (consent_bits & ?) | ?, "
                "optout_bits = (optout_bits & ?) | ? "
                f"WHERE contact_id IN ({database.in_list(len(some))})",
                (~decided, consent, ~decided, optout, *some),
            )


def fold_topics(changes: Mapping[tuple[int, int], str]) -> None:
    """(topic, contact) → the last word on it; the profile is held first, so that a submit mark waits or sees it."""
    people = sorted({contact_id for _topic, contact_id in changes if contact_id})
    if not people:
        return
    if database.is_postgres():
        database.execute(
            f"SELECT 1 FROM profile WHERE contact_id IN ({database.in_list(len(people))}) "
            "ORDER BY contact_id FOR UPDATE",
            people,
        )
    said = [(*key, int(action == "opt_out")) for key, action in changes.items() if action in STATES[:2]]
    if said:
        database.executemany(
            "INSERT INTO contact_topic (topic_id, contact_id, out) VALUES (?, ?, ?) "
            "ON CONFLICT (topic_id, contact_id) DO UPDATE SET out = excluded.out",
            said,
        )
    gone = [key for key, action in changes.items() if action == "erase"]
    if gone:
        database.executemany("DELETE FROM contact_topic WHERE topic_id = ? AND contact_id = ?", gone)


# The ledger folded to one row a contact, and beside it the profile.  The join on the blind index keeps events of a
# person who was erased away from whoever is given the same contact id by a restored database.  Grouped and not
# joined: with few statistics PostgreSQL looked through all the ledger for each profile (minutes for 10,000).
_FOLDED = """
WITH last AS (
    SELECT e.contact_id, e.cls, MAX(e.id) AS id FROM consent_event e
    JOIN contact c ON c.id = e.contact_id AND c.phone_bidx = e.phone_bidx
    WHERE e.action IN ('opt_in', 'opt_out', 'erase') AND e.topic_id = 0 GROUP BY e.contact_id, e.cls),
pair AS (
    SELECT contact_id, 1 AS profiles, consent_bits AS has, optout_bits AS has_out, 0 AS told, 0 AS told_out FROM profile
    UNION ALL
    SELECT e.contact_id, 0, 0, 0, CASE WHEN e.action = 'opt_in' THEN 1 << e.cls ELSE 0 END,
        CASE WHEN e.action = 'opt_out' THEN 1 << e.cls ELSE 0 END
    FROM last JOIN consent_event e ON e.id = last.id)
SELECT contact_id, SUM(has), SUM(has_out), SUM(told), SUM(told_out) FROM pair GROUP BY contact_id
HAVING SUM(profiles) = 1 AND (SUM(has) <> SUM(told) OR SUM(has_out) <> SUM(told_out)) ORDER BY contact_id
"""


def check() -> str | None:
    """For `cooee verify`: the first contact whose profile differs from the ledger, or None."""
    row = database.one(_FOLDED + " LIMIT 1")
    if row is None:
        return None
    contact_id, consent, optout, true_consent, true_optout = row
    return (
        f"Contact {contact_id} has consent bits {consent} and opt-out bits {optout} in its profile; "
        f"the ledger says {true_consent} and {true_optout}."
    )


def refold() -> int:
    """Set every profile to what the ledger says; returns how many were wrong.  For repairs."""
    with database.write_tx():
        wrong = database.query(_FOLDED)
        database.executemany(
            "UPDATE profile SET consent_bits = ?, optout_bits = ? WHERE contact_id = ?",
            [(row[3], row[4], row[0]) for row in wrong],
        )
    return len(wrong)

"""Figures of a rule: how many, who for instance, is this one in, and how many may be texted.

Everything here is one scan of `profile` under a time limit; a builder page asks for all its numbers at once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience.segments.compile import compile, render
from core.audience.segments.context import Context
from core.audience.segments.logic import EVERYONE
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, LineType
from core.db.deadline import TooSlow, deadline
from core.db.models import Profile
from core.i18n import _
from core.security.crypto import mask

if TYPE_CHECKING:
    from core.runtime import Runtime

TIMEOUT_S = 5.0


@contextmanager
def limited() -> Iterator[None]:
    """At most `TIMEOUT_S` for the question of a person; the answer to a slower one is a sentence."""
    try:
        with deadline(TIMEOUT_S):
            yield
    except TooSlow:
        raise Refusal(
            _(
                "Counting took longer than %(s)s seconds; make the rule simpler or label part of it first.",
                s=5,
            ),
            field="rule",
            status=503,
        ) from None


@dataclass(frozen=True, slots=True)
class Reach:
    """Who of an audience may get a text, and why the others may not.  Each person counts once, under the reason the
    send path would give (core.sending.people): landline before on the list never to text before without consent."""

    total: int
    may: int
    landline: int
    suppressed: int
    no_consent: int


@dataclass(frozen=True, slots=True)
class Person:
    """Someone of the sample; `phone` is masked."""

    contact_id: int
    name: str
    phone: str
    country: str


def count(rt: Runtime, rule: Any) -> tuple[int, float]:
    """(people the rule matches now, seconds it took).  Raises `Refusal` when it takes more than 5 s."""
    started = clock.monotonic()
    sql, params = render(compile(rt, rule))
    with limited():
        # `sql` is rendered from typed nodes; values are parameters.
        found = database.scalar(f"SELECT COUNT(*) FROM profile WHERE {sql}", params)
    return found, clock.monotonic() - started


def counts(
    rt: Runtime, conditions: Sequence[Any], total: Any, cls: Cls = Cls.mass
) -> tuple[list[int], Reach, int]:
    """All figures of a builder in two scans: (people each condition keeps, reach of `total`, all contacts).

    Conditions are peewee expressions over `Profile`, from `compile`.
    """
    bit = cls.bit
    landline = Profile.line_type == LineType.fixed.value
    blocked = Profile.blocked_bits.bin_and(bit) != 0
    unasked = Profile.consent_bits.bin_and(bit) == 0
    with limited():
        people, *why = _tally(
            [landline, ~landline & blocked, ~landline & ~blocked & unasked],
            where=total,
        )
        everyone, *kept = _tally(conditions)
    return kept, Reach(people, people - sum(why), *why), everyone


def tallies(rt: Runtime, rules: Sequence[Any]) -> list[int]:
    """How many people each of these rules matches, in one scan.  Raises `Refusal` when it takes too long."""
    ctx = Context(rt)
    conditions = [compile(rt, rule, ctx=ctx) for rule in rules]
    with limited():
        return list(_tally(conditions)[1:])


def _tally(conditions: Sequence[Any], where: Any = EVERYONE) -> tuple[int, ...]:
    """How many rows meet `where`, and how many of them each condition, in one scan."""
    columns, params = ["COUNT(*)"], []
    for sql, values in map(render, conditions):
        columns.append(f"COUNT(*) FILTER (WHERE {sql})")
        params += values
    sql, values = render(where)
    found = database.one(f"SELECT {', '.join(columns)} FROM profile WHERE {sql}", [*params, *values])
    return tuple(found)


def contains(rt: Runtime, rule: Any, contact_id: int) -> bool:
    """Does the rule match this contact now?"""
    sql, params = render(compile(rt, rule, ctx=Context(rt, few=True)))
    with limited():
        found = database.one(f"SELECT 1 FROM profile WHERE contact_id = ? AND ({sql})", [contact_id, *params])
    return found is not None


def sample(rt: Runtime, rule: Any, n: int = 5, *, ctx: Context | None = None) -> list[Person]:
    """Up to `n` people the rule matches, from a random place on; numbers masked.

    Reading on from a random id costs a page of the table; sorting a million rows at random costs a second.
    """
    sql, params = render(compile(rt, rule, ctx=ctx))
    with limited():
        highest = database.scalar("SELECT MAX(contact_id) FROM profile") or 0
        start = random.randint(0, highest)  # noqa: S311
        found = _from(sql, params, "contact_id >= ?", start, n)
        if len(found) < n:
            found += _from(sql, params, "contact_id < ?", start, n - len(found))
    return [Person(row[0], row[1] or "", mask(rt.keys.open_number(row[2])), row[3]) for row in found]


def _from(sql: str, params: Sequence[Any], where: str, start: int, n: int) -> list[tuple]:
    return database.query(
        "SELECT contact.id, contact.name, contact.phone_enc, profile.country FROM profile "
        "JOIN contact ON contact.id = profile.contact_id "
        f"WHERE profile.{where} AND ({sql}) ORDER BY profile.contact_id LIMIT ?",
        [start, *params, n],
    )

"""Lots for holdout and variants: the same in SQL and in Python.

A draw is a polynomial of degree 3 over the field of p = 2³¹ − 1 at the contact's id, with coefficients
taken from SHA-256 of the campaign's salt and the purpose.  Random polynomials of degree 3 are a 4-wise
independent family (Wegman and Carter 1981), so draws of people, purposes and campaigns are independent of
each other; and Horner's steps stay below p² < 2⁶², which matters because SQLite turns an overflow into a
floating point number without a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

#: A Mersenne prime above every contact id (ids are 32-bit).
P = 2**31 - 1
#: Draws are in [0, SCALE): basis points.
SCALE = 10_000
HOLDOUT, VARIANT = "holdout", "variant"


def coefficients(salt: int, purpose: str) -> tuple[int, int, int, int]:
    """The four keyed coefficients; the leading one is never 0."""
    digest = hashlib.sha256(f"{salt}:{purpose}".encode()).digest()
    a0, a1, a2, a3 = (int.from_bytes(digest[i * 8 : i * 8 + 8]) for i in range(4))
    return a0 % P, a1 % P, a2 % P, a3 % (P - 1) + 1


def draw(salt: int, purpose: str, contact_id: int) -> int:
    """The lot of a contact in [0, 10000) for a campaign's salt and a purpose."""
    a0, a1, a2, a3 = coefficients(salt, purpose)
    x = contact_id
    return (((a3 * x + a2) % P * x + a1) % P * x + a0) % P * SCALE // P


def sql(salt: int, purpose: str, column: str) -> str:
    """The same lot as an SQL expression over an id column, valid on both databases."""
    a0, a1, a2, a3 = coefficients(salt, purpose)
    x = f"CAST({column} AS BIGINT)"
    return f"(((({a3} * {x} + {a2}) % {P} * {x} + {a1}) % {P} * {x} + {a0}) % {P} * {SCALE} / {P})"


def bounds(weights: Sequence[int]) -> list[int]:
    """Upper bounds in [0, 10000] of each variant's lots; weights are shares of any scale."""
    total = sum(weights)
    reached, out = 0, []
    for weight in weights:
        reached += weight
        out.append(reached * SCALE // total)
    return out


def pick(salt: int, contact_id: int, weights: Sequence[int]) -> int:
    """Position of the variant a contact gets."""
    lot = draw(salt, VARIANT, contact_id)
    return next(i for i, bound in enumerate(bounds(weights)) if lot < bound)


def pick_sql(salt: int, column: str, weights: Sequence[int], idx: Sequence[int] | None = None) -> str:
    """`pick` as SQL, giving `idx[position]` (default: the position)."""
    idx = list(idx) if idx is not None else list(range(len(weights)))
    if len(weights) == 1:
        return str(idx[0])
    # The lot stands once in the text: databases would compute a repeated expression again for each WHEN.
    lot = sql(salt, VARIANT, column)
    edges = bounds(weights)
    if len(weights) == 2:
        return f"CASE WHEN {lot} < {edges[0]} THEN {idx[0]} ELSE {idx[1]} END"
    whens = " ".join(f"WHEN lot < {edge} THEN {i}" for edge, i in zip(edges[:-1], idx[:-1], strict=True))
    return f"(SELECT CASE {whens} ELSE {idx[-1]} END FROM (SELECT {lot} AS lot) AS drawn)"

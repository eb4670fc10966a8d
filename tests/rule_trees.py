"""Random rules of segments, and whom the product finds by them."""

from __future__ import annotations

from hypothesis import strategies as st

from core.audience import segments
from core.db import database

#: The instant at which the tests of random rules take place.
NOW_MS = 1_795_000_000_123


def matching(rt, rule) -> set[int]:
    """The contact ids the rule's SQL finds at `NOW_MS`."""
    sql, params = segments.where_sql(rt, rule, at_ms=NOW_MS)
    return {row[0] for row in database.query(f"SELECT contact_id FROM profile WHERE {sql}", params)}


def trees(leaves: st.SearchStrategy[dict], depth: int) -> st.SearchStrategy[dict]:
    """Rules of such leaves up to `depth` groups deep."""
    if depth == 0:
        return leaves
    inner = trees(leaves, depth - 1)
    several = st.lists(inner, max_size=3)
    return st.one_of(
        leaves,
        several.map(lambda rules: {"all": rules}),
        several.map(lambda rules: {"any": rules}),
        inner.map(lambda rule: {"not": rule}),
    )

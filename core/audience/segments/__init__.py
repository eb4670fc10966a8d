"""Segments: saved rules that say who is meant.

`rules` reads and checks the tree, `compile` turns it into one SQL condition over `profile`, `figures` counts
and samples, `explain` says why one contact is in or not, `store` keeps rules under names.  A segmenter plugin
needs `ops` (comparisons with their words) and `logic.complement`.
"""

from core.audience.segments.compile import compile, frozen, where_sql
from core.audience.segments.context import Context
from core.audience.segments.explain import Explained, because, describe, explain
from core.audience.segments.figures import contains, count, sample
from core.audience.segments.rules import loads, parse

__all__ = [
    "Context",
    "Explained",
    "because",
    "compile",
    "contains",
    "count",
    "describe",
    "explain",
    "frozen",
    "loads",
    "parse",
    "sample",
    "where_sql",
]

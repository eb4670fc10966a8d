"""Sets of ids as one bound parameter: the same statement for 1 id and for 2,000.

>>> database.query(f"SELECT … WHERE id {among()}", (listed(ids),))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from core.db import database


def among() -> str:
    """The condition "is one of the ids bound here", to stand behind a column."""
    if database.is_postgres():
        return "= ANY(CAST(? AS bigint[]))"
    return "IN (SELECT value FROM json_each(?))"


def listed(ids: Iterable[int]) -> Any:
    """Ids as the parameter `among()` waits for."""
    many = ids if isinstance(ids, list) else list(ids)
    return many if database.is_postgres() else orjson.dumps(many).decode()


def those(ids: Sequence[int], alone: bool) -> tuple[str, tuple[Any, ...]]:
    """Condition and parameters of "is one of these sorted ids", to stand behind a column.

    `alone`: no other row between the first and the last meets the statement's other conditions.  The range then
    says the same, and a row costs a third less.
    """
    return ("BETWEEN ? AND ?", (ids[0], ids[-1])) if alone else (among(), (listed(ids),))


def texts(values: Iterable[str]) -> Any:
    """Texts as the parameter `none_of()` waits for."""
    return sorted(values) if database.is_postgres() else orjson.dumps(sorted(values)).decode()


def none_of() -> str:
    """The condition "is none of the texts bound here"."""
    if database.is_postgres():
        return "<> ALL(CAST(? AS text[]))"
    return "NOT IN (SELECT value FROM json_each(?))"


def rows_of(types: Sequence[str], names: Sequence[str]) -> str:
    """A derived table `w(names…)` over rows bound by `rows_bound`; types are PostgreSQL's."""
    columns = ", ".join(names)
    if database.is_postgres():
        arrays = ", ".join(f"CAST(? AS {kind}[])" for kind in types)
        return f"unnest({arrays}) AS w({columns})"
    picked = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(names))
    return f"(SELECT {picked} FROM json_each(?)) AS w"


def rows_bound(rows: Sequence[Sequence[Any]]) -> list[Any]:
    """Rows as the parameters `rows_of` waits for."""
    if database.is_postgres():
        return [list(column) for column in zip(*rows, strict=True)]
    return [orjson.dumps(rows).decode()]

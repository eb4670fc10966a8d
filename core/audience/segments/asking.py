"""Asking a segmenter of a plugin: what goes wrong there is a refusal that names it, and counts against it.

As hooks are (`core.contract.manager`): errors are counted by plugin, and one that keeps failing is switched off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from peewee import Node, PeeweeException

from core.audience.segments.context import Context
from core.contract.errors import Refusal
from core.contract.manager import FAILING, PATIENCE
from core.i18n import _

log = logging.getLogger("cooee.plugins")


def condition(name: str, params: Any, ctx: Context) -> Node:
    """The peewee expression of a segmenter; anything else it gives is refused, or everybody could match."""

    def where() -> Node:
        found = ctx.segmenter(name).where(params, ctx)
        if not isinstance(found, Node):
            raise TypeError(f"where gave {found!r:.60}, which is no expression of peewee")
        return found

    return _guarded(name, "where", where, ctx)


def words(name: str, params: Any, ctx: Context) -> str:
    """What a segmenter says of its line."""
    return _guarded(name, "describe", lambda: ctx.segmenter(name).describe(params, ctx), ctx)


def reason(name: str, contact: dict[str, Any], params: Any, ctx: Context) -> str:
    """What a segmenter says of a contact."""
    return _guarded(name, "explain", lambda: ctx.segmenter(name).explain(contact, params, ctx), ctx)


def _guarded(name: str, method: str, work: Callable[[], Any], ctx: Context) -> Any:
    plugins, started = ctx.rt.plugins, perf_counter()
    try:
        found = work()
    # A database that is away is no fault of the plugin, and a refusal is an answer.
    except (Refusal, PeeweeException):
        raise
    except Exception as error:
        plugin = plugins.all[plugins.owner("segmenters", name)]
        calls, trouble = plugin.calls[method], f"{type(error).__name__}: {error}"
        calls.add((perf_counter() - started) * 1000, error)
        calls.bad_in_a_row += 1
        log.error("plugin %s: %s.%s %s", plugin.name, name, method, trouble, exc_info=error)
        if calls.bad_in_a_row >= PATIENCE:
            plugins.disable(plugin.name, f"{FAILING}{method} {trouble}, {PATIENCE} times in a row")
        raise Refusal(
            _(
                "The segmenter “%(name)s” of the plugin %(plugin)s fails (%(why)s); mend it or take the line out.",
                name=name, plugin=plugin.name, why=trouble[:200],
            )
        ) from None  # fmt: skip
    calls = plugins.all[plugins.owner("segmenters", name)].calls[method]
    calls.add((perf_counter() - started) * 1000, None)
    calls.bad_in_a_row = 0
    return found

"""The contract suite: laws every provider, segmenter, check, metric and rule keeps.

Each `check_*` takes a class and returns the laws it breaks, as sentences; an empty list is a pass.

    def test_it_keeps_the_contract():
        assert check_provider(Mine, {"api_key": "x"}) == []

`cooee plugin check PATH` runs them over everything a file or package registers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.contract.errors import CooeeError
from core.contract.samples import Context
from core.contract.testing.pieces import (
    check_check,
    check_metric,
    check_numbers,
    check_rule,
    check_segmenter,
)
from core.contract.testing.providers import check_provider

__all__ = [
    "CHECKS", "Context", "check_all", "check_check", "check_metric", "check_numbers", "check_provider", "check_rule",
    "check_segmenter",
]  # fmt: skip

#: Family of `Plugins` → the check of its classes.
CHECKS: dict[str, Callable[[Any], list[str]]] = {
    "providers": check_provider,
    "segmenters": check_segmenter,
    "checks": check_check,
    "metrics": check_metric,
    "rules": check_rule,
    "numbers": check_numbers,
}


def check_all(plugins: Any, only: str = "") -> Iterator[tuple[str, str, list[str]]]:
    """(plugin, what, broken laws) of everything a `Plugins` holds; load failures and problems first.

    `only` is the full name of a plugin, when the others are nobody's question: some wait for a network.
    """
    for report in plugins.report():
        if only not in ("", report["name"]):
            continue
        wrong = [f"could not be loaded: {report['reason']}"] if report["state"] == "failed" else []
        yield report["name"], "loading", wrong + report["problems"]
    for family, check in CHECKS.items():
        for name, thing in getattr(plugins, family).items():
            owner = plugins.owner(family, name)
            if only not in ("", owner):
                continue
            cls = thing if isinstance(thing, type) else type(thing)
            try:
                broken = check(cls)
            except CooeeError as error:
                broken = [str(error)]
            yield owner, f"{family[:-1]} {name}", broken

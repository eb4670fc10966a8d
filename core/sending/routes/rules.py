"""Rules in their order, as sending reads them: a few rows, read once a batch."""

from __future__ import annotations

from dataclasses import dataclass

from core.db import database
from core.i18n import _l

#: How a rule chooses among its accounts: name → (title, what it does).
STRATEGIES = {
    "order": (_l("In order"), _l("The first account that works; the next ones stand in for it.")),
    "weight": (_l("By weight"), _l("Each account gets its share of the messages.")),
    "cheapest": (_l("Cheapest"), _l("The lowest price of a part for the country and class.")),
    "arrival": (_l("Best arrival"), _l("The highest measured arrival for the country and carrier.")),
}
#: Any class, as in the price table.
ANY = -1
FULL_BP = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """An account of a rule."""

    account_id: int
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """Empty conditions fit everyone.  `carriers` are lower case; `prefixes` begin with "+"."""

    id: int
    name: str
    enabled: bool = True
    cls: int = ANY
    countries: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    segment_id: int | None = None
    share_bp: int = FULL_BP
    strategy: str = "order"
    pool_id: int | None = None
    targets: tuple[Target, ...] = ()

    def fits_class(self, cls: int) -> bool:
        """May it decide about messages of this class?"""
        return self.cls in (ANY, int(cls))


def every() -> list[Rule]:
    """All rules in their order, with their accounts."""
    targets: dict[int, list[Target]] = {}
    rows = database.query(
        "SELECT id, name, enabled, cls, countries, carriers, prefixes, segment_id, share_bp, strategy, pool_id "
        "FROM route_rule ORDER BY position, id"
    )
    if not rows:
        return []
    for rule_id, account_id, weight in database.query(
        "SELECT rule_id, account_id, weight FROM route_target ORDER BY rule_id, position"
    ):
        targets.setdefault(rule_id, []).append(Target(account_id, weight))
    return [
        Rule(
            id_, name, bool(enabled), cls, words(countries), words(carriers), words(prefixes), segment_id,
            share_bp, strategy, pool_id, tuple(targets.get(id_, ())),
        )
        for id_, name, enabled, cls, countries, carriers, prefixes, segment_id, share_bp, strategy, pool_id in rows
    ]  # fmt: skip


def in_force(cls: int) -> list[Rule]:
    """The rules that may decide about messages of a class, in their order."""
    return [rule for rule in every() if rule.enabled and rule.targets and rule.fits_class(cls)]


def words(stored: str) -> tuple[str, ...]:
    """A stored list as a tuple."""
    return tuple(stored.split("\n")) if stored else ()

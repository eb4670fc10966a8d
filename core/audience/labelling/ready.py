"""Five rules to begin with: each opens the form filled in, to look at and change before it is saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.i18n import _l


@dataclass(frozen=True, slots=True)
class Ready:
    """A rule as it would be typed."""

    key: str
    label: Any
    why: Any
    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    keep_days: int = 0
    icon: str = "tag"


READY = (
    Ready("new-buyer", _l("New buyer"), _l("Bought for the first time in the last 30 days: say welcome."), "since",
          {"type": "purchase", "which": "first", "op": "at_most", "days": 30}, icon="bag-heart"),
    Ready("top-spender", _l("VIP: top spender"), _l("The fifth of buyers who spent most in a year."), "quintile",
          {"quintile": "5", "within_days": 365}, 30, icon="gem"),
    Ready("sleeping", _l("Sleeping 90 days"), _l("Bought before, but not for three months: win them back."), "since",
          {"type": "purchase", "which": "last", "op": "at_least", "days": 90}, icon="moon"),
    Ready("interest", _l("Likes:"), _l("The category someone looks at most, a label for each."), "top_category",
          {"type": "view", "within_days": 90, "half_life": 30, "least": 3}, 14, icon="heart"),
    Ready("birthday", _l("Birthday soon"), _l("A birthday in the next seven days: time for a gift."), "birthday",
          {"ahead_days": 7}, icon="gift"),
)  # fmt: skip

"""China: hours of commercial texts.  As of 2026-11-21; laws change, check before you rely on it.

Sources: Tencent Cloud error `FailedOperation.MarketingSendTimeConstraint` (08–22 only), Alibaba Cloud bulk
schedule 08:00:00–21:59:59, Huawei MSGSMS 8–22 and IoT SMS 8–21.  The narrowest of them is the safe one.
"""

from __future__ import annotations

from core import hookimpl
from core.contract.types import Hours, Rule


class ChinaHours(Rule):
    id = "cn.hours"
    version = "3"
    as_of = "2026-11-21"
    title = "China: marketing texts between 08:00 and 21:00, Beijing time"
    source = "Tencent Cloud, Alibaba Cloud and Huawei Cloud sending limits"
    countries = frozenset({"CN"})

    def hours(self):
        return (Hours(frozenset(range(7)), 8 * 60, 21 * 60),)


@hookimpl
def register_rules():
    return [ChinaHours]

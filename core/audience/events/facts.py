"""What holds without a database, so that the reader process need not load one."""

from __future__ import annotations

from functools import lru_cache

from babel.core import get_global

#: Properties every type may have, with their kinds.
COMMON = {"order": "text", "place": "text", "lat": "number", "lon": "number"}
#: Types that are about money: a row of them needs an amount.
MONEY = frozenset({"purchase", "refund"})
#: What an item has, as files and programs call it.
ITEM_COLUMNS = ("key", "title", "category", "price", "tags")
#: Codes for tests and for "no currency", which are no money.
_NO_MONEY = frozenset({"XXX", "XTS"})


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """ISO 4217 codes, former ones included; as Babel's CLDR has them."""
    return frozenset(get_global("all_currencies")) - _NO_MONEY

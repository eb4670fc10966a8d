"""Cells of a file of events as values: times, amounts, types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.audience import kinds
from core.audience.events.checking import MAX_AMOUNT, MICROS

_EPOCH = re.compile(r"\d{10}(?:\d{3})?\Z", re.ASCII)
_CLOCK = (
    r"(?:[ T]+(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.(\d{1,9}))?)?[分秒]?)?\s*(Z|[+-]\d\d:?\d\d)?\Z"
)
_YMD = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?" + _CLOCK, re.ASCII)
_XXY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})" + _CLOCK, re.ASCII)
_PLAIN = re.compile(r"(\d{1,11})(?:\.(\d{1,6}))?\Z", re.ASCII).match

#: Other words for built-in types, as shops' exports have them.
_ALIASES = {
    "view": "pageview page_view viewed 浏览 查看 浏览商品",
    "cart": "addtocart add_to_cart addedtocart 加购 加入购物车 加购物车",
    "purchase": "order bought paid checkout 购买 下单 支付 付款 成交 订单 消费",
    "refund": "refunded return returned 退款 退货",
    "share": "shared 分享 转发",
    "reply": "replied 回复",
    "click": "clicked 点击",
    "visit": "visited checkin check_in 到店 来访",
    "signup": "sign-up sign_up register registered 注册 入会",
}
ALIASES = {word: key for key, words in _ALIASES.items() for word in words.split()}


class Times:
    """Text → epoch ms.  `zone` is that of times without one, `style` of 3/4/2026: dmy or mdy."""

    def __init__(self, zone: str, style: str = ""):
        self._zone, self._style = ZoneInfo(zone), style

    def read(self, text: str) -> int | None:
        """The instant, or None for what is no time (2026-02-30)."""
        if len(text) == 20 and text[-1] == "Z":
            try:
                return int(datetime.fromisoformat(text).timestamp() * 1000)
            except ValueError:
                return None
        text = text.strip()
        if _EPOCH.match(text):
            return int(text) * (1000 if len(text) == 10 else 1)
        if found := _YMD.match(text):
            year, month, day = found.groups()[:3]
        elif found := _XXY.match(text):
            day, month, year = found.groups()[:3]
            if self._style == "mdy":
                day, month = month, day
        else:
            return None
        hour, minute, second, fraction, offset = found.groups()[3:]
        micros = (fraction or "")[:6].ljust(6, "0")
        try:
            at = datetime(
                *map(int, (year, month, day)), *(int(part or 0) for part in (hour, minute, second, micros))
            )
            if offset:
                at = datetime.fromisoformat(at.isoformat() + offset)
            return round((at if at.tzinfo else at.replace(tzinfo=self._zone)).timestamp() * 1000)
        except (ValueError, OverflowError):
            return None


def micros(text: str, style: str = ".") -> int | None:
    """An amount in millionths; None for what is no number.  `style` is the decimal mark, "." or ","."""
    if found := (_PLAIN(text) if style == "." else None):
        whole, part = found.groups()
        return int(whole) * MICROS + (int(part.ljust(6, "0")) if part else 0)
    number = kinds.to_number(text, style)
    if number is None:
        return None
    if abs(number) > MAX_AMOUNT:
        return MAX_AMOUNT + 1 if number > 0 else -1
    return int((Decimal(repr(number)) * MICROS).to_integral_value())


class Kinds(dict):
    """Cell → key of a type: its key, a word for it, or its title (`titles`: title → key); an unknown one stays
    as it is."""

    def __init__(self, known: Mapping[str, object], titles: Mapping[str, str]):
        super().__init__({key: key for key in known})
        self._titles = {title.lower(): key for title, key in titles.items()}

    def __missing__(self, text: str) -> str:
        word = kinds.clean(text)
        small = word.lower()
        key = super().get(small) or ALIASES.get(small) or self._titles.get(small) or word
        if len(self) < 10_000:
            self[text] = key
        return key

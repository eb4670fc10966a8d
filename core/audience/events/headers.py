"""Which column of a file of events is which, by headers in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.audience.importing import columns
from core.contract.errors import Refusal
from core.i18n import _

#: What a column may be; beside these `prop.NAME` is a property.
TARGETS = (
    *("phone", "type", "at", "amount", "currency", "item", "category", "key"),
    *("order", "place", "lat", "lon"),
)
PROPERTY = "prop."
_WORDS = {
    "type": "type|event|eventtype|eventname|action|activity|类型|事件|事件类型|事件名称|行为|行为类型|动作|操作",
    "at": (
        "at|time|timestamp|datetime|date|when|eventtime|occurredat|createdat|orderdate|ordertime|paidat|"
        "时间|日期|发生时间|事件时间|行为时间|下单时间|支付时间|付款时间|成交时间|创建时间|交易时间"
    ),
    "amount": (
        "amount|total|totalprice|value|revenue|paid|orderamount|price|sum|金额|实付金额|实付款|支付金额|"
        "付款金额|订单金额|成交金额|消费金额|交易金额|总价|价格"
    ),
    "currency": "currency|currencycode|币种|货币|货币代码",
    "item": (
        "item|itemkey|itemid|sku|skuid|product|productid|productkey|商品|商品编号|商品编码|商品id|货号|"
        "产品|产品编号|产品编码|款号"
    ),
    "category": "category|itemcategory|productcategory|品类|类目|分类|类别|商品分类|商品类目|产品类别",
    "key": "key|eventkey|eventid|id|idempotencykey|uniquekey|唯一键|事件编号|事件id|流水号|唯一标识|编号",
    "order": "order|orderid|orderno|ordernumber|订单|订单号|订单编号|交易号",
    "place": "place|store|shop|branch|location|门店|店铺|地点|网点|场所",
    "lat": "lat|latitude|纬度",
    "lon": "lon|lng|long|longitude|经度",
}
_KNOWN = {
    word: (target, rank) for target, words in _WORDS.items() for rank, word in enumerate(words.split("|"))
}


def guess(header: Sequence[str], sample: Sequence[Sequence[str]], region: str) -> dict[str, int]:
    """Target → index of its column; columns nobody knows are left out."""
    found: dict[str, tuple[int, int]] = {}
    for index, raw in enumerate(header):
        name = raw.strip()
        for prefix in (PROPERTY, "属性."):
            if name.lower().startswith(prefix) and len(name) > len(prefix):
                found.setdefault(PROPERTY + name[len(prefix) :].strip(), (0, index))
        target, rank = _KNOWN.get(columns.word_of(raw), ("", 0))
        if target and (target not in found or rank < found[target][0]):
            found[target] = (rank, index)
    taken = {index for _rank, index in found.values()}
    for column in columns.guess(header, sample, {}, region):
        if column.to == "phone" and column.index not in taken:
            found["phone"] = (0, column.index)
    return {target: index for target, (_rank, index) in found.items()}


def corrected(found: Mapping[str, int], header: Sequence[str], changes: Mapping[str, str]) -> dict[str, int]:
    """The guess with corrections by hand: target → header, or `#3` for the third column; "skip" leaves one out.

    Raises `Refusal` for a target or a column there is none of.
    """
    made = dict(found)
    for target, wanted in changes.items():
        index = _find(header, wanted)
        if target not in TARGETS and target != "skip" and not target.startswith(PROPERTY):
            raise Refusal(
                _(
                    "“%(key)s” is nothing an event has; map one of %(all)s, or prop.NAME.",
                    key=target[:40],
                    all=", ".join(TARGETS),
                ),
                field="map",
            )
        made = {key: at for key, at in made.items() if at != index and key != target}
        if target != "skip":
            made[target] = index
    return made


def _find(header: Sequence[str], wanted: str) -> int:
    for same in (str.strip, columns.word_of):
        for index, name in enumerate(header):
            if same(name) == same(wanted):
                return index
    if wanted.startswith("#") and wanted[1:].isdigit() and 1 <= int(wanted[1:]) <= len(header):
        return int(wanted[1:]) - 1
    raise Refusal(
        _("There is no column “%(name)s”; the file has %(all)s.", name=wanted, all=", ".join(header)),
        field="map",
    )


def check(found: Mapping[str, int], type_key: str) -> None:
    """Refuse a file without the columns an event cannot do without; `type_key` stands in for types."""
    needed = [("phone", "Mobile"), ("at", "Time")] + ([] if type_key else [("type", "Event")])
    for target, example in needed:
        if target not in found:
            raise Refusal(
                _(
                    "No column “%(name)s” was found; say which it is, for instance --map %(name)s=%(example)s.",
                    name=target,
                    example=example,
                ),
                field="map",
            )

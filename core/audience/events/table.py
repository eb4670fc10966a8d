"""A file of the catalogue: key, title, category, price, tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from core.audience.events.facts import ITEM_COLUMNS
from core.audience.importing import columns, reading
from core.contract.errors import Refusal
from core.i18n import _

_CHUNK = 5_000
_WORDS = {
    "key": (
        "key|sku|skuid|id|item|itemid|itemkey|product|productid|code|编号|商品编号|商品编码|货号|产品编号|"
        "商品id|款号"
    ),
    "title": "title|name|itemname|productname|itemtitle|名称|标题|商品名称|产品名称|商品标题|品名",
    "category": "category|itemcategory|productcategory|品类|类目|分类|类别|商品分类|商品类目",
    "price": "price|unitprice|saleprice|价格|单价|售价|零售价|销售价",
    "tags": "tags|tag|labels|keywords|标签|关键词|关键字",
}
_KNOWN = {word: target for target, words in _WORDS.items() for word in words.split("|")}


def item_rows(path: Path, changes: Mapping[str, str]) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """(line of the first, rows) of a file of items, 5,000 at a time; `changes` is target → header.

    Raises `Refusal` when the file has no column of keys.
    """
    made = reading.sniff(path)
    source = reading.rows(path, made)
    header = next((row for row in source if any(row)), [])
    found: dict[str, int] = {}
    for index, name in enumerate(header):
        target = _KNOWN.get(columns.word_of(name))
        if target:
            found.setdefault(target, index)
    for target, wanted in changes.items():
        if target not in ITEM_COLUMNS or wanted not in header:
            raise Refusal(
                _("There is no column “%(name)s”; the file has %(all)s.", name=wanted, all=", ".join(header)),
                field="map",
            )
        found[target] = header.index(wanted)
    if "key" not in found:
        raise Refusal(
            _(
                "No column “%(name)s” was found; say which it is, for instance --map %(name)s=%(example)s.",
                name="key",
                example="SKU",
            ),
            field="map",
        )
    line = made.skip + 2
    while rows := list(islice(source, _CHUNK)):
        yield (
            line,
            [{t: row[at] for t, at in found.items() if at < len(row)} if any(row) else {} for row in rows],
        )
        line += len(rows)

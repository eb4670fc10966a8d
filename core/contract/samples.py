"""What the contract suite gives to plugins: messages, bodies, drafts, params, a context."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from core.contract import types as t
from core.contract.errors import Refusal

#: Stands in every secret setting; must appear in no log, error or repr.
CANARY = "canary-9f2c-do-not-tell"

MESSAGES = (
    t.Outgoing("0123456789ABCDEF", "+8613800138000", "Hello", "10690000"),
    t.Outgoing(
        "0123456789ABCDEG", "+12025550123", "您好，“测试”😀 \\ \" ' & < > % {to}", "", "otp", "ucs2", 1
    ),
    t.Outgoing("0123456789ABCDEH", "+447700900123", "long " * 200, "Cooee", "mass", "gsm7", 7),
)
#: What the world sends to a webhook.
BODIES = (
    b"", b"{}", b"[]", b"null", b"[null]", b"0", b'"x"', b"{", b"\xff\xfe\x00", b"a=b", b"=&=&=", b"[[[[]]]]",
    b'{"status": {"a": 1}, "id": [1]}', b'[{"status": null}, 7, {"id": true}]', b'{"id": "\\ud800"}',
    b"[" * 50_000, b'{"status":"delivered","id":' + b"9" * 5_000 + b"}", "状态=成功".encode("gb18030"),
)  # fmt: skip
DRAFTS = (
    t.Draft(""),
    t.Draft("Hello {{name}}, 20% off until Sunday. Reply STOP to opt out", lang="en", fields=frozenset({"name"})),
    t.Draft("【Cooee】{{name|default:\"朋友\"}}，八折，退订回T", lang="zh", sample="【Cooee】小李，八折，退订回T"),
    t.Draft("{{", sample="{{"),
    t.Draft("{{unknown}} }} {{name|", cls="otp", audience=0),
    t.Draft("x" * 5_000, audience=1_000_000, missing={"name": 3}, countries=frozenset({"CN", "US"})),
    t.Draft("\ud83d\x00\u202e\u200b", sample="\ud83d\x00"),
)  # fmt: skip


class Context(t.SegmentContext):
    """What a segmenter is compiled against here: one field of each kind, one label, no saved segment."""

    now = datetime(2026, 1, 15, 12, tzinfo=UTC)
    now_ms = 1_768_478_400_000
    today = now.date()
    zone = UTC
    fields = {
        "city": t.FieldInfo("city", "City", "choice", "f1", {"Shanghai": 1, "上海": 2}),
        "age": t.FieldInfo("age", "Age", "number", "f2"),
        "birthday": t.FieldInfo("birthday", "Birthday", "date", "f3"),
        "member": t.FieldInfo("member", "Member", "bool", "f4"),
        "nick": t.FieldInfo("nick", "Nick", "text", "f5"),
    }
    labels = {"vip": (7, 0)}
    event_types = {"purchase": (3, "Purchase"), "refund": (4, "Refund"), "visit": (8, "Visit")}
    campaigns = {2: "Autumn", 1: "Summer"}
    currency = "CNY"
    few = False
    segment_names: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    def field(self, key: Any) -> t.FieldInfo:
        if not isinstance(key, str) or key not in self.fields:
            raise Refusal(f"There is no field {key!r}.", field="field")
        return self.fields[key]

    def label_id(self, name: str) -> int | None:
        return self.labels.get(name, (None, None))[0]

    def event_type(self, key: Any) -> tuple[int, str]:
        if not isinstance(key, str) or key not in self.event_types:
            raise Refusal(f"There is no type of events {key!r}.", field="type")
        return self.event_types[key]

    def saved_rule(self, name: Any) -> dict[str, Any]:
        raise Refusal(f"There is no segment {name!r}.", field="segment")


PARAMS: tuple[dict[str, Any], ...] = (
    {}, {"field": "no such field", "op": "eq", "value": 1}, {"field": "age", "op": "no such op", "value": []},
    {"field": 7, "op": None, "value": {"a": 1}}, {"label": "no such label"}, {"x" * 100: "y" * 10_000},
    {"field": "city", "op": "eq", "value": "x'; DROP TABLE profile; --"}, {"class": "none", "state": 3},
)  # fmt: skip
CONTACT = {
    "id": 1,
    "contact_id": 1,
    "name": "小李",
    "fields": {"city": "上海", "age": 30.0, "birthday": date(2002, 11, 9), "member": True, "nick": "小李"},
    "created_at": 1_768_000_000_000,
    "last_sent_at": 0,
    "country": "CN",
    "language": "zh",
    "f1": 2,
    "f2": 30,
    "f3": 12_000,
    "f4": 1,
    "f5": "小李",
}

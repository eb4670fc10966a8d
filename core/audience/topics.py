"""Purposes inside the classes: what a text is about, and who does not want to hear about it.

A campaign may name one (option `topic=KEY`); then whoever opted out of it is left out, at expansion and again
in the submit mark.  Everyone else is reached as without a topic: the class decides whether there is consent.
The ledger's events of a topic bear its id and are folded into `contact_topic` (`consent.record`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import consent, kinds
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import MARKETING, Cls
from core.i18n import _, language
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_KEY = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_MAX = 80
_COLUMNS = 'id, "key", title, title_zh, cls, public'


@dataclass(frozen=True, slots=True)
class Topic:
    """One purpose; `name` is its title in the reader's language."""

    id: int
    key: str
    title: str
    title_zh: str
    cls: Cls
    public: bool

    @property
    def name(self) -> str:
        return (self.title_zh or self.title) if language() == "zh_Hans" else self.title


def every(*, public: bool = False) -> list[Topic]:
    """All topics by title; `public` only those people see."""
    rows = database.query(f"SELECT {_COLUMNS} FROM topic ORDER BY title, id")
    made = [Topic(*row[:4], Cls(row[4]), bool(row[5])) for row in rows]
    return [topic for topic in made if topic.public or not public]


def get(key: str) -> Topic:
    """The topic of a key; raises `Refusal` (404) naming those there are."""
    for topic in every():
        if topic.key == key.strip().lower():
            return topic
    known = ", ".join(topic.key for topic in every()) or "–"
    raise Refusal(
        _("There is no topic “%(key)s”; there are: %(known)s.", key=key[:40], known=known),
        field="topic",
        status=404,
    )


def add(
    key: str, title: str, *, title_zh: str = "", cls: Cls = Cls.mass, public: bool = True, who: str = ""
) -> Topic:
    """Make a topic of a marketing class.  Raises `Refusal` for a bad key, a key in use, or another class."""
    key, title, title_zh = key.strip().lower(), kinds.clean(title)[:_MAX], kinds.clean(title_zh)[:_MAX]
    if not _KEY.fullmatch(key):
        raise Refusal(
            _("“%(key)s” is no key; use up to 40 small letters, digits, - and _.", key=key[:60]), field="key"
        )
    if not title:
        raise Refusal(_("A topic needs a title."), field="title")
    if cls not in MARKETING:
        raise Refusal(_("Only marketing classes have topics: mass or voice."), field="class")
    with database.write_tx():
        made = database.scalar(
            'INSERT INTO topic ("key", title, title_zh, cls, public, created_at) VALUES (?, ?, ?, ?, ?, ?) '
            'ON CONFLICT ("key") DO NOTHING RETURNING id',
            (key, title, title_zh, int(cls), public, clock.now_ms()),
        )
        if made is None:
            raise Refusal(_("Topic “%(key)s” exists already.", key=key), field="key", status=409)
        audit.record(who, "topic.add", f"topic:{made}", key)
    return get(key)


def edit(key: str, *, title: str, title_zh: str, public: bool, who: str = "") -> Topic:
    """Change what a topic is called and whether people see it; key and class stay, the ledger names them."""
    topic = get(key)
    if not kinds.clean(title):
        raise Refusal(_("A topic needs a title."), field="title")
    with database.write_tx():
        database.execute(
            "UPDATE topic SET title = ?, title_zh = ?, public = ? WHERE id = ?",
            (kinds.clean(title)[:_MAX], kinds.clean(title_zh)[:_MAX], public, topic.id),
        )
        audit.record(who, "topic.edit", f"topic:{topic.id}", key)
    return get(key)


def state(contact_id: int) -> dict[int, bool]:
    """What a contact said: topic id → wants it.  Topics without a word are left out."""
    rows = database.query(
        "SELECT topic_id, out FROM contact_topic WHERE topic_id IN (SELECT id FROM topic) AND contact_id = ?",
        (contact_id,),
    )
    return {topic_id: not out for topic_id, out in rows}


def outs() -> dict[int, int]:
    """How many contacts opted out of each topic."""
    return dict(
        database.query("SELECT topic_id, COUNT(*) FROM contact_topic WHERE out = 1 GROUP BY topic_id")
    )


def event(topic: Topic, contact_id: int, bidx: bytes, wants: bool, **proof: Any) -> consent.Event:
    """The ledger's line of a yes or no; give it to `consent.record`."""
    action = "opt_in" if wants else "opt_out"
    return consent.Event(contact_id, bidx, topic.cls, action, topic_id=topic.id, **proof)


def change(
    rt: Runtime, contact_id: int, topic: Topic, wants: bool, *,
    source: str, evidence: Mapping[str, Any] | None = None, who: str = "",
) -> None:  # fmt: skip
    """Record one word of a contact in a transaction of its own.  Raises `Refusal` without a source."""
    source = kinds.clean(source)
    if not source:
        raise Refusal(_("Say where this comes from."), field="source")
    bidx = database.scalar("SELECT phone_bidx FROM contact WHERE id = ?", (contact_id,))
    if bidx is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    made = event(topic, contact_id, bytes(bidx), wants, source=source, evidence=evidence or {}, who=who)
    with database.write_tx():
        consent.record(rt, [made])
    consent.announce(rt, [made])


_WRONG = """
WITH last AS (
    SELECT e.contact_id, e.topic_id, MAX(e.id) AS id FROM consent_event e
    JOIN contact c ON c.id = e.contact_id AND c.phone_bidx = e.phone_bidx
    WHERE e.topic_id > 0 AND e.action IN ('opt_in', 'opt_out', 'erase') GROUP BY e.contact_id, e.topic_id),
said AS (
    SELECT l.contact_id, l.topic_id, CASE WHEN e.action = 'opt_out' THEN 1 ELSE 0 END AS out
    FROM last l JOIN consent_event e ON e.id = l.id WHERE e.action <> 'erase')
SELECT contact_id, topic_id FROM (
    SELECT contact_id, topic_id, out FROM said EXCEPT SELECT contact_id, topic_id, out FROM contact_topic
) missing UNION ALL SELECT contact_id, topic_id FROM (
    SELECT contact_id, topic_id, out FROM contact_topic EXCEPT SELECT contact_id, topic_id, out FROM said
) extra ORDER BY 1, 2 LIMIT 1
"""


def check() -> str | None:
    """For `cooee verify`: the first contact whose word on a topic differs from the ledger, or None."""
    row = database.one(_WRONG)
    return (
        None if row is None else f"Contact {row[0]} stands otherwise on topic {row[1]} than the ledger says."
    )

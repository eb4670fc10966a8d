"""A call of a shop: checked, mapped, recorded, answered.

Nothing is kept for later: the shop calls again when the answer is not a 2xx, and keys make that harmless.
"""

from __future__ import annotations

import base64
import hmac
import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from core import clock
from core.audience import events, phones
from core.audience.sources import mapping as maps
from core.audience.sources import notes, store
from core.audience.sources.presets import PRESETS, Preset
from core.contract import payloads
from core.contract.errors import BadResponse
from core.db import database
from core.db.models import EventSource, SourceCall

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.sources")


class Answer(NamedTuple):
    """HTTP status and a note (`notes`) for whoever set the shop up."""

    status: int
    note: str

    @property
    def text(self) -> str:
        """The note as a sentence, for the shop."""
        return notes.words(self.note)


UNKNOWN = Answer(404, "unknown address")
OFF = Answer(410, "this source is switched off")
FORGED = Answer(403, "forged")
READY = Answer(200, "ready")
#: WooCommerce asks once, without a signature, whether the address answers, and wants a 200.
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


def receive(rt: Runtime, token: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Take one call; `headers` by lower-case name."""
    source = store.by_token(token)
    if source is None or source.kind == store.SITE:
        return UNKNOWN
    if not source.enabled:
        return OFF
    if _PING.fullmatch(body):
        return READY
    preset = PRESETS[source.kind]
    topic = headers.get(preset.topic, "")[:60]
    if not _signed(preset, store.secret_of(rt, source), headers, body):
        _note(source, topic, FORGED, [])
        return FORGED
    try:
        data = payloads.parse(body, headers.get("content-type", ""))
    except BadResponse as error:
        answer = Answer(400, str(error))
        _note(source, topic, answer, [])
        return answer
    made = read(rt, source, data, topic)
    outcomes = events.record(rt, [event for event, _trouble in made if event])
    troubles = [trouble for event, trouble in made if event is None]
    troubles += [outcome.raw for outcome in outcomes if outcome.status == "rejected"]
    # A payload we cannot use will not get better by being sent again, so it is answered with 200, too.
    answer = Answer(200, notes.note(troubles) or ("ok" if made else "nothing"))
    sample = body if len(body) <= store.SAMPLE_BYTES else None
    _note(source, topic, answer, outcomes, len(troubles), rt, sample, data)
    return answer


def _signed(preset: Preset, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    digest = hmac.digest(secret.encode(), body, "sha256")
    wanted = base64.b64encode(digest).decode() if preset.encoding == "base64" else digest.hex()
    given = headers.get(preset.signature, "").strip().removeprefix("sha256=")
    return hmac.compare_digest(given.encode(), wanted.encode())


def read(
    rt: Runtime, source: EventSource, data: Any, topic: str, plan: Mapping[str, Any] | None = None,
    keep: bool = True,
) -> list[tuple[events.NewEvent | None, str]]:  # fmt: skip
    """The events of a payload, or for each that cannot be one the reason (a line of `notes`).

    `plan`: another mapping than the stored one, and `keep` False for a try that leaves no trace.
    """
    found = maps.read(plan or store.plan_of(source), data, topic)
    if not found.events:
        return []
    e164 = _number(rt, source, found, keep)
    if not e164:
        return [(None, notes.code("number", found.phone[:30]))]
    return [
        (None, event.trouble) if event.trouble else (_new(source, e164, event), "") for event in found.events
    ]


def _new(source: EventSource, e164: str, event: maps.Mapped) -> events.NewEvent:
    return events.NewEvent(
        event.type, event.at, e164,
        key=f"{source.kind}:{source.id}:{event.type}:{event.key}"[:200],
        amount_micros=event.amount_micros, currency=event.currency, item=event.item, category=event.category,
        props={"order": event.number} if event.number else {},
    )  # fmt: skip


def _number(rt: Runtime, source: EventSource, found: maps.Read, keep: bool) -> str:
    """The number in E.164; a payload without one names an order whose number we know, or nobody ("")."""
    region = found.country or source.region or rt.settings.default_region
    phone = phones.parse(found.phone, region) if found.phone else None
    if phone is None:
        sealed = database.scalar(
            "SELECT phone_enc FROM source_order WHERE source_id = ? AND order_key = ?",
            (source.id, found.order),
        )
        return rt.keys.open_number(bytes(sealed)) if sealed else ""
    if keep and found.order:
        with database.write_tx():
            database.execute(
                "INSERT INTO source_order (source_id, order_key, phone_bidx, phone_enc, at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (
                    source.id, found.order[:200], rt.keys.blind_index(phone.e164),
                    rt.keys.seal_number(phone.e164), clock.now_ms(),
                ),
            )  # fmt: skip
    return phone.e164


def _note(
    source: EventSource, topic: str, answer: Answer, outcomes: Sequence[events.Outcome], troubles: int = 0,
    rt: Runtime | None = None, body: bytes | None = None, data: Any = None,
) -> None:  # fmt: skip
    """Remember the call; a payload is kept, encrypted, for the mapping page."""
    n = {word: sum(o.status == word for o in outcomes) for word in ("stored", "duplicate", "waiting")}
    now = clock.now_ms()
    with database.write_tx():
        SourceCall.create(
            source_id=source.id, at=now, topic=topic, status=answer.status, stored=n["stored"],
            duplicates=n["duplicate"], waiting=n["waiting"], rejected=troubles, note=answer.note[: notes.MOST],
        )  # fmt: skip
        change: dict[Any, Any] = {EventSource.taken: EventSource.taken + n["stored"] + n["waiting"]}
        if body is not None and rt is not None:
            change[EventSource.last_at] = now
            change[EventSource.sample_enc] = store.seal(
                rt, orjson.dumps({"topic": topic, "data": data}).decode()
            )
        EventSource.update(change).where(EventSource.id == source.id).execute()

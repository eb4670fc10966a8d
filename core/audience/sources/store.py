"""The sources themselves: made, changed, switched, removed, and what their last calls were."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from core import clock
from core.audience import events, kinds
from core.audience.sources import mapping as maps
from core.audience.sources.presets import PRESETS
from core.contract.errors import Refusal
from core.db import database, onlyonce
from core.db.models import EventSource, SitePerson, SourceCall, SourceOrder
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

SITE = "site"
#: What pages of a site may send unless an admin adds to it: nothing that is money.
SITE_TYPES = ("view", "cart", "share", "signup")
SAMPLE_BYTES = 64 * 1024
_SEAL = b"source"


def every() -> list[EventSource]:
    """All sources by name."""
    return list(EventSource.select().order_by(EventSource.name))


def get(source_id: int) -> EventSource:
    """A source; raises `Refusal` (404)."""
    found = EventSource.get_or_none(EventSource.id == source_id)
    if found is None:
        raise Refusal(_("There is no such source of events."), status=404)
    return found


def by_token(token: str) -> EventSource | None:
    """The source with this token, or None."""
    return EventSource.get_or_none(EventSource.token == token) if token.isascii() else None


def create(
    rt: Runtime, name: str, kind: str, *, secret: str = "", region: str = "", origins: str = "", who: str = ""
) -> EventSource:
    """Make a source.  A shop brings its own secret or gets one; a site always gets one."""
    if kind != SITE and kind not in PRESETS:
        raise Refusal(_("There is no kind of source “%(kind)s”.", kind=kind), field="kind")
    name = _name(name)
    plan: dict[str, Any] = PRESETS[kind].mapping if kind != SITE else site_plan(origins, SITE_TYPES)
    secret = (secret if kind != SITE else "").strip() or secrets.token_hex(24)
    with database.write_tx():
        if EventSource.get_or_none(EventSource.name == name):
            raise Refusal(_("There is a source called “%(name)s” already.", name=name), field="name")
        made = EventSource.create(
            **onlyonce.new_id("event_source"), name=name, kind=kind, token=secrets.token_urlsafe(18),
            secret_enc=seal(rt, secret), mapping=json.dumps(plan), region=_region(region), created_by=who,
            created_at=clock.now_ms(),
        )  # fmt: skip
        audit.record(who, "source.add", name, kind)
    return made


def edit(
    rt: Runtime, source: EventSource, *, name: str, region: str, plan: Mapping[str, Any], secret: str = "",
    who: str = "",
) -> None:  # fmt: skip
    """Change a source; an empty secret leaves the old one.  Raises `Refusal`."""
    if source.kind != SITE:
        plan = maps.checked(plan, events.types())
    values: dict[str, Any] = {"name": _name(name), "region": _region(region), "mapping": json.dumps(plan)}
    if secret.strip():
        values["secret_enc"] = seal(rt, secret.strip())
    with database.write_tx():
        other = EventSource.get_or_none(EventSource.name == values["name"])
        if other is not None and other.id != source.id:
            raise Refusal(
                _("There is a source called “%(name)s” already.", name=values["name"]), field="name"
            )
        EventSource.update(values).where(EventSource.id == source.id).execute()
        if source.kind == SITE and secret.strip():
            forget_people(source.id)
        audit.record(who, "source.change", values["name"])


def switch(source: EventSource, on: bool, *, who: str) -> None:
    """Take calls, or refuse them."""
    with database.write_tx():
        EventSource.update(enabled=on).where(EventSource.id == source.id).execute()
        audit.record(who, "source.on" if on else "source.off", source.name)


def remove(source: EventSource, *, who: str) -> None:
    """Take a source away; the events it brought stay."""
    with database.write_tx():
        for model in (SourceCall, SourceOrder, SitePerson):
            model.delete().where(model.source_id == source.id).execute()
        EventSource.delete().where(EventSource.id == source.id).execute()
        onlyonce.gone("event_source", source.id)
        audit.record(who, "source.remove", source.name)


def forget_people(source_id: int) -> None:
    """The hashes of a site are made anew; inside `write_tx`."""
    SitePerson.delete().where(SitePerson.source_id == source_id).execute()
    EventSource.update(person_cursor=0).where(EventSource.id == source_id).execute()


def site_plan(origins: str, types: Mapping[str, Any] | tuple[str, ...]) -> dict[str, Any]:
    """What a site may do: its origins (scheme://host, one a line) and event types.  Raises `Refusal`."""
    found = []
    for line in origins.replace(",", "\n").split():
        origin = line.rstrip("/").lower()
        scheme, _sep, host = origin.partition("://")
        if scheme not in ("http", "https") or not host or "/" in host or len(origin) > 200:
            raise Refusal(
                _("“%(value)s” is no origin such as https://shop.example.", value=line[:60]), field="origins"
            )
        found.append(origin)
    if not found:
        raise Refusal(
            _("Name at least one address of the site, such as https://shop.example."), field="origins"
        )
    known = events.types()
    wrong = next((name for name in types if name not in known), None)
    if wrong or not types:
        raise Refusal(_("There is no event type “%(name)s”.", name=wrong or ""), field="types")
    return {"origins": sorted(set(found)), "types": list(types)}


def site_origins() -> frozenset[str]:
    """Origins of all sites that are on: a short link that leads there carries its code along."""
    sites = EventSource.select().where(EventSource.kind == SITE, EventSource.enabled)
    return frozenset(origin for source in sites for origin in plan_of(source)["origins"])


def plan_of(source: EventSource) -> dict[str, Any]:
    """The mapping of a shop, or what a site may do."""
    return json.loads(source.mapping)


def secret_of(rt: Runtime, source: EventSource) -> str:
    """The secret in clear."""
    return rt.keys.decrypt(bytes(source.secret_enc), _SEAL).decode()


def seal(rt: Runtime, text: str) -> bytes:
    """A secret or payload as it is stored."""
    return rt.keys.encrypt(text.encode(), _SEAL)


def sample_of(rt: Runtime, source: EventSource) -> Any:
    """The last payload, or None."""
    if source.sample_enc is None:
        return None
    return orjson.loads(rt.keys.decrypt(bytes(source.sample_enc), _SEAL))


def calls(source_id: int, n: int = 30) -> list[SourceCall]:
    """The last calls, newest first."""
    where = SourceCall.source_id == source_id
    return list(SourceCall.select().where(where).order_by(SourceCall.id.desc()).limit(n))


def _name(name: str) -> str:
    name = kinds.clean(name)
    if not name or len(name) > 60:
        raise Refusal(_("Give the source a name of at most 60 characters."), field="name")
    return name


def _region(region: str) -> str:
    region = region.strip().upper()
    if region and (len(region) != 2 or not region.isalpha()):
        raise Refusal(_("“%(value)s” is no country such as CN or GB.", value=region[:20]), field="region")
    return region

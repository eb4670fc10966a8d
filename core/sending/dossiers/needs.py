"""Which papers a country asks for: data with the day it was looked up and its source, changed by people.

The shipped list is an engineering summary, not advice.  What people change is kept under the setting `KEY`:
{"CN/vats": {"required": false, …}}, and papers of their own with every value.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from core import clock
from core.contract.errors import Refusal
from core.db import database, settings
from core.i18n import _
from core.security import audit
from core.sending.dossiers.catalogue import AREAS, SHIPPED, Need, key_of

KEY = "papers.needs"
_EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO".split()  # noqa: SIM905
)
_BY_KEY: Mapping[str, Need] = {one.key: one for one in SHIPPED}
_TEXTS = {"title": 120, "why": 400, "register": 300, "source": 300}
_NAMES = frozenset(field.name for field in fields(Need)) - {"own"}


def area_of(country: str) -> str:
    """The area whose papers a country asks for; "" where only the general ones are known."""
    return "EU" if country in _EU else country if country in AREAS else ""


def every() -> list[Need]:
    """All papers of all areas as the house has them, area by area."""
    changed = settings.get(KEY, {})
    found = [replace(one, **changed.get(key, {})) for key, one in _BY_KEY.items()]
    found += [Need(**given, own=True) for key, given in changed.items() if key not in _BY_KEY]
    return sorted(found, key=lambda one: AREAS.index(one.area))


def of(countries: Iterable[str], known: Iterable[Need] | None = None) -> list[Need]:
    """What these countries (ISO codes) ask for.  A general paper gives way where each has its own of the kind."""
    areas = {area_of(country) for country in countries}
    found = every() if known is None else list(known)
    kinds = {(one.area, one.kind) for one in found}

    def asked(one: Need) -> bool:
        if one.area:
            return one.area in areas
        return not areas or "" in areas or any((area, one.kind) not in kinds for area in areas)

    return [one for one in found if asked(one)]


def get(key: str) -> Need:
    """The paper of a key such as "CN/licence".  Raises `Refusal` (404)."""
    found = next((one for one in every() if one.key == key), None)
    if found is None:
        raise Refusal(
            _("There is no paper %(key)s; there are: %(known)s.", key=repr(key[:60]),
              known=", ".join(one.key for one in every())), field="paper", status=404,
        )  # fmt: skip
    return found


# --- changing them ------------------------------------------------------------------------------------


def edit(key: str, given: Mapping[str, Any], who: str) -> Need:
    """Change a paper's words, source, day, or whether it is required; audited.  Raises `Refusal`."""
    now = get(key)
    values = _checked(
        {name: str(getattr(now, name)) if name in _TEXTS else getattr(now, name) for name in _NAMES}
        | dict(given)
    )
    # Of shipped ones only what differs is kept, so that the rest follows the list and the reader's language.
    kept = values if now.own else {n: v for n, v in values.items() if v != _plain(getattr(_BY_KEY[key], n))}
    _keep(key, kept, "papers.need.edit", who)
    return get(key)


def add(area: str, given: Mapping[str, Any], who: str) -> Need:
    """A paper of the house's own; audited.  Raises `Refusal`."""
    if area not in AREAS:
        raise Refusal(
            _("There is no area %(area)s; there are: any, CN, US, EU, GB.", area=repr(area[:20])),
            field="area",
        )
    kind = f"own-{secrets.token_hex(3)}"
    defaults = {"why": "", "register": "", "source": "", "as_of": clock.now().date().isoformat()}
    values = {**defaults, "required": True, "document": True, **given, "area": area, "kind": kind}
    _keep(key_of(area, kind), _checked(values), "papers.need.add", who)
    return get(key_of(area, kind))


def reset(key: str, who: str) -> None:
    """A shipped paper as it was shipped; one of the house's own goes.  Files already kept stay kept."""
    get(key)
    _keep(key, None, "papers.need.reset", who)


def _keep(key: str, values: Mapping[str, Any] | None, action: str, who: str) -> None:
    with database.write_tx():
        changed = settings.get(KEY, {})
        changed.pop(key, None)
        if values:
            changed[key] = dict(values)
        settings.put(KEY, changed)
        audit.record(who, action, key, json.dumps(values or {}, ensure_ascii=False))


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: given[name] for name in _NAMES}
    for name, most in _TEXTS.items():
        values[name] = str(values[name]).strip()
        if len(values[name]) > most:
            raise Refusal(
                _("At most %(most)s characters, not %(n)s.", most=most, n=len(values[name])), field=name
            )
    if not values["title"]:
        raise Refusal(_("A paper needs a name."), field="title")
    for name in ("required", "document"):
        values[name] = bool(values[name])
    try:
        values["as_of"] = date.fromisoformat(str(values["as_of"])).isoformat()
    except ValueError:
        raise Refusal(
            _("%(text)s is no date; write it as 2027-03-31.", text=repr(str(values["as_of"])[:20])),
            field="as_of",
        ) from None
    return values


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool) else str(value)


def as_dict(one: Need) -> dict[str, Any]:
    """As JSON, in the language in use."""
    return {"paper": one.key} | {field.name: _plain(getattr(one, field.name)) for field in fields(one)}

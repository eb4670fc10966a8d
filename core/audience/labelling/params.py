"""What a kind of rule asks for: fields of its form, checked the same way for the page and the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from core import amounts
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

#: The greatest sum of money a field takes, in units of the house currency.
MOST_MONEY = 1_000_000_000
#: Parts of a day: key → (value, first hour, hour after the last); night goes round midnight.
PARTS = {
    "morning": (1, 6, 11),
    "noon": (2, 11, 14),
    "afternoon": (3, 14, 18),
    "evening": (4, 18, 23),
    "night": (5, 23, 6),
}


@dataclass(frozen=True, slots=True)
class Param:
    """One field.

    `shape`: whole · number (up to two decimals) · choice (of `options`: value → words) · type (an event
    type) · category · item · thing (a category or item, as the field `of` says) · segment (by id) · weights
    (event type → weight).  `empty` allows none, which is kept as None.
    """

    name: str
    title: Any
    shape: str
    default: Any = None
    least: float = 0
    most: float = 0
    help: Any = ""
    options: Mapping[str, Any] | None = None
    empty: bool = False

    def read(self, raw: Any, params: Mapping[str, Any]) -> Any:
        """The value as a rule keeps it.  Raises `Refusal` that names this field."""
        if isinstance(raw, str):
            raw = raw.strip()
        if raw in (None, "", {}):
            if self.empty:
                return None
            raise Refusal(_("Fill in “%(title)s”.", title=self.title), field=self.name)
        return getattr(self, f"_{self.shape}")(raw, params)

    def _whole(self, raw: Any, _params: Any) -> int:
        return int(self._within(raw, whole=True))

    def _number(self, raw: Any, _params: Any) -> float:
        return round(self._within(raw), 2)

    def _within(self, raw: Any, whole: bool = False) -> float:
        try:
            value = float(amounts.read(str(raw)))
        except Refusal:
            value = float("nan")
        if not self.least <= value <= self.most or (whole and value != int(value)):
            sentence = (
                _(
                    "“%(value)s” is not a whole number from %(least)s to %(most)s.",
                    value=raw,
                    **self._bounds(),
                )
                if whole
                else _("“%(value)s” is not a number from %(least)s to %(most)s.", value=raw, **self._bounds())
            )
            raise Refusal(sentence, field=self.name)
        return value

    def _bounds(self) -> dict[str, str]:
        return {"least": f"{self.least:,g}", "most": f"{self.most:,.15g}"}

    def _choice(self, raw: Any, _params: Any) -> str:
        if raw not in (self.options or {}):
            raise self._unknown(raw, list(self.options or {}))
        return raw

    def _type(self, raw: Any, _params: Any) -> str:
        known = event_types()
        if raw not in known:
            raise self._unknown(raw, list(known))
        return raw

    def _category(self, raw: Any, _params: Any) -> str:
        return self._named("category", "name", raw)

    def _item(self, raw: Any, _params: Any) -> str:
        return self._named("item", "key", raw)

    def _thing(self, raw: Any, params: Mapping[str, Any]) -> str:
        return self._item(raw, params) if params.get("of") == "item" else self._category(raw, params)

    def _named(self, table: str, column: str, raw: Any) -> str:
        if thing_id(table, str(raw)) is None:
            names = [
                name for (name,) in database.query(f'SELECT "{column}" FROM {table} ORDER BY id LIMIT 2000')
            ]
            raise self._unknown(raw, names)
        return str(raw)

    def _segment(self, raw: Any, _params: Any) -> int:
        found = database.one(
            "SELECT id FROM segment WHERE CAST(id AS text) = ? OR name = ?", (str(raw), str(raw))
        )
        if found is None:
            raise self._unknown(
                raw, [name for (name,) in database.query("SELECT name FROM segment ORDER BY name")]
            )
        return found[0]

    def _weights(self, raw: Any, _params: Any) -> dict[str, float]:
        if not isinstance(raw, Mapping):
            raise Refusal(_("Give each kind of event a weight."), field=self.name)
        known, kept = event_types(), {}
        for key, value in raw.items():
            if value in (None, ""):
                continue
            if key not in known:
                raise self._unknown(key, list(known))
            if number := self._number(value, None):
                kept[key] = number
        if not kept:
            raise Refusal(_("Give at least one kind of event a weight."), field=self.name)
        return dict(sorted(kept.items()))

    def _unknown(self, raw: Any, known: list[str]) -> Refusal:
        close = get_close_matches(str(raw), known, 1, 0.4) or known[:1]
        hint = " " + _("Did you mean %(name)s?", name=repr(close[0])) if close else ""
        return Refusal(_("“%(value)s” is not known here.", value=raw) + hint, field=self.name)


def event_types() -> dict[str, int]:
    """Event types: key → id, built-in ones first."""
    return dict(database.query('SELECT "key", id FROM event_type ORDER BY id'))


def type_id(key: str) -> int:
    """The id of an event type; raises `Refusal` when it was deleted."""
    found = event_types().get(key)
    if found is None:
        raise Refusal(_("There is no event type “%(key)s” any more.", key=key), field="type")
    return found


def thing_id(table: str, name: str) -> int | None:
    """The id of a category by name or an item by key, or None."""
    column = "name" if table == "category" else "key"
    return database.scalar(f'SELECT id FROM {table} WHERE "{column}" = ?', (name,))

"""What a kind of rule is, and the words its sentence is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.audience.events import eventtypes
from core.audience.labelling.params import Param
from core.audience.labelling.sql import (
    Sql,
    Step,
)
from core.i18n import _, _l, _n

Params = Mapping[str, Any]
WITHIN = Param("within_days", _l("Within days"), "whole", 365, 0, 3650, help=_l("0 means ever."))
OF = {"category": _l("category"), "item": _l("item")}


class Kind:
    """One kind of rule.  `values` names what gives each value its label: "" (one label only), category,
    item, part or quintile; `value` is the param that chooses one of them, empty for all."""

    key = ""
    title: Any = ""
    help: Any = ""
    values = ""
    value = ""
    #: What the names of its labels begin with when there is one a value.
    prefix: Any = ""
    params: tuple[Param, ...] = ()

    def per_value(self, params: Params) -> bool:
        """Has each value a label of its own?"""
        return bool(self.value) and not params.get(self.value)

    def values_of(self, params: Params) -> str:
        """What gives each value its label."""
        return self.values

    def check(self, params: Params) -> None:
        """Raise `Refusal` when fields that are right by themselves make no sense together."""

    def sentence(self, params: Params) -> str:
        """Whom the rule labels, as "people who …", in the reader's language."""
        raise NotImplementedError

    def sql(self, step: Step, params: Params) -> Sql:
        """Rows (contact_id, value, evidence, confidence) of the people of this step."""
        raise NotImplementedError


def within(days: int) -> str:
    """ " in the last 90 days", or nothing for ever."""
    return _n(" in the last day", " in the last %(n)s days", days) if days else ""


#: Rows of a rule that cannot know anyone yet.
NOBODY: Sql = ("SELECT contact_id, 0 AS value, 1 AS evidence, 1.0 AS confidence FROM profile WHERE 1 = 0", [])


def quoted(name: str) -> str:
    """A name in a sentence."""
    return _("“%(name)s”", name=name)


def event_type(key: str) -> str:
    """What an event type is called in a sentence, in the reader's language."""
    found = next((one for one in eventtypes.all_types() if one.key == key), None)
    if found is None:
        return key
    return found.title.lower() if found.builtin else found.title

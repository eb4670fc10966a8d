"""What hooks must give back, looked at in one place: what no caller could use is left out, with the reason.

Families of `register_*` (providers, checks …) are looked at where they are collected: `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from core.contract import types
from core.contract.registry import FAMILIES

_Look = Callable[[Any], bool]


def usable(hook: str, answer: Any) -> tuple[Any, str]:
    """(what of the answer can be used, what is wrong with the rest); None where nothing of it can.

    >>> usable("register_jobs", "daily")
    (None, 'register_jobs gave str, not a list')
    """
    if hook in MAPPINGS:
        if not isinstance(answer, Mapping):
            return None, f"{hook} gave {type(answer).__name__}, not a mapping"
        good = {name: one for name, one in answer.items() if isinstance(name, str) and MAPPINGS[hook](one)}
        bad = [repr(name) for name in answer if name not in good]
        return good, f"{hook} gave {', '.join(bad)} with something else than it asks for" if bad else ""
    if hook in DECISIONS:
        good = isinstance(answer, Mapping) and all(map(DECISIONS[hook], answer.values()))
        return (answer, "") if good else (None, f"{hook} gave {repr(answer)[:120]}, which decides nothing")
    if hook not in LISTS and hook not in FAMILY_HOOKS:
        return answer, ""
    if not isinstance(answer, list | tuple):
        return None, f"{hook} gave {type(answer).__name__}, not a list"
    kind, fits = LISTS.get(hook, ("", None))
    wrong = [one for one in answer if fits and not fits(one)]
    if not wrong:
        return answer, ""
    good = [one for one in answer if not fits or fits(one)]
    return good, f"{hook} gave {repr(wrong[0])[:120]}, which is no usable {kind}"


def _menu_item(one: Any) -> bool:
    return isinstance(one, types.MenuItem) and _words(one.endpoint, one.icon, one.permission)


def _panel(one: Any) -> bool:
    return isinstance(one, types.Panel) and _words(one.template) and isinstance(one.data, Mapping)


def _job(one: Any) -> bool:
    return (
        isinstance(one, types.Job)
        and _words(one.name)
        and isinstance(one.every_s, int | float)
        and one.every_s > 0
        and callable(one.run)
    )


def _blueprint(one: Any) -> bool:
    # Flask is not known here; what only looks like one is found out where it is mounted.
    return _words(getattr(one, "name", None)) and callable(getattr(one, "register", None))


def _command(one: Any) -> bool:
    from click import Command

    return isinstance(one, Command) and _words(one.name)


def _hold(one: Any) -> bool:
    if not isinstance(one, tuple | list) or len(one) != 2:
        return False
    return one[0] is None or (isinstance(one[0], datetime) and one[0].tzinfo is not None)


def _words(*texts: Any) -> bool:
    return all(isinstance(text, str) and text for text in texts)


FAMILY_HOOKS = frozenset(f"register_{family}" for family in FAMILIES)
#: Hooks that give a list: what its items are called, and whether one is that.
LISTS: dict[str, tuple[str, _Look]] = {
    "menu_items": ("MenuItem", _menu_item),
    "panels": ("Panel", _panel),
    "register_jobs": ("Job", _job),
    "register_blueprints": ("Blueprint", _blueprint),
    "register_commands": ("click command", _command),
}
#: Hooks that give {name: something}, and whether something is that.
MAPPINGS: dict[str, _Look] = {
    "register_settings": callable,
    "merge_fields": lambda sentence: bool(str(sentence)),
}
#: Hooks that decide on a window as a whole, {id: something}: one wrong line makes all of it worth nothing.
DECISIONS: dict[str, _Look] = {
    "hold_messages": _hold,
    "merge_values": lambda values: isinstance(values, Mapping),
}

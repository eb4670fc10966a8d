"""What plugins show and do by themselves: menu lines, panels, periodic work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A menu entry of a plugin: `endpoint` of its blueprint, Bootstrap icon name, permission needed."""

    title: str
    endpoint: str
    icon: str = "puzzle"
    permission: str = "view"


@dataclass(frozen=True, slots=True)
class Panel:
    """A card a plugin shows on a core page.  `html` comes from the plugin's own template."""

    title: str
    template: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Periodic work of a plugin: `run(runtime)` each `every_s` seconds, on one worker at a time."""

    name: str
    every_s: int
    run: Any

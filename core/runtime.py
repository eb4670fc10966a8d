"""What lower layers get instead of globals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.config import Settings
    from core.contract.manager import Plugins
    from core.security.crypto import Keys


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once by `core.app.compose` and handed down as `rt`.

    `enqueue(name, *ids, later=False)` puts a hint into the queue, after the commit; the hint may be lost or
    repeated.  `later`: behind all others, for the rest of a job that had its turn.
    """

    settings: Settings
    plugins: Plugins
    keys: Keys
    enqueue: Callable[..., Any]
    #: The queue itself (core.jobs.Queue), for the worker that consumes it.
    queue: Any = None

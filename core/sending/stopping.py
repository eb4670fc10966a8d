"""Stop everything: one setting that the statement which marks messages for the wire looks at.

It holds from the commit on for every worker: what was marked before still goes, one window a worker at most.
After a restore the same setting is on with a reason of its own (core.backup); that is lifted on the server
only, where whoever restored can look at what was sent since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import Refusal
from core.db import database, quarantine, settings
from core.i18n import _
from core.security import audit
from core.sending import sweep

if TYPE_CHECKING:
    from core.runtime import Runtime

#: What the send path looks at (core.db.gate.SENDING_OFF), and who pressed the button.
OFF, STOPPED = quarantine.SENDING_OFF, quarantine.STOPPED
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why nothing is sent; `who` and `at` are '' and 0 when no person stopped it."""

    why: str
    who: str = ""
    at: int = 0

    @property
    def by_person(self) -> bool:
        """May it be started again from a page?"""
        return bool(self.at)


def now() -> Stopped | None:
    """Why nothing is sent, or None when sending is on."""
    why = settings.get(OFF)
    if why is None:
        return None
    return Stopped(str(why), **settings.get(STOPPED, {}))


def stop(why: str, *, who: str) -> Stopped:
    """Send nothing more, whatever the class.  Raises `Refusal` without a reason, or when it is off already."""
    why = " ".join(why.split())[:REASON_MAX]
    if not why:
        raise Refusal(_("Say why; whoever comes next will want to know."), field="why")
    with database.write_tx():
        if settings.get(OFF) is not None:
            raise Refusal(_("Sending is stopped already."), status=409)
        made = Stopped(why, who, clock.now_ms())
        settings.put(OFF, why)
        settings.put(STOPPED, {"who": who, "at": made.at})
        audit.record(who, "sending.stopped", "", why)
    return made


def start(rt: Runtime, *, who: str, anyway: bool = False) -> Stopped | None:
    """Let everything go on where it stood; why it was off, or None when it was on.

    Raises `Refusal` (409) after a restore, unless `anyway` (`cooee resume-sending`), and always before its end.
    """
    with database.write_tx():
        if unfinished := quarantine.trouble():
            raise Refusal(unfinished, status=409)
        was = now()
        if was is None:
            return None
        if not was.by_person and not anyway:
            raise Refusal(
                _("Only “cooee resume-sending” on the server ends this: %(why)s.", why=was.why), status=409
            )
        settings.remove(OFF)
        settings.remove(STOPPED)
        audit.record(who, "sending.started", "", was.why)
    sweep.hint(rt)
    return was

"""The address a phone's owner opens to say what arrived: no sign-in, one phone, its texts and nothing else.

The code is "<phone>.<count>.<seal>"; a new link raises the count, and the old one opens nothing any more.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

#: A link works so long after the trial ended.
LIFE_MS = 14 * clock.DAY_MS
_FORM = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9a-f]{30}")


def token(rt: Runtime, number_id: int) -> str:
    """The code of a phone's present link."""
    count = database.scalar("SELECT link FROM trial_number WHERE id = ?", (number_id,))
    return f"{number_id}.{count}.{_seal(rt, number_id, count)}"


def url(rt: Runtime, number_id: int) -> str:
    """The whole address."""
    return f"{rt.settings.public_url}/arrived/{token(rt, number_id)}"


def renew(trial_id: int, number_id: int) -> None:
    """The old link stops working, a new one does.  Raises `Refusal` (404)."""
    with database.write_tx():
        if not database.execute(
            "UPDATE trial_number SET link = link + 1 WHERE id = ? AND trial_id = ?", (number_id, trial_id)
        ).rowcount:
            raise Refusal(_("There is no such phone in this trial."), status=404)


def looks_right(code: str) -> bool:
    """Has it the form of a code?  What has not is nobody's guess."""
    return bool(_FORM.fullmatch(code))


def open_(rt: Runtime, code: str) -> tuple[int, int] | None:
    """(trial, phone) of a code that works now; None for any other."""
    if not looks_right(code):
        return None
    head, count, seal = code.split(".")
    if not hmac.compare_digest(seal, _seal(rt, int(head), int(count))):
        return None
    row = database.one(
        "SELECT t.id, t.state, t.finished_at, n.link FROM trial_number n JOIN trial t ON t.id = n.trial_id WHERE n.id = ?",
        (int(head),),
    )
    if row is None or row[3] != int(count) or row[1] == "draft":
        return None
    if row[2] is not None and row[2] + LIFE_MS < clock.now_ms():
        return None
    return row[0], int(head)


def _seal(rt: Runtime, number_id: int, count: int) -> str:
    return hmac.digest(rt.keys.session, f"trial link:{number_id}:{count}".encode(), "sha256")[:15].hex()

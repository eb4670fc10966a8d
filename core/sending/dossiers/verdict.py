"""The verdict on a dossier: given by a person, with a note and the time; it falls by itself (`changing`)."""

from __future__ import annotations

import json
from datetime import date

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.sending.dossiers import barring, standing, store
from core.sending.dossiers.changing import changing, note

#: Words a person may choose.
WORDS = ("passed", "conditions", "failed")
NOTE_MAX = 2000


def give(dossier_id: int, word: str, text: str, until: str, who: str) -> None:
    """Judge a dossier.  `until` (ISO) only with conditions, and then needed, as is a note.

    Raises `Refusal`: nothing passes outright while a required paper is missing or expired.
    """
    text = text.strip()
    if word not in WORDS:
        raise Refusal(_("A verdict is one of: %(words)s.", words=", ".join(WORDS)), field="verdict")
    if len(text) > NOTE_MAX:
        raise Refusal(_("At most %(most)s characters, not %(n)s.", most=NOTE_MAX, n=len(text)), field="note")
    if word != "passed" and not text:
        raise Refusal(_("Say in the note what the conditions are, or why it failed."), field="note")
    until = store.day(until, "until") if word == "conditions" else ""
    if word == "conditions" and (not until or date.fromisoformat(until) < standing.today()):
        raise Refusal(_("Conditions need a last day that lies ahead, such as 2027-03-31."), field="until")
    with changing(dossier_id) as found:
        if word == "passed" and found.lacking:
            raise Refusal(
                _("It cannot pass while these are missing or expired: %(papers)s. Pass it with conditions, or add them.",
                  papers=barring.titles(found.lacking)), field="verdict",
            )  # fmt: skip
        stood = [
            one.need.key
            for one in found.papers
            if one.asked and one.need.required and one.state in standing.HOLDS
        ]
        database.execute(
            "UPDATE dossier SET verdict = ?, note = ?, until = ?, stood = ?, judged_by = ?, judged_at = ?, void = '', "
            "void_at = NULL WHERE id = ?",
            (word, text, until, json.dumps(stood), who, clock.now_ms(), dossier_id),
        )
        note(dossier_id, who, "verdict", detail={"verdict": word, "note": text, "until": until})

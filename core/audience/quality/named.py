"""Rows that name a contact from elsewhere, and name the kept one once it is merged: people of a site, phones of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.audience.quality import whole
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

#: Table → its key.
KEYS = {"site_person": ("source_id", "person"), "trial_number": ("id",)}


def in_no_trial(contact_id: int) -> None:
    """Raise `Refusal` (409) while the contact's phone takes part in a trial that is not over.

    A trial texts the number of its contact: in the midst of it the texts would go to another phone.
    """
    trial = database.scalar(
        "SELECT t.name FROM trial_number n JOIN trial t ON t.id = n.trial_id WHERE n.contact_id = ? "
        "AND t.state IN ('draft', 'running', 'paused') ORDER BY t.id LIMIT 1",
        (contact_id,),
    )
    if trial is not None:
        raise Refusal(
            _("Contact %(id)s is a phone of the trial “%(name)s”; merge once that is over.",
              id=contact_id, name=trial),
            field="other",
            status=409,
        )  # fmt: skip


def move(keep_id: int, other_id: int) -> dict[str, list[list[Any]]]:
    """Let them name the kept contact, inside `write_tx()`; {table: keys of what moved}, for `back`."""
    moved = {}
    for table, key in KEYS.items():
        moved[table] = [[row[name] for name in key] for row in whole.rows(table, "contact_id", other_id)]
        if moved[table]:
            database.execute(f"UPDATE {table} SET contact_id = ? WHERE contact_id = ?", (keep_id, other_id))
    return moved


def back(keep_id: int, other_id: int, moved: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    """Let what moved name the other contact again, inside `write_tx()`."""
    for table, keys in moved.items():
        where = " AND ".join(f"{name} = ?" for name in KEYS[table])
        for key in keys:
            database.execute(
                f"UPDATE {table} SET contact_id = ? WHERE contact_id = ? AND {where}",
                (other_id, keep_id, *map(whole.unplain, key)),
            )

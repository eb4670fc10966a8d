"""A contact whose name attacks, and what pages say of people."""

from __future__ import annotations

from core.audience import consent, contacts
from core.db import database
from core.db.codes import Cls

PHONE, HX = "+8613800138000", {"HX-Request": "true"}
EVIL = '<img src=x onerror=alert(1)><b hx-get="/settings">'


def evil(rt) -> int:
    """A contact with a name that attacks; its id."""
    made = contacts.create(rt, PHONE, name=EVIL)
    contacts.edit(rt, made, {"city": "上海"})
    return made


def audit(action: str) -> int:
    """How often this stands in the audit log."""
    return database.scalar("SELECT COUNT(*) FROM audit WHERE action = ?", (action,))


def state(contact_id: int, cls: Cls = Cls.mass) -> str:
    return consent.state(contact_id)[cls].status

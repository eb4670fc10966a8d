"""Contacts from programs: many at once by number, typed, with labels and consent; set-based.

What a row does not name stays as it is; null clears.  Of two rows with one number the later overwrites what
it names, and the earlier is answered as a duplicate.  A yes from a program is weighed like one from a file:
it never beats a STOP, nor an opt-out that came from elsewhere than a file or a program.

`rows` is what programs send and how it is read, `writing` one transaction of it.
"""

from core.audience.upserts.rows import Consent, Outcome, Row
from core.audience.upserts.writing import upsert

__all__ = ["Consent", "Outcome", "Row", "upsert"]

"""Keys of contact fields: what merge tags, segments and imports call them."""

from __future__ import annotations

from core.audience import kinds
from core.contract.errors import Refusal
from core.i18n import _

#: Names merge tags, segments and imports already use for something else.
RESERVED = frozenset({"phone", "name", "country", "language", "email", "consent", "id"})
MAX_KEY = 64


def check_key(key: str) -> str:
    """A key as it will be stored; raises `Refusal` when it cannot be one."""
    key = kinds.clean(key)
    if not key or len(key) > MAX_KEY:
        raise Refusal(_("A field's key has 1 to %(max)s characters.", max=MAX_KEY), field="key")
    if key.lower() in RESERVED:
        raise Refusal(_("“%(key)s” has a meaning of its own; choose another key.", key=key), field="key")
    if set(key) & set("{}|\"'"):
        raise Refusal(
            _("The key %(key)s has one of the characters { } | and quotes, which templates use.", key=key),
            field="key",
        )
    return key

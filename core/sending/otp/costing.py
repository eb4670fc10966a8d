"""What a code costs at most: its text or call, and the call that may follow the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.db import settings
from core.db.codes import Cls
from core.secrecy import MASK
from core.security.spending import Purse
from core.sending import atmost
from core.sending.otp import calling, codes, wishes, wording

if TYPE_CHECKING:
    from core.runtime import Runtime


def most(rt: Runtime, purse: Purse, made: wishes.Made) -> int:
    """Micro-units of a checked request.  Raises `Refusal` where a price is missing."""
    # Codes are letters and digits of the small alphabet: each is counted alike.
    plain, country = "0" * made.length, made.asked.phone.country
    aloud = codes.spoken(plain)
    if made.call:
        said = made.body.replace(MASK, aloud)
        return atmost.of_single(rt, purse, Cls.otp, country, said, [made.call.account_id])
    cost = atmost.of_single(rt, purse, Cls.otp, country, made.body.replace(MASK, plain))
    if made.fallback_ms is not None:
        minutes = str(max(1, round(made.ttl_ms / 60_000)))
        filled = {"minutes": minutes, "brand": settings.get("brand", "")}
        said = wording.fill(wording.texts()[made.lang][1], filled).replace(MASK, aloud)
        cost += atmost.of_single(rt, purse, Cls.otp, country, said, calling.able(rt))
    return cost

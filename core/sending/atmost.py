"""What a program's order may cost at most, for a token that may spend so much a day (core.security.spending).

Which account will carry a message is decided when it is sent, so the dearest that could is what counts, and
another text or call that may follow counts, too.  Without a price nothing is promised: such an order is refused.
A campaign gets what was taken for it as its budget, which holds where people changed since its check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core import clock
from core.content import parts
from core.content.vendortexts import standing, store
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import Campaign
from core.i18n import _
from core.security.spending import Purse
from core.sending import breaker, dryreport, prices, route
from core.sending.breaker import Account
from core.sending.routes import awaited, estimate

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Inside China every character counts the same.
DOMESTIC = "CN"


def cap(text: str) -> tuple[int, str]:
    """(micro-units, currency) of "50 CNY", or of "50" where all accounts have prices in one currency.

    Raises `Refusal`.
    """
    found = re.fullmatch(r"\s*(.*[0-9])\s*([A-Za-z]{3})?\s*", text)
    micros = prices.micros_of(found[1]) if found else 0
    if not micros:
        raise Refusal(_("%(text)s is no amount such as 50 CNY.", text=repr(text)), field="cap")
    known = [row[0] for row in database.query("SELECT DISTINCT currency FROM price ORDER BY currency")]
    if not known:
        raise Refusal(
            _("No account has a price yet, so nothing could be counted; enter prices first."), field="cap"
        )
    currency = (found[2] or (known[0] if len(known) == 1 else "")).upper()
    if currency not in known:
        raise Refusal(
            _("Say the currency, as in “50 %(one)s”: accounts have prices in %(known)s.",
              one=known[0], known=", ".join(known)), field="cap",
        )  # fmt: skip
    return micros, currency


def of_single(
    rt: Runtime, purse: Purse, cls: Cls, country: str, text: str, accounts: Iterable[int] | None = None
) -> int:
    """Micro-units one message with these words costs at most, through one of `accounts` (by default any that may
    carry its class), the text that may follow when no receipt comes included.  Raises `Refusal`."""
    carriers = _carriers(rt, cls)
    wanted = None if accounts is None else set(accounts)
    chosen = carriers if wanted is None else [one for one in breaker.load() if one.id in wanted]
    second = carriers if awaited.delay_s(cls) else []
    return _dearest(rt, purse, cls, country, text, chosen) + _dearest(rt, purse, cls, country, text, second)


def of_campaign(rt: Runtime, purse: Purse, campaign: Campaign, report: dryreport.Report) -> tuple[int, int]:
    """Micro-units (in all, of its own messages) a campaign costs at most: what its check says, or its budget where that
    is less; and the texts that may follow when no receipt comes, which no budget holds.

    Raises `Refusal` where an account it could take has no price for one of its countries.
    """
    cls = Cls(campaign.cls)
    ids = {campaign.account_id} if campaign.account_id else set(estimate.account_ids(cls))
    _dearest_part(purse, cls, [one for one in breaker.load() if one.id in ids], report.countries)
    own = report.costs.get(purse.currency, report.cost_micros)
    if campaign.budget_micros is not None:
        own = min(own, campaign.budget_micros)
    second = _carriers(rt, cls) if awaited.delay_s(cls) else []
    return own + report.parts * _dearest_part(purse, cls, second, report.countries), own


def _carriers(rt: Runtime, cls: Cls) -> list[Account]:
    """Accounts that may carry a class now."""
    every = route.candidates(breaker.load(), None, cls)
    return [one for one in route.fitting(rt, every, cls) if one.enabled]


def _dearest_part(purse: Purse, cls: Cls, accounts: Iterable[Account], countries: Iterable[str]) -> int:
    """The dearest price of one part."""
    tables = [(account, prices.Prices(account.id, cls, clock.now_ms())) for account in accounts]
    return max((_priced(purse, *table, country) for table in tables for country in countries), default=0)


def _dearest(
    rt: Runtime, purse: Purse, cls: Cls, country: str, text: str, accounts: Iterable[Account]
) -> int:
    needing, most = store.needing(rt), 0
    for account in accounts:
        words = text
        if account.id in needing:
            own = needing[account.id]
            found = standing.Spoken(store.variable_of(rt, own), own).find(text, cls.name)
            if found is None:
                continue  # the vendor would not take it, so it costs nothing there
            words = found[2]
        table = prices.Prices(account.id, cls, clock.now_ms())
        _encoding, n = parts.count(words, country == DOMESTIC)
        most = max(most, n * _priced(purse, account, table, country))
    return most


def _priced(purse: Purse, account: Account, table: prices.Prices, country: str) -> int:
    """The price of one part.  Raises `Refusal` without one, or for one in another currency than the purse's."""
    if table.currency == purse.currency and table.knows(country):
        return table.micros(country)
    raise Refusal(
        _(
            "This token may spend a day only so much in %(currency)s, and account “%(name)s” has no price in it for "
            "%(country)s; enter one, 0 if it costs nothing, or name another account.",
            currency=purse.currency,
            name=account.name,
            country=country or "?",
        ),
        field="account",
    )

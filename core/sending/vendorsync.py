"""What vendors say of their templates and signatures, fetched: by a button, and hourly while something waits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import clock
from core.content.vendortexts import match, store
from core.contract.errors import CooeeError, ProviderError, Refusal
from core.contract.types import VendorTemplate
from core.db import database, settings
from core.i18n import _
from core.security import audit
from core.sending import accounts

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.vendors")

#: A vendor that lists more than this is cut off: its limit is 200 (Tencent) or some hundreds.
MOST = 5_000
#: What is approved is looked at again after a day: vendors take approvals back.
DAILY_MS = clock.DAY_MS
NAME_MAX = 30


def sync(rt: Runtime, account_id: int, who: str = "") -> tuple[int, int]:
    """Fetch an account's templates and signatures; how many there are.  Raises `Refusal` in plain words."""
    account = store.needing(rt).get(account_id)
    if account is None:
        raise Refusal(_("This provider knows no templates."), field="account", status=404)
    # Kept apart from the one that sends: that one belongs to its worker's thread.
    try:
        provider = accounts.open_provider(rt, account, connect=False)
        found = _some(provider.vendor_templates())
        signed = _some(provider.vendor_signatures())
    except ProviderError as error:
        _noted(account_id, str(error))
        raise Refusal(_("The provider did not tell: %(why)s", why=str(error)), status=502) from None
    store.keep(account_id, provider.VARIABLE, found, signed)
    _noted(account_id, "")
    if who:
        with database.write_tx():
            audit.record(who, "account.templates", account.name, f"{len(found)}, {len(signed)}")
    return len(found), len(signed)


def _some(rows) -> list:
    made = []
    for row in rows:
        made.append(row)
        if len(made) == MOST:
            break
    return made


def _noted(account_id: int, error: str) -> None:
    settings.put(f"vendor_sync:{account_id}", {"at": clock.now_ms(), "error": error})


def last(account_id: int) -> dict:
    """{"at": when the vendor was last asked (0: never), "error": why it did not tell}."""
    return settings.get(f"vendor_sync:{account_id}", {"at": 0, "error": ""})


def due(rt: Runtime) -> None:
    """Periodic, hourly: ask those where something is under review, and all once a day."""
    for account in store.needing(rt).values():
        if not account.enabled:
            continue
        waiting = database.scalar(
            "SELECT 1 FROM vendor_template WHERE account_id = ? AND state = 'pending' UNION ALL "
            "SELECT 1 FROM vendor_signature WHERE account_id = ? AND state = 'pending' LIMIT 1",
            (account.id, account.id),
        )
        if not waiting and clock.now_ms() - last(account.id)["at"] < DAILY_MS:
            continue
        try:
            sync(rt, account.id)
        except CooeeError as error:
            log.warning("account %s: its templates could not be fetched: %s", account.name, error)


def submit(
    rt: Runtime, template_id: int, lang: str, account_id: int, *, name: str, kind: str, body: str,
    signature: str, note: str, who: str,
) -> str:  # fmt: skip
    """Hand a text in for review at the vendor and map it; returns the vendor's code.

    Raises `Refusal` with the vendor's sentence when it does not take it.
    """
    account = store.needing(rt).get(account_id)
    if account is None:
        raise Refusal(_("This provider knows no templates."), field="account", status=404)
    provider = accounts.open_provider(rt, account, connect=False)
    if not provider.can_submit_templates:
        raise Refusal(_("Hand templates in at the vendor's own site; this provider cannot."), field="account")
    words, params = match.drafted(body, provider.variable, provider.VARIABLE)
    made = VendorTemplate("", words, name.strip()[:NAME_MAX], kind)
    try:
        code = provider.submit_template(made, signature, note.strip())
    except ProviderError as error:
        raise Refusal(_("The vendor did not take it: %(why)s", why=str(error)), field="text") from None
    store.add_pending(account_id, provider.VARIABLE, made._replace(code=code))
    store.put(rt, template_id, lang, account_id, code, signature, params, who)
    return code

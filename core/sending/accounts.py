"""Accounts: configured providers.  Making, changing, opening them.

Settings are checked by the provider's own form (`accountform`) and stored encrypted as a whole; a field whose
`render_kw` has `secret` never leaves this module but to the provider.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from peewee import IntegrityError

from core import clock
from core.contract import absent
from core.contract.errors import BadConfig, ProviderError, Refusal
from core.contract.types import Balance, Provider
from core.db import database
from core.db.models import Account
from core.http import Rules
from core.i18n import _
from core.redact import numbers
from core.security import audit
from core.sending import errorkinds, pausing, prices
from core.sending.accountform import checked, is_secret
from core.sending.inbox import Sink

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.accounts")

#: Exchanges of a provider kept in memory until its call is logged, each of one request or of many sent at once.
HEARD = 2_000


def every() -> list[Account]:
    """All accounts, by name."""
    return list(Account.select().order_by(Account.name))


def get(name_or_id: str | int) -> Account:
    """The account of a name or id.  Raises `Refusal` (404) when there is none."""
    found = Account.get_or_none(
        Account.id == name_or_id if isinstance(name_or_id, int) else Account.name == name_or_id
    )
    if found is None:
        names = ", ".join(account.name for account in every()) or _("none yet")
        raise Refusal(
            _("There is no account %(name)s; there are: %(names)s.", name=repr(name_or_id), names=names),
            field="account",
            status=404,
        )
    return found


def provider_class(rt: Runtime, name: str) -> type[Provider]:
    """The class of a provider.  Raises `Refusal` that names those there are."""
    if name not in rt.plugins.providers:
        names = ", ".join(sorted(rt.plugins.providers))
        said = _("There is no provider %(name)s; there are: %(names)s.", name=repr(name), names=names)
        raise Refusal(f"{said} {absent.why(rt.plugins)}".rstrip(), field="provider")
    return rt.plugins.providers[name]


# --- settings -----------------------------------------------------------------------------------------


def settings_of(rt: Runtime, account: Account) -> dict[str, Any]:
    """The settings in clear; for the provider and the edit form only."""
    return orjson.loads(rt.keys.decrypt(account.settings_enc, _aad(account.token)))


def shown(rt: Runtime, account: Account) -> dict[str, Any]:
    """The settings as people may see them: of secrets only whether they are set; {} without the plugin, for
    only its form knows which are secret."""
    cls, values = rt.plugins.providers.get(account.provider), settings_of(rt, account)
    if cls is None:
        return {}
    return {
        field.short_name: ("set" if values.get(field.short_name) else "")
        if is_secret(field)
        else values.get(field.short_name, field.data)
        for field in cls.Form()
    }


def _aad(token: str) -> bytes:
    return f"account:settings_enc:{token}".encode()


def _sealed(rt: Runtime, token: str, settings: Mapping[str, Any]) -> bytes:
    return rt.keys.encrypt(orjson.dumps(settings, default=str), _aad(token))


# --- making and changing ------------------------------------------------------------------------------


def create(
    rt: Runtime,
    name: str,
    provider: str,
    given: Mapping[str, Any],
    *,
    sender: str = "",
    rate_per_s: float | None = None,
    who: str = "",
) -> Account:
    """Make an account.  Raises `Refusal` with the field at fault."""
    settings = checked(provider_class(rt, provider), given)
    token = secrets.token_urlsafe(16)
    try:
        with database.write_tx():
            made = Account.create(
                name=_name(name), provider=provider, settings_enc=_sealed(rt, token, settings), token=token,
                sender=sender.strip(), rate_per_s=_rate(rate_per_s), created_at=clock.now_ms(),
            )  # fmt: skip
            audit.record(who, "account.add", name, provider)
    except IntegrityError:
        raise Refusal(_("There is an account %(name)s already.", name=repr(name)), field="name") from None
    return made


def edit(
    rt: Runtime,
    account: Account,
    given: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    sender: str | None = None,
    rate_per_s: float | None | str = "",
    who: str = "",
) -> Account:
    """Change settings, name, sender or rate (None: no limit); what is not given stays.  Lifts a halt."""
    changed: dict[str, Any] = {}
    if given:
        stored = settings_of(rt, account)
        new = checked(provider_class(rt, account.provider), given, stored)
        if new != stored:
            changed |= {"settings_enc": _sealed(rt, account.token, new), "halted": ""}
    if name is not None and name != account.name:
        changed["name"] = _name(name)
    if sender is not None:
        changed["sender"] = sender.strip()
    if rate_per_s != "":
        changed["rate_per_s"] = _rate(rate_per_s)
    if changed:
        try:
            with database.write_tx():
                Account.update(**changed).where(Account.id == account.id).execute()
                audit.record(who, "account.edit", account.name, ", ".join(sorted({*changed, *(given or ())})))
        except IntegrityError:
            raise Refusal(_("There is an account %(name)s already.", name=repr(name)), field="name") from None
    return get(account.id)


def switch(account: Account, on: bool, *, who: str = "") -> None:
    """Use an account or not.  Switching on also lifts a halt and closes the breaker."""
    fresh = {"halted": "", "failures": 0, "open_until": 0, "probe_at": 0} if on else {}
    with database.write_tx():
        Account.update(enabled=on, **fresh).where(Account.id == account.id).execute()
        audit.record(who, "account.on" if on else "account.off", account.name)


def state_of(account: Account, now: int | None = None) -> str:
    """off · halted (a person must act) · open (the breaker rests it) · half_open (on trial) · on."""
    if not account.enabled:
        return "off"
    if account.halted:
        return "halted"
    if account.open_until:
        return "open" if account.open_until > (clock.now_ms() if now is None else now) else "half_open"
    return "on"


def keep_balance(account: Account, left: Balance) -> None:
    """Remember what the provider said is left."""
    with database.write_tx():
        Account.update(balance_micros=left.amount_micros, balance_at=clock.now_ms()).where(
            Account.id == account.id
        ).execute()


def _name(name: str) -> str:
    tidy = name.strip()
    if not tidy or len(tidy) > 60:
        raise Refusal(_("An account needs a name of 1 to 60 characters."), field="name")
    return tidy


def _rate(rate_per_s: Any) -> float | None:
    if rate_per_s in (None, ""):
        return None
    try:
        rate = float(rate_per_s)
    except (TypeError, ValueError):
        rate = 0.0
    if not 0 < rate <= 1_000_000:
        raise Refusal(
            _("A rate is a number of texts a second above 0, not %(rate)s.", rate=repr(rate_per_s)),
            field="rate",
        )
    return rate


# --- opening ------------------------------------------------------------------------------------------


def callback_url(rt: Runtime, account: Account, kind: str = "receipt") -> str:
    """Where the provider calls us."""
    return f"{rt.settings.public_url}/hooks/{account.token}/{kind}"


def open_provider(rt: Runtime, account: Account | int, *, connect: bool = True) -> Provider:
    """The provider of an account, ready to use; one instance a process and thread while settings stand.

    With `connect` it may hold a connection (`Provider.open`); such a provider is one a process and serves
    several threads.  Without, it only reads webhooks.  Raises `BadConfig` when no plugin offers it any more
    or it cannot be made.
    """
    if not isinstance(account, Account):
        account = get(account)
    cls = rt.plugins.providers.get(account.provider)
    if cls is None:
        raise BadConfig(no_provider(rt, account.provider, account.name))
    holds = connect and cls.open is not Provider.open
    key = (account.id, connect, 0 if holds else threading.get_ident())
    version = (bytes(account.settings_enc), account.errors_version)
    opened = rt.plugins.opened.get(key)
    if opened is not None and opened[0] == version and type(opened[1]) is cls:
        return opened[1]
    with rt.plugins.opening:
        opened = rt.plugins.opened.get(key)
        if opened is not None and opened[0] == version:
            return opened[1]
        if opened is not None:
            opened[1].close()
        made = _made(rt, account, cls)
        if connect:
            made.open(Sink(rt, account.id))
        rt.plugins.opened[key] = (version, made)
    return made


def no_provider(rt: Runtime, provider: str, account: str) -> str:
    """Why an account whose provider nobody offers here does not work, and what to do, as it is stored."""
    names = {"provider": provider, "name": account}
    if new := rt.plugins.added():
        return pausing.say("new_provider", **names, plugins=", ".join(new))
    return pausing.say("no_provider", **names)


def _made(rt: Runtime, account: Account, cls: type[Provider]) -> Provider:
    try:
        settings = checked(cls, {}, settings_of(rt, account))
        made = cls(settings, callback_url(rt, account))
    except Refusal as error:
        raise BadConfig(f"The settings of account {account.name!r} are not usable: {error}") from None
    except ProviderError:
        raise
    except Exception as error:
        told = f"provider {cls.name!r} cannot be made: {type(error).__name__}: {numbers(str(error))}"
        log.exception("account %s: %s", account.name, told)
        rt.plugins.blame("providers", cls.name, told)
        raise BadConfig(f"Account {account.name!r}: {told}") from None
    made.outgoing = Rules.of(rt.settings, deque(maxlen=HEARD))
    made.currency = prices.currency_of(account.id)
    errorkinds.give(made, account.id)
    return made


def close_providers(rt: Runtime) -> None:
    """Close all providers of this process; those with a connection hand over what they still hold."""
    with rt.plugins.opening:
        for _version, provider in rt.plugins.opened.values():
            provider.close()
        rt.plugins.opened.clear()

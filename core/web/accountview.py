"""What the pages of accounts show: cards, the details of one, and its settings as a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, FloatField, StringField
from wtforms import Form as PlainForm
from wtforms import validators as v

from core import clock
from core.contract.errors import CooeeError, Refusal
from core.contract.types import Scope
from core.db import database
from core.db.codes import Cls
from core.db.models import Account
from core.i18n import _, _l, language
from core.measure import arrived, counts
from core.measure.shares import share
from core.runtime import Runtime
from core.sending import accounts, balances, prices
from core.sending.routes import health
from core.web import charts
from core.web.format import local, short_day
from core.web.forms import Form, tidy

#: Calls looked through for those that were not understood.
INBOX_LOOK = 2_000
#: The settings form's fields are called so in the page, apart from those of the account itself.
PREFIX = "set-"


class AccountForm(Form):
    """What every account has, whatever its provider."""

    name = StringField(_l("Account name"), [v.InputRequired(), v.Length(max=60)], filters=[tidy])
    sender = StringField(
        _l("Sender"), [v.Optional(), v.Length(max=40)], filters=[tidy],
        description=_l("What recipients see, where the provider and the country allow it."),
    )  # fmt: skip
    rate = FloatField(
        _l("Texts a second at most"), [v.Optional(), v.NumberRange(0.001, 1_000_000)],
        description=_l("Holds over all workers; empty: as fast as the provider takes them."),
    )  # fmt: skip


# --- settings as a form -------------------------------------------------------------------------------


def settings_form(
    rt: Runtime, provider: str, stored: Mapping[str, Any] | None = None, typed: MultiDict | None = None
) -> PlainForm:
    """The provider's own form, filled with what is stored or typed.  Stored secrets are not filled in.

    Of an account whose plugin is gone it is empty: what is stored stays as it is.
    """
    if stored is not None and provider not in rt.plugins.providers:
        return PlainForm()
    cls = accounts.provider_class(rt, provider)
    meta = {"locales": ["zh" if language() == "zh_Hans" else "en"]}
    form = cls.Form(formdata=typed, data=None if stored is None else dict(stored), prefix=PREFIX, meta=meta)
    for field in form:
        if accounts.is_secret(field):
            kept = bool((stored or {}).get(field.short_name))
            words = {key: value for key, value in (field.render_kw or {}).items() if key != "secret"}
            words |= {"autocomplete": "off", "spellcheck": "false"}
            if kept:
                words["placeholder"] = _("set; leave empty to keep it")
                field.validators = [x for x in field.validators if not isinstance(x, v.InputRequired)]
                field.flags.required = None
            field.secret, field.render_kw = True, words
            if typed is None:
                field.data = ""
    return form


def given(form: PlainForm, typed: MultiDict, *, keep_secrets: bool = False) -> dict[str, str]:
    """What a person typed, by setting.  With `keep_secrets` an empty secret means: as it is."""
    texts = {}
    for field in form:
        text = typed.get(field.name, "")
        if isinstance(field, BooleanField) or text or not (keep_secrets and getattr(field, "secret", False)):
            texts[field.short_name] = text
    return texts


def beside(refusal: Refusal, form: AccountForm, settings: PlainForm) -> None:
    """Put a refusal beside the field it names."""
    for field in settings:
        if field.short_name == refusal.field:
            field.errors = [*field.errors, str(refusal)]
            return
    form.refuse(refusal)


def abilities(provider: Any) -> list[str]:
    """What a provider can do, in words."""
    told = [
        (provider.pushes or provider.can_poll, _("receipts")),
        (provider.can_look_up, _("look-up")),
        (provider.idempotency_ttl_s, _("safe to repeat")),
        (provider.needs_templates, _("approved templates only")),
    ]
    return [word for has, word in told if has]


# --- how an account does ------------------------------------------------------------------------------


def card(rt: Runtime, account: Account) -> dict[str, Any]:
    """One card of the list."""
    scope = _day(account.id)
    day = counts.read(scope)
    price = prices.Prices(account.id, Cls.mass, clock.now_ms())
    cls = rt.plugins.providers.get(account.provider)
    return {
        "account": account,
        "title": cls.title if cls else account.provider,
        "missing": cls is None,
        "state": accounts.state_of(account),
        "state_word": state_word(accounts.state_of(account)),
        "day": day,
        "since": clock.to_ms(scope.since),
        "since_hour": f"{local(clock.to_ms(scope.since)):%H:%M}",
        "delivered": share(day.delivered, day.delivered + day.failed),
        "silent": arrived.silent(scope, day),
        "spark": charts.spark(_hours(account.id)[1], title=_("Texts an hour, last 24 hours"))
        if day.attempted
        else "",
        "rests": resting(account.id),
        "low": bool((left := balances.left(account.id)) and left.low),
        "price": price.micros(rt.settings.default_region),
        "currency": price.currency,
    }


def _day(account_id: int) -> Scope:
    """The last 24 hours of an account, from the beginning of an hour as the counters are."""
    first = clock.now_ms() // clock.HOUR_MS - 24
    return Scope(account_id=account_id, since=clock.from_ms(first * clock.HOUR_MS))


def resting(account_id: int) -> float | None:
    """The share of its texts an account gets while it proves itself; None when it gets all."""
    watch = health.watched(clock.now_ms()).get(account_id)
    return watch.share_bp / 10_000 if watch else None


def state_word(state: str) -> str:
    """How an account is, in a word."""
    words = {
        "on": _("works"),
        "open": _("rests"),
        "half_open": _("on trial"),
        "halted": _("halted"),
        "off": _("off"),
    }
    return words[state]


def details(rt: Runtime, account: Account) -> dict[str, Any]:
    """Everything on the page of one account."""
    hours, submitted, delivered = _hours(account.id)
    made = card(rt, account)
    day = made["day"]
    table = [(line, line.as_dict()) for line in prices.table(account.id)]
    try:
        provider: Any = accounts.open_provider(rt, account, connect=False)
        shown, trouble = _shown(rt, account), ""
    except CooeeError as error:
        provider, shown, trouble = None, [], str(error)
    chart = None
    if day.attempted:
        labels = [f"{local(hour * clock.HOUR_MS):%H}" for hour in hours]
        lines = [
            charts.Series(_("Submitted"), submitted, "c1"),
            charts.Series(_("Delivered"), delivered, "c2"),
        ]
        title = _("Texts an hour, last 24 hours")
        chart = (charts.line(lines, labels, title=title, height=220), charts.legend(lines))
    return {
        **made,
        **_balance(rt, account),
        "chart": chart,
        "in_5m": arrived.within(_day(account.id), arrived.FIVE_MINUTES_MS, day),
        "prices": table,
        "abilities": abilities(provider) if provider else [],
        "window": (provider.window or 8) if provider else None,
        "needs_templates": bool(provider and provider.needs_templates),
        "trouble": trouble,
        "settings": shown,
        "receipt_url": accounts.callback_url(rt, account),
        "inbound_url": accounts.callback_url(rt, account, "inbound"),
        "pushes": bool(provider and provider.pushes),
        "not_understood": _not_understood(account.id),
    }


def _shown(rt: Runtime, account: Account) -> list[tuple[str, str]]:
    """(label, value) of the settings that are not as the provider has them by itself; secrets only "set"."""
    values = accounts.shown(rt, account)
    rows = []
    for field in accounts.provider_class(rt, account.provider).Form():
        value = values.get(field.short_name)
        if value in (None, "") or (value == field.data and not accounts.is_secret(field)):
            continue
        if accounts.is_secret(field):
            value = _("set")
        elif isinstance(value, bool):
            value = _("yes") if value else _("no")
        rows.append((field.label.text, str(value)))
    return rows


def _hours(account_id: int) -> tuple[list[int], list[float], list[float]]:
    """(hours since 1970, submitted, delivered) of the hours `_day` holds, quiet hours included."""
    last = clock.now_ms() // clock.HOUR_MS
    hours = list(range(last - 24, last + 1))
    found = {hour: (submitted, delivered) for hour, submitted, delivered in counts.by_hour(_day(account_id))}
    pairs = [found.get(hour, (0, 0)) for hour in hours]
    return hours, [float(submitted) for submitted, _d in pairs], [float(delivered) for _s, delivered in pairs]


def _balance(rt: Runtime, account: Account) -> dict[str, Any]:
    """What `providers/_balance.html` shows."""
    readings, units, currency = balances.history(account.id, clock.now_ms() - 30 * clock.DAY_MS)
    chart = None
    if len(readings) > 2:
        shown = readings[:: max(1, len(readings) // 120)]
        values = [each.amount / (1 if units else 1_000_000) for each in shown]
        labels = [short_day(local(each.at)) for each in shown]
        title = _("Balance, last 30 days") + (f" ({currency})" if currency else "")
        chart = charts.line(
            [charts.Series(_("left"), values, "c1")], labels, title=title, width=440, height=130
        )
    return {
        "left": balances.left(account.id),
        "balance_chart": chart,
        "alarm": balances.alarm(account.id),
        "tells_balance": balances.tells(rt, account),
    }


def _not_understood(account_id: int) -> list[tuple[int, str, str]]:
    """(received_at, kind, why) of the newest calls of the provider that were not understood."""
    return database.query(
        "SELECT received_at, kind, error FROM (SELECT account_id, received_at, kind, error, state FROM inbox "
        "ORDER BY id DESC LIMIT ?) AS newest WHERE account_id = ? AND state = 2 LIMIT 5",
        (INBOX_LOOK, account_id),
    )

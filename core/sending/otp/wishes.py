"""Requests for a code: what is asked for, checked and worded before anything is counted or stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import ids
from core.audience import contacts, phones
from core.content import parts, wording
from core.contract.errors import Refusal
from core.db import classes, database, settings
from core.db.codes import Cls
from core.i18n import _
from core.sending import breaker
from core.sending.otp import calling, guard, rules
from core.sending.otp import wording as words

if TYPE_CHECKING:
    from core.runtime import Runtime

CHANNELS = ("sms", "voice", "auto")
KEY_MAX = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """A request as it came; None and "" take what the rules say."""

    to: str
    length: int | None = None
    alphabet: str = ""
    ttl_s: int | None = None
    locale: str = ""
    text: str = ""
    channel: str = "sms"
    ip: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A checked request, ready to be stored."""

    asked: guard.Request
    length: int
    alphabet: str
    ttl_ms: int
    lang: str
    body: str
    channel: str
    call: calling.Call | None
    fallback_ms: int | None


def checked(rt: Runtime, limits: rules.Rules, wish: Wish) -> Made:
    """A request fit to be counted and stored.  Raises `Refusal` with the field at fault."""
    if wish.channel not in CHANNELS:
        raise Refusal(_("A channel is one of %(known)s.", known=", ".join(CHANNELS)), field="channel")
    if len(wish.key) > KEY_MAX:
        raise Refusal(_("An idempotency key has 1 to %(max)s characters.", max=KEY_MAX), field="key")
    alphabet = wish.alphabet or limits.alphabet
    if alphabet not in rules.ALPHABETS:
        raise Refusal(_("A code is of digits or alnum."), field="alphabet")
    length = limits.length if wish.length is None else wish.length
    ttl_s = limits.ttl_s if wish.ttl_s is None else wish.ttl_s
    for name, value in (("length", length), ("ttl_s", ttl_s)):
        least, most = rules.BOUNDS[name]
        if not least <= value <= most:
            raise Refusal(
                _("%(name)s is a whole number from %(least)s to %(most)s, not %(value)s.",
                  name=name, least=least, most=most, value=value), field=name,
            )  # fmt: skip
    try:
        phone = contacts.number(rt, wish.to)
    except Refusal as refusal:
        refusal.field = "to"
        raise
    guard.check(rt, limits, phone, wish.channel)
    asked = guard.Request(phone, rt.keys.blind_index(phone.e164), guard.address(wish.ip))
    call, fallback_ms = _way(rt, limits, wish.channel, asked)
    lang = words.choose(wish.locale, phone.country, rt.settings.language)
    body = _body(phone, lang, wish.text, ttl_s, call=wish.channel == "voice")
    return Made(asked, length, alphabet, ttl_s * 1000, lang, body, wish.channel, call, fallback_ms)


def _way(
    rt: Runtime, limits: rules.Rules, channel: str, asked: guard.Request
) -> tuple[calling.Call | None, int | None]:
    """(the call that says it at once, None for a text; ms until a call follows the text, None for none)."""
    if not any(account.enabled for account in breaker.load()):
        raise Refusal(_("There is no account to send through; add one under Providers."), field="channel")
    if channel == "voice":
        contact_id = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (asked.phone_bidx,))
        person = calling.Person(ids.allocate(1), contact_id or 0, asked.phone.e164, asked.phone.country)
        [call] = calling.choose(rt, [person])
        if call is None:
            raise Refusal(_("No account can call; add one of a provider with voice."), field="channel")
        return call, None
    wanted = channel == "auto" and limits.fallback_s and calling.able(rt)
    return None, limits.fallback_s * 1000 if wanted else None


def _body(phone: phones.Phone, lang: str, text: str, ttl_s: int, *, call: bool) -> str:
    """The words with the mask where the code belongs.  Raises `Refusal` when they break the class's rules."""
    own = words.check(text) if text else words.texts()[lang][1 if call else 0]
    brand = settings.get("brand", "")
    # Who writes in words of their own signs them as they like.
    signed = own if text else words.signed(own, lang, brand)
    body = words.fill(signed, {"minutes": str(max(1, round(ttl_s / 60))), "brand": brand})
    if not call:
        in_china = phone.country == "CN"
        n = parts.plan(body, cn=in_china).parts
        broken = wording.problems(classes.of(Cls.otp), body, in_china=in_china, parts=n)
        for _code, sentence in broken:
            raise Refusal(sentence, field="text" if text else "locale")
    return body

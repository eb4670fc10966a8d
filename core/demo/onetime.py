"""One-time codes of two days, most of them used, and a run of neighbouring numbers that the guard blocked."""

from __future__ import annotations

import logging
import random
import string

from core import clock, secrecy
from core.audience import phones
from core.db import database
from core.db.codes import Cls, State
from core.db.models import Account
from core.demo import people, words
from core.demo.history import TALLY
from core.demo.providers import DIRECT, MAIN, WORLD
from core.i18n import _
from core.runtime import Runtime
from core.sending import direct, prices
from core.sending.otp import guard, rules

_N, _PEOPLE, _SPAN_H, _TTL_MS = 460, 5_000, 44, 300_000
#: Share that arrived; of those the share that was used.
_ARRIVED, _USED = 0.97, 0.91
#: A run of neighbours abroad: what the guard is there for.
_RUN, _ASKED = "+4479503300{:02d}", 14
_WORDS = {
    True: f"【可乐店】您的验证码是{secrecy.MASK}，5分钟内有效。请勿告诉他人。",
    False: f"Kola: your code is {secrecy.MASK}. It is good for 5 minutes. Do not share it with anyone.",
}
_IDS = string.ascii_letters + string.digits


def allow() -> None:
    """Codes go to the countries of the shop only."""
    rules.save({"countries": ("CN", "GB", "DE", "FR")}, who=words.who())


def write(rt: Runtime, by: dict[str, Account], chance: random.Random) -> int:
    """Write the codes and let the guard refuse the run; returns how many codes."""
    now, campaign_id = clock.now_ms(), direct.campaign(Cls.otp)
    everyone = people.known(rt, _PEOPLE)
    cost = {name: prices.Prices(by[name].id, Cls.otp, now).micros for name in (MAIN, DIRECT, WORLD)}
    messages, texts, codes, app = [], [], [], _("shop sign-in")
    for n, person in enumerate(chance.sample(everyone, min(_N, len(everyone)))):
        country = person.country
        name = WORLD if country != "CN" else DIRECT if chance.random() < 0.8 else MAIN
        at = now - int((0.2 + chance.random() * _SPAN_H) * clock.HOUR_MS)
        arrived = chance.random() < _ARRIVED
        used = at + int(chance.uniform(9, 80) * 1000) if arrived and chance.random() < _USED else None
        message_id = (at << 20) + n
        messages.append(
            (message_id, campaign_id, person.contact_id, message_id, int(Cls.otp),
             int(State.delivered if arrived else State.undelivered), None if arrived else "MK:0012", 1, by[name].id,
             f"c{message_id % 10**12:012d}", 1, cost[name](country), at, at + int(chance.uniform(1, 7) * 1000))
        )  # fmt: skip
        texts.append((message_id, _WORDS[country == "CN"]))
        codes.append(
            ("".join(chance.choices(_IDS, k=22)), app, person.contact_id, person.bidx, country,
             person.number[1 : 1 + guard.PREFIX_DIGITS], "sms", "zh-Hans" if country == "CN" else "en", 6,
             "digits", chance.randbytes(32), message_id, 0, at, at + _TTL_MS, used)
        )  # fmt: skip
    with database.write_tx():
        database.copy_rows(
            "message",
            ("id", "campaign_id", "contact_id", "dedupe", "cls", "state", "reason", "attempt", "account_id",
             "provider_id", "parts", "cost_micros", "submitted_at", "final_at"),
            messages,
        )  # fmt: skip
        database.copy_rows("message_text", ("message_id", "body"), texts)
        database.copy_rows(
            "otp",
            ("id", "app", "contact_id", "phone_bidx", "country", "prefix", "channel", "lang", "length", "alphabet",
             "code_hash", "message_id", "series", "created_at", "expires_at", "verified_at"),
            codes,
        )  # fmt: skip
        database.execute(TALLY, (campaign_id,))
    _blocked(rt)
    return len(codes)


def _blocked(rt: Runtime) -> None:
    """Neighbouring numbers asked one after the other an hour ago: the last ones were refused, their prefix is blocked."""
    limits = rules.of()
    # The alarm stands on the Overview; the terminal need not tell of numbers that nobody has.
    log = logging.getLogger("cooee.otp")
    log.disabled = True
    with clock.earlier(70 * clock.MINUTE_MS):
        for n in range(limits.adjacent, _ASKED):
            phone = phones.parse(_RUN.format(n), "")
            asked = guard.Request(phone, rt.keys.blind_index(phone.e164))
            guard.note(rt, asked, guard.Blocked("adjacent", guard.sentence("adjacent"), limits.block_s))
    log.disabled = False

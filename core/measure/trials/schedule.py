"""Who gets which text from whom, and when: every phone gets the same from each account, close together.

A *round* is one text from each account to one phone.  The order of accounts in it turns from round to round, and
is drawn anew once each has stood in every place, so that no account always comes first; the seed is the trial's.
Times lie inside the chosen hours of the phone's own day, spread over them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from core import clock
from core.db import database
from core.measure.trials import words
from core.measure.trials.phones import Phone
from core.measure.trials.plan import DAYTIME, WINDOWS, Plan
from core.sending import handsets
from core.timing import zones

#: Between two texts to one phone that are sent at once.
GAP_MS = 20_000
#: A window that has begun is used while so much of it is left.
_LEAST_MS = 30 * clock.MINUTE_MS
#: Phones that are asked for an answer, and the days looked ahead for hours.
_REPLIES, _DAYS = 3, 400

Span = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Planned:
    """One text to come."""

    phone: Phone
    account_id: int
    round: int
    hours: str
    kind: str
    due_at: int
    until_at: int


def make(plan: Plan, phones: Sequence[Phone], n_rounds: int, seed: int, now: int) -> list[Planned]:
    """All texts of a trial in the order of their time."""
    asked = sorted(phones, key=lambda phone: phone.seed_account_id is not None)
    replies = {phone.id for phone in asked[:_REPLIES]} if "inbound" in plan.functions else set()
    stops = (
        dict(zip((p.id for p in asked), plan.accounts, strict=False)) if "optout" in plan.functions else {}
    )
    made: list[Planned] = []
    for place, phone in enumerate(phones):
        rng = random.Random(f"{seed}:{phone.id}")  # noqa: S311 - an order, not a secret
        stop = stops.get(phone.id)
        if "now" in plan.windows:
            made += _at_once(plan, phone, place, n_rounds, rng, now, replies, stop)
        else:
            made += _over_hours(plan, phone, place, n_rounds, rng, now, replies, stop)
    return sorted(made, key=lambda text: (text.due_at, text.phone.id))


def _over_hours(plan, phone, place, n_rounds, rng, now, replies, stop) -> Iterator[Planned]:
    orders = _orders(plan.accounts, rng)
    days = spans(plan, phone, now)
    for first in range(0, n_rounds, plan.per_window):
        found = next(days, None)
        if found is None:
            return
        hours, start, end = found
        here = range(first, min(first + plan.per_window, n_rounds))
        texts = [(r, account) for r in here for account in next(orders)]
        step = (end - start) / len(texts)
        for at, (r, account) in enumerate(texts):
            due = start + int((at + rng.uniform(0, 0.8)) * step)
            yield Planned(phone, account, r, hours, kind(plan, place, r, phone.id in replies), due, end)
    if stop is not None and (found := next(days, None)):
        hours, start, end = found
        yield Planned(phone, stop, n_rounds, hours, "stop", (start + end) // 2, end)


def _at_once(plan, phone, place, n_rounds, rng, now, replies, stop) -> Iterator[Planned]:
    orders = _orders(plan.accounts, rng)
    texts = [(r, account) for r in range(n_rounds) for account in next(orders)]
    texts += [(n_rounds, stop)] if stop is not None else []
    begin = now
    for r, account in texts:
        start, end = awake(phone, begin)
        begin = start + GAP_MS
        last = kind(plan, place, r, phone.id in replies) if r < n_rounds else "stop"
        yield Planned(phone, account, r, "now", last, start, min(end, start + 2 * clock.HOUR_MS))


def _orders(accounts: Sequence[int], rng: random.Random) -> Iterator[list[int]]:
    """Orders of the accounts, round by round: Latin squares, one after the other."""
    n = len(accounts)
    while True:
        base = list(accounts)
        rng.shuffle(base)
        for turn in range(n):
            yield base[turn:] + base[:turn]


def kind(plan: Plan, place: int, r: int, replies: bool) -> str:
    """What a round carries: the kinds take turns, and each phone begins with another one."""
    if r == 0 and replies:
        return "reply"
    kinds = words.kinds(plan.functions)
    return kinds[(place + r) % len(kinds)]


def spans(plan: Plan, phone: Phone, now: int) -> Iterator[Span]:
    """The windows of a phone from now on: (key, from, until) in epoch ms."""
    first = clock.from_ms(now).astimezone(zones.zone_info(phone.zone)).date()
    if plan.start:
        first = max(first, date.fromisoformat(plan.start))
    keys = [key for key in plan.windows if key != "night" or phone.night]
    if not keys:
        return
    for n in range(_DAYS):
        midnight = datetime.combine(first + timedelta(days=n), time())
        for key in sorted(keys, key=lambda key: WINDOWS[key]):
            start, end = (zones.wall_to_ms(midnight + timedelta(minutes=m), phone.zone) for m in WINDOWS[key])
            start = max(start, now)
            if end - start >= _LEAST_MS:
                yield key, start, end


def awake(phone: Phone, at: int) -> tuple[int, int]:
    """The next span from `at` on in which a phone may be texted without asking: its day, or always."""
    if phone.night:
        return at, at + clock.DAY_MS
    day = clock.from_ms(at).astimezone(zones.zone_info(phone.zone)).date()
    for n in range(3):
        midnight = datetime.combine(day + timedelta(days=n), time())
        start, end = (zones.wall_to_ms(midnight + timedelta(minutes=m), phone.zone) for m in DAYTIME)
        if end > at:
            return max(start, at), end
    raise AssertionError("every day has a daytime")


def later(plan: Plan, phone: Phone, hours: str, now: int) -> tuple[int, int]:
    """Where a text goes whose time passed unsent: (due, until) in the next window of its kind."""
    if hours == "now":
        start, end = awake(phone, now)
        return start, min(end, start + 2 * clock.HOUR_MS)
    for key, start, end in spans(plan, phone, now):
        if key == hours:
            return start + (end - start) // 4, end
    raise AssertionError("every kind of hours comes again")


def store(trial_id: int, texts: Sequence[Planned], senders: dict[int, str], plan: Plan) -> None:
    """Write the texts with their words.  Inside `write_tx()`."""
    free = _free_nonces(len(texts))
    database.copy_rows(
        "trial_text",
        ("trial_id", "number_id", "account_id", "round", "hours", "kind", "nonce", "body", "sender", "due_at",
         "until_at", "state", "reason", "parts", "cost_micros", "seen", "seen_by", "seen_body", "seen_sender",
         "noted_by", "answer"),
        [
            (trial_id, t.phone.id, t.account_id, t.round, t.hours, t.kind, nonce,
             words.body(t.kind, nonce, plan.lang, plan.prefix), senders.get(t.account_id, ""), t.due_at, t.until_at,
             "waiting", "", 0, 0, "", "", "", "", "", "")
            for t, nonce in zip(texts, free, strict=True)
        ],
    )  # fmt: skip


def _free_nonces(n: int) -> list[str]:
    """So many words no text of any trial has."""
    found: dict[str, None] = {}
    while len(found) < n:
        tried = {handsets.new_nonce() for _one in range(min(500, math.ceil((n - len(found)) * 1.1)))}
        taken = {
            row[0]
            for row in database.query(
                f"SELECT nonce FROM trial_text WHERE nonce IN ({database.in_list(len(tried))})", tuple(tried)
            )
        }
        found |= dict.fromkeys(sorted(tried - taken))
    return list(found)[:n]

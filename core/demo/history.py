"""Six weeks of campaigns: each launched and expanded as ever under the clock of its day, its texts then told as sent."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from babel.dates import format_date

from core import clock, i18n
from core.db import database
from core.db.codes import Cls, State
from core.db.models import Campaign
from core.demo import clicks, replies, words, work
from core.demo.past import Past
from core.i18n import _, _l
from core.runtime import Runtime
from core.sending import drafts, expand, launch, lifecycle, prices, render
from core.sending.item import Item


@dataclass(frozen=True, slots=True)
class Plan:
    """One campaign of the past and how it went.

    `days` before the present at `hour` UTC, when people are awake wherever they are; `kept` aside in hundredths of a
    percent.  Shares of the delivered: `clicks` and `stops` for each text, `unsure` wrote what a person must read.
    """

    name: Any
    days: int
    hour: int
    segment: str
    templates: tuple[str, ...]
    kept: int = 500
    arrival: float = 0.95
    clicks: tuple[float, ...] = (0.14,)
    stops: tuple[float, ...] = (0.004,)
    unsure: float = 0.0016


_PAST = (
    Plan(_l("Season sale"), 40, 9, work.EVERYONE, (work.OFFER,), 1_000, 0.939, (0.127,), (0.006,)),
    Plan(_l("Skin care week"), 33, 10, work.BEAUTY, (work.NEWS,), 500, 0.951, (0.198,)),
    Plan(_l("We miss you"), 26, 11, work.SILENT, (work.OFFER,), 2_000, 0.912, (0.084,), (0.011,)),
    Plan(
        _l("Preview: two texts"), 18, 9, work.EVERYONE, (work.LAST_DAYS, work.FIRST_LOOK), 1_000, 0.944,
        (0.093, 0.158), (0.019, 0.003),
    ),
    Plan(_l("Member day"), 10, 10, work.EVERYONE, (work.OFFER,), 1_000, 0.956, (0.149,), (0.004,)),
    Plan(_l("Gold evening"), 5, 11, work.GOLD, (work.NEWS,), 1_000, 0.967, (0.231,), (0.002,), 0.008),
)  # fmt: skip
#: Birthday wishes of each week: days before the present.
_BIRTHDAYS = range(37, 0, -7)
_DRAFTED_H, _AFTER_H = 23, 10
#: Texts a second, and how long the way takes: most seconds, a few until the phone is on again.
_PACE, _SECONDS, _SPREAD, _LATE, _LATE_S = 18, 4.0, 0.8, 0.02, 1_500
#: Of those that do not arrive: the share without a receipt, and with each reason.
_SILENT, _REASONS = 0.2, ("absent", "absent", "absent", "ttl", "unknown")
_COLUMNS = (
    "id", "campaign_id", "contact_id", "dedupe", "variant", "cls", "state", "reason", "attempt", "not_before",
    "account_id", "parts", "cost_micros", "submitted_at", "final_at",
)  # fmt: skip
#: Counts the messages of a campaign that were written without the counters.
TALLY = """
INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h)
SELECT campaign_id, variant, account_id, COALESCE(submitted_at, 0) / 3600000, state, COUNT(*), SUM(parts), SUM(cost_micros),
  SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 300000 THEN 1 ELSE 0 END),
  SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 86400000 THEN 1 ELSE 0 END)
FROM message WHERE campaign_id = ? GROUP BY 1, 2, 3, 4, 5
"""


class History:
    """The campaigns of the past, each a row of deeds: drafted, launched, finished, answered."""

    def __init__(self, rt: Runtime, past: Past, account_id: int, chance: Callable[[str], random.Random]):
        self._rt, self._past, self._account, self._chance = rt, past, account_id, chance
        self._replies = replies.Replies(rt, past, account_id)
        self.count = 0

    def plan(self, segments: dict[str, int], templates: dict[str, int]) -> None:
        """Put all of them into the past."""
        weekly = [Plan("", days, 8, work.BIRTHDAYS, (work.BIRTHDAY,), 0, 0.948) for days in _BIRTHDAYS]
        for plan in (*_PAST, *weekly):
            day = clock.from_ms(self._past.now) - timedelta(days=plan.days)
            day = day.replace(hour=plan.hour, minute=plan.days % 4 * 15, second=0, microsecond=0)
            # In France nobody is texted on a Sunday.
            day -= timedelta(days=day.weekday() == 6)
            drafted = clock.to_ms(day) - _DRAFTED_H * clock.HOUR_MS
            self._past.at(drafted, partial(self._draft, plan, day, segments, templates))
            self.count += 1

    def _draft(self, plan: Plan, day: datetime, segments: dict[str, int], templates: dict[str, int]) -> None:
        name = str(plan.name) or _("Birthdays, week of %(day)s", day=_day(day))
        campaign_id = drafts.add(
            self._rt, name=name, who=words.who(), segment_id=segments[plan.segment], account_id=self._account,
            holdout_bp=plan.kept, options={"approve": "off"},
            templates=[(templates[key], 10_000 // len(plan.templates)) for key in plan.templates],
        )  # fmt: skip
        # A lot of its own would keep other people aside in each demo of the same seed.
        chance = self._chance(f"campaign {plan.days}")
        with database.write_tx():
            Campaign.update(salt=chance.getrandbits(drafts.SALT_BITS)).where(
                Campaign.id == campaign_id
            ).execute()
        self._past.at(clock.to_ms(day), self._launch, campaign_id, plan, chance)

    def _launch(self, campaign_id: int, plan: Plan, chance: random.Random) -> None:
        launch.launch(self._rt, campaign_id, words.who())
        expand.run(self._rt, campaign_id)
        last = self._send(campaign_id, plan.arrival, chance)
        self._past.at(last, lifecycle.finish, self._rt, campaign_id)
        self._past.at(last + _AFTER_H * clock.HOUR_MS, self._answered, campaign_id, plan, chance)

    def _answered(self, campaign_id: int, plan: Plan, chance: random.Random) -> None:
        self._replies.write(campaign_id, plan.stops, plan.unsure, chance)
        clicks.write(self._rt, campaign_id, plan.clicks, chance)

    def _send(self, campaign_id: int, arrival: float, chance: random.Random) -> int:
        """Tell the messages that wait as sent, with the words each person read; when the last one was."""
        at = clock.now_ms()
        rows = database.query(
            "SELECT m.id, m.contact_id, m.variant, m.not_before, p.country, p.language FROM message m "
            "JOIN profile p ON p.contact_id = m.contact_id WHERE m.campaign_id = ? AND m.state = ? ORDER BY m.id",
            (campaign_id, int(State.ready)),
        )
        items = [
            Item(id_, contact_id, variant, self._account, None, 1, None, country=country or "", language=lang or "")
            for id_, contact_id, variant, _not_before, country, lang in rows
        ]  # fmt: skip
        refused = {item.id: why for item, why in render.Words(self._rt, campaign_id).fill(items)}
        prices.Prices(self._account, Cls.mass, at).charge(items)
        sent, last = [], at
        for n, (item, row) in enumerate(zip(items, rows, strict=True)):
            before = (campaign_id, item.contact_id, 0, item.variant, int(Cls.mass))
            if item.id in refused:
                sent.append(
                    (item.id, *before, int(State.skipped), refused[item.id], 0, row[3], 0, 0, 0, None, None)
                )
                continue
            went = max(at + n * 1_000 // _PACE, row[3] or 0) + chance.randint(0, 400)
            state, reason, final = _fate(went, arrival, chance)
            sent.append(
                (item.id, *before, int(state), reason, 1, row[3], self._account, item.parts, item.cost_micros, went, final)
            )  # fmt: skip
            last = max(last, went)
        with database.write_tx():
            database.execute(
                "DELETE FROM message WHERE campaign_id = ? AND state = ?", (campaign_id, int(State.ready))
            )
            database.copy_rows("message", _COLUMNS, sent)
            own = [(item.id, item.text) for item in items if item.own_text and item.id not in refused]
            database.copy_rows("message_text", ("message_id", "body"), own)
            database.execute("DELETE FROM tally WHERE campaign_id = ?", (campaign_id,))
            database.execute(TALLY, (campaign_id,))
        return last


def _fate(went: int, arrival: float, chance: random.Random) -> tuple[State, str | None, int | None]:
    """(state, reason, when it became final) of a text that went out then."""
    if chance.random() < arrival:
        late = chance.random() < _LATE
        seconds = chance.expovariate(1 / _LATE_S) if late else chance.lognormvariate(0, _SPREAD) * _SECONDS
        return State.delivered, None, went + int(seconds * 1_000)
    if chance.random() < _SILENT:
        return State.accepted, None, None
    reason = chance.choice(_REASONS)
    state = State.expired if reason == "ttl" else State.undelivered
    return state, reason, went + int(chance.uniform(20, 400) * 1_000)


def _day(day: datetime) -> str:
    pattern = {"en": "d MMM", "zh_Hans": "M月d日"}[i18n.language()]
    return format_date(day.date(), pattern, locale=i18n.LOCALES[i18n.language()])

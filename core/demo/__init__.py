"""`cooee demo`: an empty instance becomes a shop worth looking at.

Customers come through the import, campaigns through drafts, launch and expand, replies through the inbox, all by
the ordinary ways and under the clock of their day; nothing leaves this machine.  Only what nobody can wait for is
written set-based: what became of the past's texts.  The same seed makes the same people.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from core import clock, i18n
from core.audience import numbers
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.models import Account
from core.demo import deeds, onetime, people, providers, records, traffic, trying, words, work
from core.demo.history import History
from core.demo.past import ZONE, Past
from core.runtime import Runtime
from core.sending import replyevents

#: Nights of which is known how many were in each segment, and how many there are from one look at labels to the next.
_NIGHTS, _LABELS_EACH = 44, 4
#: Minutes from one thing somebody writes to the next.
_WRITING_MIN = 11
_ALARM_DAYS = 6


def run(
    rt: Runtime, *, contacts: int, seed: int, language: str = "en", say: Callable[[str], Any] = print
) -> dict[str, int]:
    """Fill the instance; returns counts.  Raises `Refusal` unless it holds no contact and no campaign.

    1. The past, day by day: accounts, customers who come with three files and what they did, papers, a trial,
       routes, labels, segments, templates, campaigns with their replies and clicks.
    2. Sixteen days of notices through all accounts, with a drop; one-time codes; calls, a bill.
    3. One campaign really sent, one launched that workers go on sending; others drafted, asked for, planned.

    `language` is that of all names; what people read is in their own.
    """
    if database.scalar("SELECT 1 FROM contact LIMIT 1") or database.scalar("SELECT 1 FROM campaign LIMIT 1"):
        raise Refusal(
            "This instance holds data already, be it of a demo that was stopped; `cooee demo` fills empty ones only: "
            "make a new one with `cooee --instance FOLDER init`, then `cooee --instance FOLDER demo`."
        )
    with i18n.use(language), tempfile.TemporaryDirectory(prefix="cooee-demo-") as folder:
        demo = _Demo(rt, Path(folder), contacts, seed)
        say(f"Importing {contacts:,} customers and writing half a year …")
        demo.live()
        say("Writing sixteen days of notices and codes …")
        notices, codes = demo.texts()
        say("Sending one campaign through the simulator …")
        sent, running = demo.today()
    return {
        "contacts": demo.arrivals.created,
        "events": demo.deeds.written,
        "campaigns": demo.history.count + 2,
        "notices": notices,
        "codes": codes,
        "sent": sent,
        "running": running,
    }


class _Demo:
    """The parts of a demo and what they share: accounts, segments and templates by their keys."""

    def __init__(self, rt: Runtime, folder: Path, contacts: int, seed: int):
        self.rt, self._seed, self.past = rt, seed, Past()
        self.arrivals = people.Arrivals(rt, folder, contacts, self._chance("people"))
        self.deeds = deeds.Deeds(rt, self._chance("deeds"))
        self.history: History
        self.by: dict[str, Account] = {}
        self.segment: dict[str, int] = {}
        self.template: dict[str, int] = {}
        self._routes: dict[str, int] = {}
        self._unlaunched: list[int] = []

    def _chance(self, part: str) -> random.Random:
        # One of its own each: how many draws a part takes depends on the hour it is run at.
        return random.Random(f"{self._seed}:{part}")  # noqa: S311

    def live(self) -> None:
        """The past until now."""
        past, today = self.past, clock.now().date()
        past.on(max(people.FILES), "9:05", self._open)
        for days, (at, *_file) in people.FILES.items():
            past.on(days, at, self._customers, days)
        past.on(62, "10:15", self._company, providers.WORLD, today)
        past.on(61, "14:05", self._company, providers.RESELLER, today)
        past.on(61, "16:40", self._company, providers.DIRECT, today)
        past.on(60, "9:30", self._trial)
        past.on(53, "10:20", self._route)
        past.on(47, "9:15", self._market)
        for night in range(_NIGHTS, -1, -1):
            past.on(night, "3:10", self._night, night % _LABELS_EACH == 0)
        past.on(1, "16:25", self._ahead)
        past.play()
        self.deeds.upto_now()
        replyevents.record(self.rt)

    def _open(self) -> None:
        self.by = providers.add(self.rt, self._seed)
        self.history = History(self.rt, self.past, self.by[providers.MAIN].id, self._chance)
        settings.put("brand", words.shop())
        settings.put("zone", ZONE)
        deeds.stock(self.rt)

    def _customers(self, days: int) -> None:
        new = self.arrivals.come(days)
        numbers.fill(self.rt)
        self.deeds.learn(new, self.past.now)

    def _company(self, key: str, today: date) -> None:
        dossier_id = trying.papers(self.rt, self.by[key], key, today)
        for days, at in trying.JUDGED_ON.get(key, ()):
            self.past.on(days, at, trying.judge_papers, dossier_id, key, today)

    def _trial(self) -> None:
        trial_id = trying.trial(self.rt, self.by, self._chance("trial"))
        self.past.on(54, "16:50", trying.judge, trial_id, self.by)

    def _route(self) -> None:
        self._routes = providers.route(self.rt, self.by)
        onetime.allow()

    def _market(self) -> None:
        """Rules of labels, then one segment and one template after the other, and campaigns from then on."""
        self.deeds.upto_now()
        label = work.label_rules(self.rt)
        written = clock.now_ms()
        for key in work.SEGMENTS:
            written += _WRITING_MIN * clock.MINUTE_MS
            self.past.at(written, self._segment, key, label)
        for key in work.TEMPLATES:
            written += _WRITING_MIN * clock.MINUTE_MS
            self.past.at(written, self._template, key)
        self.past.on(24, "15:10", work.reworded, self.rt, self.template)
        self.history.plan(self.segment, self.template)

    def _segment(self, key: str, label: dict[str, str]) -> None:
        self.segment[key] = work.segment(self.rt, key, label)

    def _template(self, key: str) -> None:
        self.template[key] = work.template(self.rt, key)

    def _night(self, labels: bool) -> None:
        self.deeds.upto_now()
        work.night(self.rt, labels=labels)

    def _ahead(self) -> None:
        tomorrow = self.past.moment(-1, "17:30")
        self._unlaunched = work.ahead(self.rt, self.by[providers.MAIN], self.segment, self.template, tomorrow)

    def texts(self) -> tuple[int, int]:
        """What went through the accounts, and what was found out about them; (notices, codes)."""
        rt, by = self.rt, self.by
        notices = traffic.write(rt, by, self._routes, self._chance("traffic"))
        with clock.earlier(_ALARM_DAYS * clock.DAY_MS):
            traffic.old_alarm(by)
        with clock.earlier(clock.now_ms() - self.past.moment(3, "10:40")):
            records.bill(rt, by, self._chance("bill"))
        records.log(by, self._chance("calls"))
        codes = onetime.write(rt, by, self._chance("codes"))
        people.texted()
        traffic.notice(rt)
        return notices, codes

    def today(self) -> tuple[int, int]:
        """(the campaign that is sent, the one that runs)."""
        rt, main = self.rt, self.by[providers.MAIN]
        work.recount(rt)
        sent = work.sent_campaign(rt, main, self.segment[work.GOLD], self.template[work.OFFER])
        running = work.running_campaign(rt, main, self.segment[work.EVERYONE], self.template[work.NEWS])
        work.check(rt, self._unlaunched)
        traffic.count()
        providers.balance(self.by, self._chance("balance"))
        return sent, running

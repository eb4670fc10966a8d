"""`cooee demo`: an empty instance becomes a shop worth looking at.

Customers come through the import, campaigns through launch, expand and send, all by the ordinary ways and on
the simulator: nothing leaves this machine.  Only the past (campaigns of the last weeks) is written set-based,
because nobody can wait for it.  The same seed makes the same people.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import clock
from core.audience import numbers
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.models import Account
from core.demo import deeds, history, onetime, people, providers, records, traffic, trying, work
from core.runtime import Runtime


def run(rt: Runtime, *, contacts: int, seed: int, say: Callable[[str], Any] = print) -> dict[str, int]:
    """Fill the instance; returns counts.  Raises `Refusal` unless it holds no contact and no campaign.

    1. Accounts on the simulator with prices, rules, senders and balances.
    2. Customers as a CSV file, imported with their consent; what they did in half a year; labels by rule.
    3. Segments and templates, in English and Chinese.
    4. Campaigns of the last six weeks, written as they would have gone.
    5. Sixteen days of notices through all accounts, with a drop; one-time codes; calls, a bill, a trial,
       papers.
    6. One campaign really sent, one launched that workers go on sending.
    """
    if database.scalar("SELECT 1 FROM contact LIMIT 1") or database.scalar("SELECT 1 FROM campaign LIMIT 1"):
        raise Refusal("This instance holds data already; `cooee demo` fills empty ones only.")
    chance = random.Random(seed)  # noqa: S311
    by = providers.add(rt, seed)
    account = by[providers.MAIN]
    settings.put("brand", work.SHOP["en"])
    settings.put("zone", "Asia/Shanghai")
    with tempfile.TemporaryDirectory(prefix="cooee-demo-") as folder:
        file = Path(folder) / "customers.csv"
        people.write_csv(file, contacts, chance)
        say(f"Importing {contacts:,} customers …")
        with clock.earlier((deeds.DAYS + 10) * clock.DAY_MS):
            imported = people.take_in(rt, file)
    numbers.fill(rt)
    say("Writing what they did in half a year …")
    done = deeds.write(rt, chance)
    work.label_rules(rt)
    segments, templates = work.segments(rt), work.templates(rt)
    say("Writing six weeks of campaigns …")
    past = history.write(rt, account.id, segments, templates, chance)
    say("Writing sixteen days of notices and codes …")
    notices, codes = _through_providers(rt, by, seed)
    people.texted()
    say("Sending one campaign through the simulator …")
    sent = work.sent_campaign(rt, account, segments["Gold customers"], templates["Weekend offer"])
    running = work.running_campaign(rt, account, segments["Everyone who agreed"], templates["New arrivals"])
    traffic.notice(rt, by)
    return {
        "contacts": imported["created"],
        "events": done,
        "campaigns": past + 2,
        "notices": notices,
        "codes": codes,
        "sent": sent,
        "running": running,
    }


def _through_providers(rt: Runtime, by: dict[str, Account], seed: int) -> tuple[int, int]:
    """What went through the accounts, and what was found out about them; (notices, codes)."""

    def drawn(part: str) -> random.Random:
        # One of its own each: how many draws a part takes depends on the hour it is run at.
        return random.Random(f"{seed}:{part}")  # noqa: S311

    notices = traffic.write(rt, by, providers.route(rt, by), drawn("traffic"))
    providers.balance(by, drawn("balance"))
    records.log(by, drawn("calls"))
    records.bill(rt, by, drawn("bill"))
    codes = onetime.write(rt, by, drawn("codes"))
    trying.trial(rt, by, drawn("trial"))
    trying.papers(rt, by)
    return notices, codes

"""Pages of a full instance: contacts list, a contact, a campaign, the overview; server time of one request.

`n` contacts and twice as many messages in two finished campaigns.  The baseline is the smallest page of the
same application (/health/live), so that the figure says what the page itself costs.
"""

from __future__ import annotations

import re
import secrets
import statistics
import time

from core import clock
from core.bench import clocked, figures, throwaway
from core.bench.population import people
from core.db import database
from core.db.codes import Cls, EventType, State
from core.db.models import Campaign, Segment
from core.runtime import Runtime
from core.sending import accounts

_ROUNDS = 9
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


def run(n: int) -> dict:
    """Build the instance, sign in, ask for each page `_ROUNDS` times; milliseconds are medians."""
    with throwaway() as rt:
        with clocked() as building:
            people(rt, n)
            account = accounts.create(rt, "bench", "simulator", {}).id
            campaigns = [_campaign(n, k, account) for k in range(2)]
        client = _signed_in(rt)
        with clocked() as took:
            paths = {
                "overview": "/",
                "overview people": "/overview/people",
                "contacts": "/contacts",
                "contacts by name": "/contacts?q=Person+12",
                "contact": f"/contacts/{n // 2}",
                "campaigns": "/campaigns",
                "campaign": f"/campaigns/{campaigns[0]}",
                "campaign result": f"/campaigns/{campaigns[0]}/result",
                "messages": "/messages",
                "providers": "/providers",
                "provider": f"/providers/{account}",
            }
            pages = {name: _median_ms(client, path) for name, path in paths.items()}
            bare = _median_ms(client, "/health/live")
        slowest = max(pages.values())
        return figures(
            "pages", _ROUNDS * len(paths), took, {"health_ms": bare}, slowest / bare,
            contacts=n, messages=2 * n, build_seconds=round(building.seconds, 1), median_ms=pages, slowest_ms=slowest,
        )  # fmt: skip


def _median_ms(client, path: str) -> float:
    times = []
    for _round in range(_ROUNDS):
        started = time.perf_counter()
        answer = client.get(path)
        times.append(time.perf_counter() - started)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
    return round(statistics.median(times) * 1000, 2)


def _signed_in(rt: Runtime):
    from core.security import users
    from core.web.application import make_app

    password = secrets.token_urlsafe(16)
    users.add("bench", "bench@shop.example", "admin", password)
    client = make_app(rt).test_client()
    token = _TOKEN.search(client.get("/login").get_data(as_text=True)).group(1)
    client.post("/login", data={"email": "bench@shop.example", "password": password, "csrf_token": token})
    return client


def _campaign(n: int, k: int, account_id: int) -> int:
    """A finished campaign with one message a contact: 88 % delivered, 4 % undelivered, 3 % skipped, 5 % kept aside; one
    contact in fifty bought since."""
    at = clock.now_ms() - (k + 8) * clock.DAY_MS
    segment, _new = Segment.get_or_create(
        name="everyone", defaults={"rule": '{"all": []}', "created_at": at, "updated_at": at}
    )
    campaign = Campaign.create(
        name=f"Campaign {k}", cls=Cls.mass, state="done", segment_id=segment.id, account_id=account_id, audience=n,
        cursor_end=n, cursor=n, created_at=at, launched_at=at, started_at=at, finished_at=at + clock.HOUR_MS,
        rule='{"all": []}', currency="CNY", holdout_bp=500,
    )  # fmt: skip
    base, s = at << 20, State
    with database.write_tx():
        database.execute(
            "INSERT INTO message (id, campaign_id, contact_id, cls, state, reason, attempt, account_id, parts, "
            "cost_micros, submitted_at, final_at) "
            "SELECT ? + contact_id, ?, contact_id, ?, "
            f"CASE WHEN contact_id % 100 < 88 THEN {s.delivered} WHEN contact_id % 100 < 92 THEN {s.undelivered} "
            f"WHEN contact_id % 100 < 95 THEN {s.skipped} ELSE {s.holdout} END, "
            "CASE WHEN contact_id % 100 < 88 OR contact_id % 100 >= 95 THEN NULL WHEN contact_id % 100 < 92 "
            "THEN 'absent' ELSE 'no_consent' END, 1, ?, 1, 45000, "
            "CASE WHEN contact_id % 100 < 92 THEN ? + contact_id END, "
            "CASE WHEN contact_id % 100 < 92 THEN ? + contact_id END FROM profile",
            (base, campaign.id, Cls.mass, account_id, at, at),
        )
        _purchases(at + clock.HOUR_MS)
        database.execute(
            "INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h) "
            "SELECT campaign_id, variant, account_id, COALESCE(submitted_at, 0) / 3600000, state, COUNT(*), SUM(parts), "
            "SUM(cost_micros), SUM(CASE WHEN state = 4 THEN 1 ELSE 0 END), SUM(CASE WHEN state = 4 THEN 1 ELSE 0 END) "
            "FROM message WHERE campaign_id = ? GROUP BY 1, 2, 3, 4, 5",
            (campaign.id,),
        )
    return campaign.id


def _purchases(at: int) -> None:
    """One contact in fifty buys at this time."""
    purchase, some = EventType.purchase.value, "FROM profile WHERE contact_id % 50 = 7"
    database.execute(
        'INSERT INTO event (contact_id, key_hash, "type", "at", amount_micros) '
        f"SELECT contact_id, contact_id * 7 + ?, {purchase}, ?, 50000000 {some}",
        (at, at),
    )
    database.execute(
        'INSERT INTO event_stat ("type", contact_id, n, sum_micros, first_at, at1) '
        f"SELECT {purchase}, contact_id, 1, 50000000, ?, ? {some} "
        'ON CONFLICT ("type", contact_id) DO UPDATE SET n = event_stat.n + 1',
        (at, at),
    )

"""Six weeks of campaigns as they would have gone, so that charts, reports and timelines have a past."""

from __future__ import annotations

import random
from datetime import timedelta

from core import clock
from core.audience import consent
from core.db import database
from core.db.codes import Cls, State
from core.db.models import Campaign
from core.demo import clicks
from core.runtime import Runtime
from core.sending import log, render
from core.sending.item import Item
from core.sending.links import build

#: (name, days ago, hour UTC, template, segment, share of the segment)
_PAST = (
    ("Autumn sale", 40, 2, "Weekend offer", "Everyone who agreed", 80),
    ("Skin care week", 33, 8, "New arrivals", "Shanghai or Hangzhou, likes skin care", 12),
    ("We miss you", 26, 12, "Weekend offer", "Good customers who went silent", 18),
    ("Singles' Day", 10, 2, "Weekend offer", "Everyone who agreed", 90),
    ("Gold evening", 5, 11, "New arrivals", "Gold customers", 17),
)
_BIRTHDAYS = 30
_CHUNK = 10_000

_MESSAGES = """
INSERT INTO message (id, campaign_id, contact_id, cls, state, reason, attempt, account_id, parts, cost_micros,
                     submitted_at, final_at)
SELECT ? + id, ?, id, ?,
  CASE WHEN draw < 94 THEN {delivered} WHEN draw < 97 THEN {undelivered} WHEN draw < 98 THEN {expired} ELSE {accepted} END,
  CASE WHEN draw < 94 OR draw > 97 THEN NULL WHEN draw < 97 THEN 'absent' ELSE 'ttl' END,
  1, ?, 1, 45000, ? + id % 900 * 1000,
  CASE WHEN draw < 98 THEN ? + id % 900 * 1000 + (id * 104729) % 400 * 1000 END
FROM (SELECT p.contact_id AS id, (p.contact_id * 7919 + ?) % 9973 % 100 AS draw FROM profile p
      WHERE (p.consent_bits & {bit}) <> 0 AND (p.blocked_bits & {bit}) = 0 AND (p.contact_id * 131 + ?) % 100 < ?) drawn
"""
#: Counts the messages of a campaign that were written without the counters.
TALLY = """
INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h)
SELECT campaign_id, variant, account_id, submitted_at / 3600000, state, COUNT(*), SUM(parts), SUM(cost_micros),
  SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 300000 THEN 1 ELSE 0 END),
  SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 86400000 THEN 1 ELSE 0 END)
FROM message WHERE campaign_id = ? GROUP BY 1, 2, 3, 4, 5
"""


def write(
    rt: Runtime, account_id: int, segments: dict[str, int], templates: dict[str, int], chance: random.Random
) -> int:
    """Write the past; returns how many campaigns it has."""
    for name, days, hour, template, segment, share in _PAST:
        at = clock.now().replace(hour=hour, minute=0, second=0, microsecond=0) - timedelta(days=days)
        _one(rt, name, at, account_id, segments[segment], templates[template], share, chance)
    for days in range(_BIRTHDAYS, 0, -3):
        at = clock.now().replace(hour=9, minute=30, second=0, microsecond=0) - timedelta(days=days)
        everyone, birthday = segments["Everyone who agreed"], templates["Birthday"]
        _one(rt, f"Birthdays {at:%d %b}", at, account_id, everyone, birthday, 7, chance)
    return len(_PAST) + _BIRTHDAYS // 3


def _one(rt, name, started, account_id, segment_id, template_id, share, chance) -> None:
    at = clock.to_ms(started)
    k = chance.randint(1, 1_000_000)
    campaign_id = Campaign.insert(
        {
            "name": name, "cls": int(Cls.mass), "state": "done", "segment_id": segment_id, "account_id": account_id,
            "rule": '{"all": []}', "created_by": "demo", "created_at": at - clock.DAY_MS, "launched_at": at,
            "started_at": at, "finished_at": at + clock.HOUR_MS, "currency": "CNY", "salt": k,
        }
    ).execute()  # fmt: skip
    statement = _MESSAGES.format(
        delivered=State.delivered.value, undelivered=State.undelivered.value, expired=State.expired.value,
        accepted=State.accepted.value, bit=Cls.mass.bit,
    )  # fmt: skip
    with database.write_tx():
        database.execute(statement, (at << 20, campaign_id, Cls.mass.value, account_id, at, at, k, k, share))
        database.execute(TALLY, (campaign_id,))
        database.execute(
            "INSERT INTO variant (campaign_id, idx, template_id, weight) VALUES (?, 0, ?, 10000)",
            (campaign_id, template_id),
        )
        _texts(rt, campaign_id, template_id, at)
        _words(rt, campaign_id)
        audience = database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ?", (campaign_id,))
        last = database.scalar("SELECT MAX(contact_id) FROM profile")
        Campaign.update(audience=audience, cursor=last, cursor_end=last).where(
            Campaign.id == campaign_id
        ).execute()
        log.write(campaign_id, "demo", "launched", str(audience))
        _optouts(rt, campaign_id, at, chance)
    clicks.write(rt, campaign_id, chance)


def _texts(rt: Runtime, campaign_id: int, template_id: int, at: int) -> None:
    """Freeze the words with their links, as a launch does."""
    rows = database.query(
        "SELECT lang, body, version FROM template_text WHERE template_id = ?", (template_id,)
    )
    texts = {0: {lang: (body, version) for lang, body, version in rows}}
    marked = build.freeze(rt, Campaign.get_by_id(campaign_id), texts, at)
    database.executemany(
        "INSERT INTO variant_text (campaign_id, idx, lang, body, template_version) VALUES (?, 0, ?, ?, ?)",
        [(campaign_id, lang, marked[0, lang], version) for lang, _body, version in rows],
    )


def _words(rt: Runtime, campaign_id: int) -> None:
    """Keep what each person read with the message, as sending does."""
    words, last = render.Words(rt, campaign_id), 0
    while rows := database.query(
        "SELECT m.id, m.contact_id, p.country, p.language FROM message m "
        "JOIN profile p ON p.contact_id = m.contact_id WHERE m.campaign_id = ? AND m.id > ? ORDER BY m.id LIMIT ?",
        (campaign_id, last, _CHUNK),
    ):
        items = [
            Item(id, contact_id, 0, 0, None, 1, None, country=country or "", language=language or "")
            for id, contact_id, country, language in rows
        ]
        words.fill(items)
        own = [(item.id, item.text) for item in items if item.own_text]
        database.copy_rows("message_text", ("message_id", "body"), own)
        last = rows[-1][0]


def _optouts(rt: Runtime, campaign_id: int, at: int, chance: random.Random) -> None:
    """About four people in a thousand say stop within a day."""
    rows = database.query(
        "SELECT c.id, c.phone_bidx FROM message m JOIN contact c ON c.id = m.contact_id "
        "WHERE m.campaign_id = ? AND m.state = ? AND (m.contact_id * 193 + ?) % 997 < 4",
        (campaign_id, State.delivered.value, campaign_id),
    )
    consent.record(
        rt,
        [
            consent.Event(
                contact_id=contact_id, phone_bidx=bytes(bidx), cls=Cls.mass, action="opt_out", source="keyword",
                evidence={"text": "STOP"}, who="contact", at=at + chance.randint(900, 80_000) * 1000,
            )
            for contact_id, bidx in rows
        ],
    )  # fmt: skip

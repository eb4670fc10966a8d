"""The limits hold: for a number, a prefix, an address, in all; runs of neighbours and unused codes are blocked.

COOEE_SOAK=1 asks 2,000 times from eight processes instead of 800 times from four.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter

import pytest

from core import mail
from core.contract.errors import Refusal
from core.db import database
from core.security import users
from core.sending.otp import alarms, codes, guard, rules, service, stats
from tests.otp_kit import APP, Phone, ask, later, opened
from tests.servers import ROOT

SOAK = os.environ.get("COOEE_SOAK", "") == "1"
PROCESSES, EACH = (8, 250) if SOAK else (4, 200)


def refused(rt, *args, **wish) -> guard.Limited:
    with pytest.raises(guard.Limited) as caught:
        ask(rt, *args, **wish)
    assert caught.value.status == 429 and caught.value.wait_s >= 1
    return caught.value


def test_a_number_gets_one_code_a_minute(rt):
    Phone(rt)
    ask(rt)
    assert 59 <= refused(rt).wait_s <= 60
    later(59)
    assert refused(rt).reason == "gap"
    later(1)
    assert ask(rt)


def test_a_number_gets_five_codes_an_hour_and_ten_a_day_from_all_apps_together(rt):
    opened(number_hour=5, number_day=10)
    Phone(rt)
    for n in range(5):
        ask(rt, app=f"api:{n}")
        later(11)
    limited = refused(rt, app="api:9")
    assert limited.reason == "number_hour" and 3500 < limited.wait_s <= 3600 - 55
    later(3600)
    for _n in range(5):
        ask(rt)
        later(11)
    limited = refused(rt)
    assert limited.reason == "number_day" and limited.wait_s > 80_000


def test_codes_nobody_uses_are_not_sent_again_and_again(rt):
    opened(resends=2)
    phone = Phone(rt)
    for _n in range(3):
        ask(rt)
        later(11)
    assert refused(rt).reason == "resends"
    sent = ask(rt, "+8613800138001")
    service.verify(rt, APP, sent.id, phone.code())
    later(3700)
    assert ask(rt)


def test_a_used_code_ends_the_series(rt):
    opened(resends=1)
    phone = Phone(rt)
    ask(rt)
    later(11)
    sent = ask(rt)
    assert service.verify(rt, APP, sent.id, phone.code()).verified
    later(11)
    assert ask(rt)


def test_a_prefix_and_an_address_have_limits(rt):
    opened(prefix_hour=3, ip_hour=2)
    Phone(rt)
    ask(rt, "+8613800138000", ip="2001:db8::1")
    ask(rt, "+8613800138100", ip="2001:db8::ffff:2")
    limited = refused(rt, "+8615912345678", ip="2001:db8::3")
    assert (limited.reason, limited.field) == ("ip_hour", "ip")
    ask(rt, "+8613800138200", ip="::ffff:203.0.113.7")
    assert refused(rt, "+8613800138300", ip="203.0.113.7").reason == "prefix_hour"
    # A refusal counts nothing: the address still has one left.
    assert ask(rt, "+8615912345678", ip="203.0.113.7")


def test_there_is_a_limit_for_all_together(rt):
    opened(minute=2, hour=3)
    Phone(rt)
    ask(rt, "+8613800138000")
    ask(rt, "+8613800139000")
    assert refused(rt, "+8613800131000").reason == "minute"
    later(61)
    ask(rt, "+8613800131000")
    assert refused(rt, "+8613800132000").reason == "hour"


def test_neighbouring_numbers_are_a_run_and_block_their_prefix(rt):
    opened(adjacent=4)
    Phone(rt)
    base = 8613800138050  # a block of 64 ends between these
    for step in (0, 14, 20):
        ask(rt, f"+{base + step}")
    assert ask(rt, f"+{base + 500}")
    assert refused(rt, f"+{base + 2}").reason == "adjacent"
    # The whole prefix is blocked now, for hours; others are not.
    limited = refused(rt, "+8613800999000")
    assert limited.reason == "adjacent" and limited.wait_s > 20_000
    assert ask(rt, "+8615912345678")
    [(prefix, country, reason, _at, _until)] = guard.blocked()
    assert (prefix, country, reason) == ("8613800", "CN", "adjacent")
    guard.allow("8613800", "ann")
    assert guard.blocked() == [] and ask(rt, "+8613800999000")
    with pytest.raises(Refusal, match="not blocked"):
        guard.allow("8613800", "ann")


def test_a_number_that_asks_again_is_no_run(rt):
    opened(adjacent=2)
    Phone(rt)
    ask(rt)
    later(11)
    assert ask(rt)


def test_a_prefix_whose_codes_nobody_uses_is_blocked(rt):
    opened(ratio_percent=30, ratio_min=10, adjacent=0)
    phone = Phone(rt)
    for n in range(10):
        sent = ask(rt, f"+86138001380{n}0")
        if n < 2:
            assert service.verify(rt, APP, sent.id, phone.code()).verified
    assert ask(rt, "+8613800131111"), "codes that may still be used say nothing"
    later(301)
    assert refused(rt, "+8613800132222").reason == "ratio"
    assert stats.prefixes()[0][:4] == ("8613800", "CN", 11, 2)
    guard.allow("8613800", "ann")
    assert ask(rt, "+8613800132222"), "what was before does not count any more"


def test_only_countries_and_kinds_of_numbers_that_are_allowed(rt_sqlite):
    opened(countries=["US", "GB"])
    Phone(rt_sqlite)
    assert ask(rt_sqlite, "+14155552671").to.startswith("+1")
    for number in ("+8613800138000", "+449098790000", "+18005551234", "+442079460000"):
        with pytest.raises(Refusal) as caught:
            ask(rt_sqlite, number)
        assert caught.value.field == "to" and caught.value.status == 422
    # A fixed line hears a call.
    assert ask(rt_sqlite, "+442079460000", channel="voice")


def test_alarms_are_raised_once_written_down_and_mailed(rt, monkeypatch, caplog):
    mailed = []
    monkeypatch.setattr(mail, "configured", lambda rt: True)
    monkeypatch.setattr(mail, "send_later", lambda rt, to, subject, text: mailed.append((to, subject)))
    users.add("test", "ann@example.com", "admin")
    users.add("test", "bob@example.com", "viewer")
    opened(alarm_hour=3, adjacent=4)
    Phone(rt)
    for n in range(3):
        ask(rt, f"+86138001380{n}0")
    alarms.watch(rt)
    alarms.watch(rt)
    assert [row[1] for row in alarms.unseen()] == ["volume"]
    for n in range(4):
        try:
            ask(rt, f"+8615912345{n:03}")
        except guard.Limited:
            continue
    assert [row[1:3] for row in alarms.unseen()] == [("adjacent", "8615912"), ("volume", "")]
    assert [to for to, _subject in mailed] == ["ann@example.com"] * 2 and "+8615912" in mailed[1][1]
    assert "alarm volume" in caplog.text
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'otp.alarm'") == 2
    assert alarms.seen("ann") == 2 and alarms.unseen() == []


def test_few_arrivals_and_a_sudden_growth_are_alarms(rt):
    opened(alarm_success=80, alarm_growth=50)
    Phone(rt)
    for n in range(60):
        ask(rt, f"+86138{n:02}138000")
    later(3700)
    for n in range(95):
        ask(rt, f"+86139{n:02}138000")
    with database.write_tx():
        database.execute("UPDATE message SET state = 1 WHERE id IN (SELECT message_id FROM otp)")
        database.execute("UPDATE message SET state = 2 WHERE id IN (SELECT message_id FROM otp)")
        database.execute("UPDATE message SET state = 5 WHERE id IN (SELECT message_id FROM otp)")
    later(310)
    alarms.watch(rt)
    assert {row[1] for row in alarms.unseen()} == {"growth", "success"}


def test_the_limits_hold_over_many_processes(instance, rt, capsys):
    limits = rules.save(
        {"prefix_hour": 12, "ip_hour": 5, "minute": 0, "hour": 110, "adjacent": 8, "ratio_percent": 0}
    )
    Phone(rt)
    with database.write_tx():
        database.execute("UPDATE account SET provider = 'null'")
    env = os.environ | instance
    flood = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.otp_flood", str(seed), str(EACH)], cwd=ROOT, env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for seed in range(PROCESSES)
    ]  # fmt: skip
    for process in flood:
        assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    for process in flood:
        process.stdin.write("go\n")
        process.stdin.flush()
    told: Counter[str] = Counter()
    for process in flood:
        said, _none = process.communicate(timeout=300)
        assert process.returncode == 0
        told.update(json.loads(said))
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{told.total()} requests, {PROCESSES} processes, {took:.1f} s: {dict(told)}")
    assert told.total() == PROCESSES * EACH
    assert set(told) <= {"sent", "gap", "prefix_hour", "ip_hour", "hour", "adjacent"}
    stored = database.query("SELECT phone_bidx, prefix FROM otp")
    assert told["sent"] == len(stored) == database.scalar("SELECT COUNT(*) FROM message")
    assert max(Counter(bytes(number) for number, _prefix in stored).values()) == 1
    by_prefix = Counter(prefix for _number, prefix in stored)
    run = by_prefix.pop("8613935")
    assert run < limits.adjacent, "21 neighbours are all within 20 of each other"
    assert max(by_prefix.values()) <= limits.prefix_hour
    counted = dict(database.query("SELECT key, n FROM otp_bucket WHERE kind = 'ip_hour'"))
    assert counted and max(counted.values()) <= limits.ip_hour
    by_address = codes.key_of(rt.keys, "ip_hour", "198.51.100.1")
    assert by_address in {bytes(key) for key in counted}
    # Asked often enough to reach a limit, and not one beyond it.
    assert told["sent"] == limits.hour
    assert sum(row[0] for row in database.query("SELECT n FROM otp_refused")) == told.total() - told["sent"]


def test_the_page_of_figures_counts_what_happened(rt):
    opened(prefix_hour=2)
    phone = Phone(rt)
    sent = ask(rt, "+8613800138000")
    service.verify(rt, APP, sent.id, phone.code())
    ask(rt, "+8613800139000")
    refused(rt, "+8613800131000")
    assert stats.totals() == {"sent": 2, "verified": 1, "refused": 1, "calls": 0}
    assert stats.countries() == [("CN", 2, 1, 1)]
    assert stats.refusals() == [("prefix_hour", 1)]

"""What the house says about a class holds on the way to the wire: hours, caps, price, accounts, words, consent."""

from __future__ import annotations

import threading

import pytest

from core import clock
from core.content import drafts
from core.contract.errors import Refusal
from core.db import classes, database, settings
from core.db.codes import Cls
from core.sending import accounts, batch, direct, leases, urgent
from core.sending.otp import calling
from core.timing import hours
from tests import campaign_kit as kit
from tests.otp_kit import Phone, ask, opened
from tests.send_kit import Tape, due_now, rows, send_all, setup, states, whole


def test_rules_nobody_changed_are_those_of_the_law(rt_sqlite):
    assert classes.of("otp") == classes.Rules(lane=0, latest_s=300)
    assert [classes.of(cls).consent for cls in Cls] == [False, False, True, True]
    assert classes.ahead_of(Cls.mass) == [0, 1] and classes.ahead_of(Cls.otp) == []
    assert classes.in_order()[:2] == [Cls.otp, Cls.notice]
    assert classes.allowed_accounts(Cls.mass) is None


def test_a_change_is_kept_audited_and_seen_at_once(rt):
    account = kit.account(rt)
    changed = classes.save(
        "notice", {"cap_day": 2, "accounts": [account], "second_after_s": 60, "hours": [480, 1200]}, "ann"
    )
    assert classes.of("notice") == changed and changed.accounts == {account} and changed.hours == (480, 1200)
    assert settings.get("class:notice") == {
        "cap_day": 2, "accounts": [account], "second_after_s": 60, "hours": [480, 1200],
    }  # fmt: skip
    assert database.one("SELECT who, object FROM audit WHERE action = 'class.edit'") == (
        "ann",
        "class:notice",
    )
    assert classes.save("notice", {"cap_day": None, "accounts": None, "second_after_s": None, "hours": None})
    assert settings.get("class:notice") == {}


@pytest.mark.parametrize(
    ("cls", "changes", "field"),
    [
        ("mass", {"consent": False}, "consent"), ("voice", {"consent": False}, "consent"),
        ("mass", {"second_after_s": 60}, "second_after_s"), ("otp", {"lane": 2}, "lane"),
        ("mass", {"lane": 0}, "lane"), ("otp", {"hours": [1200, 480]}, "hours"), ("otp", {"cap_day": 0}, "cap_day"),
        ("otp", {"latest_s": None}, "latest_s"), ("otp", {"accounts": [99]}, "accounts"),
        ("otp", {"accounts": []}, "accounts"), ("otp", {"must": [""]}, "must"), ("otp", {"words_for": "DE"}, "words_for"),
        ("otp", {"cap": 3}, "cap"), ("otp", {"no_link": "yes"}, "no_link"), ("otp", {"cap_week": True}, "cap_week"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(rt_sqlite, cls, changes, field):
    with pytest.raises(Refusal) as refused:
        classes.save(cls, changes)
    assert refused.value.field == field and settings.get(f"class:{cls}") is None


def test_hours_of_a_class_narrow_those_of_the_law(rt_sqlite):
    at_nine = clock.to_ms(clock.from_ms(1_794_880_800_000).replace(hour=1, minute=0))  # 09:00 in Shanghai
    assert "CN" not in hours.forbidden_now(rt_sqlite, Cls.mass, at_nine)
    classes.save("mass", {"hours": [600, 1439]})
    assert "CN" in hours.forbidden_now(rt_sqlite, Cls.mass, at_nine)
    assert hours.next_allowed(rt_sqlite, Cls.mass, "CN", at_nine) == at_nine + clock.HOUR_MS
    # Wider than the law is no permission.
    at_23 = at_nine + 14 * clock.HOUR_MS
    classes.save("mass", {"hours": [0, 1440]})
    assert "CN" in hours.forbidden_now(rt_sqlite, Cls.mass, at_23)
    # Codes and notices are free until their class says otherwise.
    assert hours.forbidden_now(rt_sqlite, Cls.notice, at_23) == frozenset()
    classes.save("notice", {"hours": [480, 1200]})
    assert "CN" in hours.forbidden_now(rt_sqlite, Cls.notice, at_23)
    assert "CN" not in hours.forbidden_now(rt_sqlite, Cls.notice, at_nine)


def test_hours_of_a_class_park_single_messages(rt, monkeypatch):
    phone = Phone(rt)
    classes.save("notice", {"hours": [480, 1200]})
    night = 1_794_925_800_000  # 22:30 in Shanghai
    monkeypatch.setattr(clock, "now_ms", lambda: night)
    direct.send(rt, "+8613800138000", "notice", "Your parcel is here")
    batch.send(rt, direct.campaign(Cls.notice))
    assert not phone.texts
    [(state, not_before)] = database.query("SELECT state, not_before FROM message")
    assert state == 0 and not_before == night + (9 * 60 + 30) * clock.MINUTE_MS


def test_a_cap_holds_over_campaigns_and_inside_a_window(rt):
    tape = Tape(echoes_reference=True)
    classes.save("mass", {"cap_day": 1})
    first, account = setup(rt, tape, 4)
    send_all(rt, first)
    assert states(first) == {"accepted": 4}
    new = kit.person(rt, 99_000_000)
    second, _account = setup(rt, tape, 0)  # the four, and a new one
    send_all(rt, second)
    assert states(second) == {"accepted": 1, "skipped": 4}
    assert database.scalar("SELECT state FROM message WHERE contact_id = ?", (new,)) == 3
    assert {row[2] for row in rows(second) if row[1] == 9} == {"cap"}
    with database.write_tx():
        database.execute("UPDATE message SET submitted_at = submitted_at - ?", (clock.DAY_MS,))
    third, _account = setup(rt, tape, 0)
    send_all(rt, third)
    assert states(third) == {"accepted": 5}
    assert len(tape.sent) == 10


def test_a_weekly_cap_counts_what_went_and_not_what_was_refused(rt):
    from core import Result

    phone = Phone(rt)
    classes.save("notice", {"cap_day": 5, "cap_week": 2})
    phone.act = lambda message: Result("rejected", code="1")
    notices = direct.campaign(Cls.notice)

    def text(words):
        direct.send(rt, "+8613800138000", "notice", words)

    text("refused")
    batch.send(rt, notices)
    phone.act = lambda message: Result("accepted", provider_id=message.ref)
    for words in ("one", "two", "three"):
        text(words)
    for _round in range(3):
        batch.send(rt, notices)
    assert [message.text for message in phone.texts] == ["refused", "one", "two"]
    assert database.query("SELECT reason FROM message WHERE state = 9") == [("cap",)]
    whole(rt)


def test_two_workers_never_exceed_a_cap(rt):
    """Two campaigns to the same people, sent at the same time by two threads with leases of their own."""
    tape = Tape(echoes_reference=True)
    classes.save("mass", {"cap_day": 1})
    first, _account = setup(rt, tape, 60)
    second, _account = setup(rt, tape, 0)
    main = leases.current(rt)

    def work(campaign):
        worker = leases.beside(main)
        for _round in range(20):
            if batch.one_batch(rt, worker, campaign, clock.monotonic() + 10) is None:
                break
        database.proxy.close()

    threads = [threading.Thread(target=work, args=(campaign,)) for campaign in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = database.query("SELECT COUNT(*) FROM message WHERE state = 3 GROUP BY contact_id")
    assert got == [(1,)] * 60 and len(tape.sent) == 60
    whole(rt)


def test_a_part_that_costs_too_much_waits_and_a_code_is_skipped(rt):
    tape = Tape(echoes_reference=True)
    classes.save("mass", {"price_max_micros": 900})
    campaign, _account = setup(rt, tape, 3, price=1_000)
    send_all(rt, campaign)
    assert {row[1:] for row in rows(campaign)} == {(0, "price")} and not tape.sent
    classes.save("mass", {"price_max_micros": 1_000})
    due_now(campaign)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 3}
    classes.save("otp", {"price_max_micros": 999})
    ask(rt)
    batch.send(rt, direct.campaign(Cls.otp))
    assert database.query("SELECT state, reason FROM message WHERE cls = 0") == [(9, "price")]
    whole(rt)


def test_a_class_goes_through_its_accounts_only(rt):
    phone = Phone(rt, voice=False)
    other = accounts.create(rt, "other", "null", {}).id
    classes.save("notice", {"accounts": [other]})
    direct.send(rt, "+8613800138000", "notice", "Your parcel is here")
    batch.send(rt, direct.campaign(Cls.notice))
    assert not phone.texts
    assert database.query("SELECT state, account_id FROM message") == [(3, other)]
    ask(rt)
    assert not calling.able(rt)


def test_a_single_message_is_not_sent_too_late(rt):
    phone = Phone(rt)
    classes.save("notice", {"latest_s": 60})
    direct.send(rt, "+8613800138000", "notice", "Now or never")
    with database.write_tx():
        database.execute("UPDATE message SET not_after = not_after - 60001")
    batch.send(rt, direct.campaign(Cls.notice))
    assert not phone.texts and database.query("SELECT state FROM message") == [(6,)]


def test_consent_can_be_needed_for_notices_in_a_campaign(rt):
    tape = Tape(echoes_reference=True)
    classes.save("notice", {"consent": True})
    words = kit.template("Parcel", cls=Cls.notice, en="Your parcel is here")
    campaign, _account = setup(rt, tape, 3, templates=[(words, 1)])
    assert {row[2] for row in rows(campaign)} == {"no_consent"}


def test_words_of_a_class_block_a_text(rt_sqlite):
    from core.content.wording import PRESETS

    def blocked(text, cls="otp", lang="zh"):
        draft = drafts.draft(rt_sqlite, text, cls, lang)
        return [f.code for f in drafts.check(rt_sqlite, draft) if f.code.startswith("wording.")]

    assert blocked("您好 https://x.example 拒收请回复R") == []
    classes.save("otp", PRESETS["otp"])
    assert blocked("您的验证码是123456") == []
    assert blocked("您好 https://x.example 拒收请回复R") == ["wording.must", "wording.never", "wording.link"]
    assert blocked("Your code is 123456", lang="en") == []
    classes.save("notice", {"max_parts": 1, "never": ["FREE"]})
    assert blocked("Get it free! " + "x" * 200, "notice", "en") == ["wording.parts", "wording.never"]


def test_the_lane_beside_sends_codes_while_the_worker_is_busy(rt):
    """The worker's own thread is inside a call of a slow gateway; a code goes out all the same."""
    opened()
    phone, release = Phone(rt), threading.Event()
    entered = threading.Event()
    tape = Tape(echoes_reference=True)

    def slow(messages):
        from core import Result

        entered.set()
        assert release.wait(30)
        return [Result("accepted", provider_id=m.ref) for m in messages]

    tape.act = slow
    campaign, account = setup(rt, tape, 3)
    phone.texter = None
    with database.write_tx():
        database.execute("UPDATE account SET enabled = ? WHERE id <> ?", (True, account))
    accounts.create(rt, "texter 2", "texter", {})
    classes.save("otp", {"accounts": [database.scalar("SELECT id FROM account WHERE name = 'texter 2'")]})
    mass = threading.Thread(target=lambda: (batch.send(rt, campaign), database.proxy.close()))
    mass.start()
    assert entered.wait(10)
    ask(rt)
    beside = urgent.Urgent(rt, leases.current(rt))
    assert beside.look() == 1
    assert len(phone.texts) == 1 and states(campaign) == {"submitting": 3}
    release.set()
    mass.join()
    assert states(campaign) == {"accepted": 3}
    whole(rt)

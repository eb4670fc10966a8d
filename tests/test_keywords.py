"""STOP, START and HELP: which whole texts mean what, and what they do inside the inbound transaction."""

from __future__ import annotations

import pytest

from core.audience import consent, keywords, suppression
from core.audience.contacts import create
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import ALL_CLASSES_MASK, Cls

CN, US = "CN", "US"
CASES = [
    # the words of 47 CFR 64.1200(a)(10) and Twilio's list
    *[(word, US, "stop") for word in ("STOP", "stop", "Stop", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END")],
    *[(word, US, "stop") for word in ("QUIT", "REVOKE", "OPTOUT", "opt out", "opt-out", "Opt\u2013Out")],
    *[(word, "DE", "stop") for word in ("stop", "STOP ALL", "stop all.")],
    # punctuation, white space, invisible marks, width
    *[
        (word, US, "stop")
        for word in (" stop. ", "STOP!!!", "“stop”", "‘STOP’", "(stop)", "*STOP*", "stop\n")
    ],
    *[
        (word, US, "stop")
        for word in ("\tstop\t", "ＳＴＯＰ", "ｓｔｏｐ。", "【STOP】", "stop 🛑", "\u200bstop\u200b")
    ],
    *[
        (word, US, "stop")
        for word in ("\ufeffSTOP", "S T O P", "STOP…", "ＯＰＴ－ＯＵＴ", "\u00a0stop\u00a0")
    ],
    # Chinese words hold everywhere; the carriers' letters only for numbers of China
    *[(word, CN, "stop") for word in ("退订", "退订。", " 退 订 ", "退訂", "“退订”！", "拒收", "取消订阅")],
    *[(word, US, "stop") for word in ("退订", "【退订】")],
    *[
        (word, CN, "stop")
        for word in ("R", "r", "T", "TD", "td", "ＴＤ", "ｔｄ", "N", "ｎ", " R ", "R。", "T.D.")
    ],
    *[(word, US, "") for word in ("T", "N", "R", "TD", "ＴＤ")],
    # said twice, or the letters beside the word they stand for
    *[(word, US, "stop") for word in ("STOP STOP", "stop! stop! STOP!", "退订退订")],
    *[
        (word, CN, "stop")
        for word in ("ＴＤ退订", "TD 退订", "退订TD", "T退订", "拒收R", "退订，退订", "TDTD", "T T T")
    ],
    *[(word, US, "") for word in ("TD退订", "TDTD", "stop start", "stopsto")],
    *[(word, CN, "") for word in ("停止拒收", "停止退订", "TDR", "RT", "退订拒收", "别TD退订", "nend")],
    ("T", "TW", ""),
    ("N", "", ""),
    # not the whole text, so for people to read
    *[
        (word, US, "")
        for word in ("don't stop", "stop it", "How do I cancel my order?", "the end", "stopp", "no")
    ],
    *[(word, US, "") for word in ("please stop", "never stop!", "unstoppable", "Y", "yes", "OK", "1", "")],
    *[
        (word, CN, "")
        for word in ("拒收请回复R", "不要退订", "TDD", "NO", "是", "好的", "🛑", " 。 ", "回复TD")
    ],
    # start and help
    *[(word, US, "start") for word in ("START", "start!", "UNSTOP", "unstop.", "ＳＴＡＲＴ")],
    *[(word, CN, "start") for word in ("恢复订阅", " 恢复。")],
    *[(word, US, "help") for word in ("HELP", "help?", "info", "帮助", "ＨＥＬＰ")],
]


def test_the_table_is_long_enough():
    assert len(CASES) >= 60
    assert len({(text, country) for text, country, _ in CASES}) == len(CASES)


@pytest.mark.parametrize(("text", "country", "meant"), CASES)
def test_a_whole_text_means(text, country, meant):
    assert keywords.Words.of(keywords.DEFAULTS).intent(text, country) == meant


@pytest.mark.parametrize("text", ["YES", "y", "是", "确认。"])
def test_a_plain_yes_is_a_start_only_while_a_double_opt_in_waits(text):
    words = keywords.Words.of(keywords.DEFAULTS)
    assert (words.intent(text, US), words.intent(text, US, pending=True)) == ("", "start")


def test_words_can_be_added_but_the_way_out_stays(rt_sqlite):
    keywords.change(
        {"stop": [*keywords.DEFAULTS["stop"], "Basta"], "stop_in": {"FR": ["36"]}}, as_of="2026-12-01"
    )
    assert keywords.intent("basta!", "IT") == "stop"
    assert (keywords.intent("36", "FR"), keywords.intent("36", "IT")) == ("stop", "")
    assert keywords.load()["as_of"] == "2026-12-01"
    with pytest.raises(Refusal, match="cannot be taken off"):
        keywords.change({"stop": ["Basta"]}, as_of="2026-12-01")
    with pytest.raises(Refusal, match="no_such"):
        keywords.change({"no_such": []}, as_of="2026-12-01")
    assert keywords.intent("STOP", "US") == "stop"


def person(rt, number="+8613800138000") -> tuple[int, bytes]:
    contact_id = create(rt, number, name="王芳")
    consent.change(rt, contact_id, Cls.mass, "opt_in", source="paper form")
    return contact_id, rt.keys.blind_index(number)


def inbound(rt, bidx, intent):
    with database.write_tx():
        return keywords.apply_inbound(rt, bidx, None, intent, evidence={"inbound": 7, "keyword": intent})


def bits(contact_id):
    return database.one(
        "SELECT consent_bits, optout_bits, blocked_bits FROM profile WHERE contact_id = ?", (contact_id,)
    )


def test_stop_suppresses_and_ends_consent(rt):
    contact_id, bidx = person(rt)
    events = inbound(rt, bidx, "stop")
    assert [(e.cls, e.action) for e in events] == [(Cls.mass, "opt_out"), (Cls.voice, "opt_out")]
    assert bits(contact_id) == (0, Cls.mass.bit | Cls.voice.bit, ALL_CLASSES_MASK)
    state = consent.state(contact_id)[Cls.mass]
    assert (state.status, state.event["evidence"]) == ("opted_out", {"inbound": 7, "keyword": "stop"})
    assert consent.check() is suppression.check() is None


def test_a_second_stop_writes_nothing(rt):
    _contact_id, bidx = person(rt)
    inbound(rt, bidx, "stop")
    assert inbound(rt, bidx, "stop") == []
    assert database.scalar("SELECT COUNT(*) FROM suppression") == 1


def test_stop_by_setting_leaves_codes_and_notices(rt):
    settings.put(keywords.SCOPE, "marketing")
    contact_id, bidx = person(rt)
    inbound(rt, bidx, "stop")
    assert bits(contact_id)[2] == Cls.mass.bit | Cls.voice.bit


def test_a_number_that_is_no_contact_is_blocked_when_it_becomes_one(rt):
    bidx = rt.keys.blind_index("+8613900139000")
    events = inbound(rt, bidx, "stop")
    assert {e.contact_id for e in events} == {0}
    assert inbound(rt, bidx, "stop") == []
    contact_id = create(rt, "139 0013 9000")
    assert bits(contact_id) == (0, 0, ALL_CLASSES_MASK)
    assert consent.check() is suppression.check() is None


def test_start_lifts_a_stop_and_is_no_consent_by_itself(rt):
    contact_id, bidx = person(rt)
    inbound(rt, bidx, "stop")
    assert {e.action for e in inbound(rt, bidx, "start")} == {"lift"}
    assert bits(contact_id) == (0, Cls.mass.bit | Cls.voice.bit, 0)
    assert inbound(rt, bidx, "start") == []
    assert consent.check() is suppression.check() is None


def test_start_answers_a_double_opt_in(rt):
    contact_id, bidx = person(rt)
    inbound(rt, bidx, "stop")
    with database.write_tx():
        consent.record(rt, [consent.Event(contact_id, bidx, Cls.mass, "ask", "web form")])
    assert keywords.is_pending(bidx)
    events = inbound(rt, bidx, "start")
    assert sorted((e.cls.name, e.action) for e in events) == [("mass", "opt_in"), ("voice", "lift")]
    assert bits(contact_id) == (Cls.mass.bit, Cls.voice.bit, 0)
    assert not keywords.is_pending(bidx)


@pytest.mark.parametrize("reason", ["manual", "complaint", "erased", "import", "invalid"])
def test_start_never_lifts_what_is_not_a_stop(rt, reason):
    contact_id, bidx = person(rt)
    with database.write_tx():
        suppression.add(rt, [suppression.Entry(bidx)], reason=reason)
    inbound(rt, bidx, "stop")
    inbound(rt, bidx, "start")
    assert bits(contact_id)[2] == ALL_CLASSES_MASK
    assert [row["reason"] for row in suppression.of(bidx)] == [reason]


@pytest.mark.parametrize("intent", ["help", ""])
def test_help_and_other_texts_change_nothing(rt_sqlite, intent):
    contact_id, bidx = person(rt_sqlite)
    before = bits(contact_id)
    assert inbound(rt_sqlite, bidx, intent) == []
    assert bits(contact_id) == before


def test_a_refused_transaction_leaves_no_half_stop(rt):
    contact_id, bidx = person(rt)
    before = bits(contact_id)
    with pytest.raises(RuntimeError), database.write_tx():
        keywords.apply_inbound(rt, bidx, None, "stop", evidence={})
        raise RuntimeError
    assert bits(contact_id) == before
    assert suppression.of(bidx) == []


def test_on_postgresql_a_stop_holds_the_profile_until_it_commits(rt):
    """The submit mark takes the same row FOR SHARE, so it waits for the STOP and then sees it."""
    if not database.is_postgres():
        pytest.skip("SQLite has one writer at a time")
    import psycopg

    contact_id, bidx = person(rt)
    mark = "SELECT blocked_bits FROM profile WHERE contact_id = %s FOR SHARE NOWAIT"
    with psycopg.connect(rt.settings.database_url, autocommit=True) as sender:
        with database.write_tx():
            keywords.apply_inbound(rt, bidx, None, "stop", evidence={})
            with pytest.raises(psycopg.errors.LockNotAvailable):
                sender.execute(mark, (contact_id,))
            imports = sender.execute("SELECT pg_try_advisory_xact_lock(%s)", (suppression._LOCK,)).fetchone()
            assert imports == (False,)  # an import chunk that would not see this STOP waits, too
        assert sender.execute(mark, (contact_id,)).fetchone() == (ALL_CLASSES_MASK,)

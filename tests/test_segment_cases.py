"""A table of cases: each comparison of each kind over a few people one can check by eye, on both databases."""

import pytest

from core import i18n
from core.audience import segments
from core.contract.errors import Refusal
from core.db import database
from core.db.deadline import TooSlow, deadline
from tests.segment_people import add, define, world

NOW_MS = 1_795_000_000_000  # 2026-11-18 11:06:40 UTC
DAY_MS = 86_400_000

BLANK = {
    "country": "", "language": "", "line_type": "unknown", "consent_bits": 0, "optout_bits": 0, "blocked_bits": 0,
    "created_at": NOW_MS - 100 * DAY_MS, "last_sent_at": 0, "sent_count": 0, "labels": {}, "fields": {},
}  # fmt: skip


def born(days):
    from datetime import date, timedelta

    return date(2026, 11, 18) - timedelta(days=days)


PEOPLE = {
    "nobody": {},
    "nine": {"fields": {"age": 9.0, "nick": "Ann", "city": "上海", "member": True, "joined": born(0)}},
    "eighteen": {"fields": {"age": 18.0, "nick": "anna", "city": "杭州", "member": False, "joined": born(7)}},
    "thirty": {
        "fields": {"age": 30.0, "nick": "50%_off", "city": "上海", "joined": born(8)},
        "country": "CN",
    },
    "hundred": {"fields": {"age": 100.0, "nick": "ÄNN", "joined": born(-3)}, "created_at": NOW_MS - DAY_MS},
    "vip": {
        "labels": {"vip": (1.0, NOW_MS)},
        "consent_bits": 4,
        "last_sent_at": NOW_MS - DAY_MS,
        "sent_count": 3,
    },
    "both": {"labels": {"vip": (0.5, NOW_MS - 90 * DAY_MS), "unpinned": (1.0, NOW_MS)}, "optout_bits": 4},
    "blocked": {"blocked_bits": 15, "line_type": "fixed", "language": "zh", "fields": {"nick": ""}},
}
ALL = set(PEOPLE)


def a(field, op, value=None):
    return {"segmenter": "attribute", "field": field, "op": op} | ({} if value is None else {"value": value})


def c(field, op, value=None):
    return {"segmenter": "contact", "field": field, "op": op} | ({} if value is None else {"value": value})


CASES = [
    # numbers compare as numbers: 9, 30, 100 against 18
    (a("age", "gt", 18), {"thirty", "hundred"}),
    (a("age", "gt", "18"), {"thirty", "hundred"}),
    (a("age", "gte", 18), {"eighteen", "thirty", "hundred"}),
    (a("age", "lt", 18), {"nine"}),
    (a("age", "lte", 18), {"nine", "eighteen"}),
    (a("age", "between", [9, 30]), {"nine", "eighteen", "thirty"}),
    (a("age", "between", [30, 9]), set()),
    (a("age", "eq", 18), {"eighteen"}),
    (a("age", "in", [9, "100"]), {"nine", "hundred"}),
    (a("age", "ne", 18), ALL - {"eighteen"}),
    (a("age", "empty"), {"nobody", "vip", "both", "blocked"}),
    (a("age", "not_empty"), {"nine", "eighteen", "thirty", "hundred"}),
    ({"not": a("age", "gt", 18)}, ALL - {"thirty", "hundred"}),
    ({"not": {"not": a("age", "gt", 18)}}, {"thirty", "hundred"}),
    # texts: equal means equal; contains and starts with ignore ASCII case; % and _ are letters like others
    (a("nick", "eq", "Ann"), {"nine"}),
    (a("nick", "in", ["Ann", "anna"]), {"nine", "eighteen"}),
    (a("nick", "in", []), set()),
    (a("nick", "not_in", []), ALL),
    (a("nick", "contains", "NN"), {"nine", "eighteen", "hundred"}),
    (a("nick", "starts_with", "an"), {"nine", "eighteen"}),
    (a("nick", "starts_with", "ä"), set()),
    (a("nick", "starts_with", "Ä"), {"hundred"}),
    (a("nick", "contains", "%"), {"thirty"}),
    (a("nick", "contains", "0%_o"), {"thirty"}),
    (a("nick", "contains", "_"), {"thirty"}),
    (a("nick", "empty"), {"nobody", "vip", "both", "blocked"}),
    # choices: one that is not in the dictionary matches nobody
    (a("city", "eq", "上海"), {"nine", "thirty"}),
    (a("city", "eq", "Atlantis"), set()),
    (a("city", "ne", "Atlantis"), ALL),
    (a("city", "ne", "上海"), ALL - {"nine", "thirty"}),
    (a("city", "in", ["杭州", "Atlantis"]), {"eighteen"}),
    (a("city", "contains", "海"), {"nine", "thirty"}),
    # yes/no
    (a("member", "eq", True), {"nine"}),
    (a("member", "eq", "no"), {"eighteen"}),
    (a("member", "ne", True), ALL - {"nine"}),
    # dates: the last 7 days begin a week ago; a day to come is neither recent nor old
    (a("joined", "within_days", 7), {"nine", "eighteen"}),
    (a("joined", "within_days", 0), {"nine"}),
    (a("joined", "older_than_days", 7), {"thirty"}),
    (a("joined", "eq", "2026-11-18"), {"nine"}),
    (a("joined", "gt", "2026-11-18"), {"hundred"}),
    (a("joined", "between", ["2026-11-10", "2026-11-11"]), {"eighteen", "thirty"}),
    # labels: by bit, without a bit, with questions only the row answers
    ({"segmenter": "label", "label": "vip"}, {"vip", "both"}),
    ({"not": {"segmenter": "label", "label": "vip"}}, ALL - {"vip", "both"}),
    ({"segmenter": "label", "label": "unpinned"}, {"both"}),
    ({"not": {"segmenter": "label", "label": "unpinned"}}, ALL - {"both"}),
    ({"segmenter": "label", "label": "vip", "min_confidence": 0.6}, {"vip"}),
    ({"segmenter": "label", "label": "vip", "within_days": 60}, {"vip"}),
    # consent
    ({"segmenter": "consent", "class": "mass", "state": "yes"}, {"vip"}),
    ({"segmenter": "consent", "class": "mass"}, {"vip"}),
    ({"segmenter": "consent", "class": "mass", "state": "no"}, {"both"}),
    ({"segmenter": "consent", "class": "mass", "state": "unknown"}, ALL - {"vip", "both"}),
    ({"segmenter": "consent", "class": "voice", "state": "unknown"}, ALL),
    # contact
    (c("country", "in", ["cn"]), {"thirty"}),
    (c("language", "eq", "zh"), {"blocked"}),
    (c("line_type", "in", ["fixed", "voip"]), {"blocked"}),
    (c("line_type", "eq", "no such line"), set()),
    (c("suppressed", "eq", True), {"blocked"}),
    (c("suppressed", "ne", "yes"), ALL - {"blocked"}),
    (c("created", "within_days", 2), {"hundred"}),
    (c("created", "older_than_days", 2), ALL - {"hundred"}),
    (c("created", "gte", "2026-11-17"), {"hundred"}),
    (c("last_sent", "empty"), ALL - {"vip"}),
    (c("last_sent", "within_days", 30), {"vip"}),
    (c("last_sent", "older_than_days", 0), {"vip"}),
    ({"not": c("last_sent", "within_days", 30)}, ALL - {"vip"}),
    (c("sent_count", "gte", 3), {"vip"}),
    # groups
    ({"all": []}, ALL),
    ({"any": []}, set()),
    ({"not": {"all": []}}, set()),
    ({"not": {"any": []}}, ALL),
    ({"all": [a("age", "gt", 10), a("age", "lt", 50)]}, {"eighteen", "thirty"}),
    ({"any": [a("age", "lt", 10), a("age", "gt", 50)]}, {"nine", "hundred"}),
    ({"not": {"any": [a("age", "lt", 10), a("city", "eq", "杭州")]}}, ALL - {"nine", "eighteen"}),
]  # fmt: skip


@pytest.fixture
def named(rt, monkeypatch):
    from core import clock

    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)
    world()
    return {add(rt, BLANK | person, i): name for i, (name, person) in enumerate(PEOPLE.items(), 1)}


def matched(rt, rule, alias="profile"):
    sql, params = segments.where_sql(rt, rule, alias=alias)
    return database.query(f"SELECT contact_id FROM profile AS {alias} WHERE {sql}", params)


def test_each_comparison_means_whom_it_says(rt, named):
    for rule, expected in CASES:
        assert {named[row[0]] for row in matched(rt, rule)} == expected, rule
        assert segments.count(rt, rule)[0] == len(expected), rule
        for contact_id, name in named.items():
            assert segments.contains(rt, rule, contact_id) == (name in expected), (rule, name)


def test_explain_says_what_the_contact_has(rt, named):
    ids = {name: contact_id for contact_id, name in named.items()}
    rule = {
        "all": [
            a("age", "gt", 18),
            {"any": [a("city", "eq", "上海"), {"segmenter": "label", "label": "vip"}]},
        ]
    }
    out = segments.explain(rt, rule, ids["nine"])
    assert not out.matches
    assert [(leaf.text, leaf.why) for leaf in _because(out)] == [("Age is more than 18", "Age is 9")]
    inside = segments.explain(rt, rule, ids["thirty"])
    assert inside.matches
    assert [leaf.why for leaf in _because(inside)] == ["Age is 30", "City is 上海"]
    missing = segments.explain(rt, {"not": a("age", "gt", 18)}, ids["nobody"])
    assert missing.matches
    assert [leaf.why for leaf in _because(missing)] == ["Age is empty"]


def _because(made):
    return segments.because(made)


def test_explain_of_someone_who_is_not_there_is_refused(rt):
    with pytest.raises(Refusal) as refused:
        segments.explain(rt, {"all": []}, 999)
    assert refused.value.status == 404


def test_the_statement_may_call_profile_by_another_name(rt, named):
    rule = {"not": {"any": [{"segmenter": "label", "label": "unpinned"}, a("age", "gt", 18)]}}
    assert matched(rt, rule, alias="p") == matched(rt, rule)


def test_country_and_language_answer_as_attributes_too(rt, named):
    assert {named[row[0]] for row in matched(rt, a("country", "eq", "CN"))} == {"thirty"}


def test_a_sample_is_of_the_segment_and_masked(rt, named):
    found = segments.sample(rt, {"segmenter": "label", "label": "vip"}, 5)
    assert {named[person.contact_id] for person in found} == {"vip", "both"}
    assert all("****" in person.phone for person in found)
    assert len(segments.sample(rt, {"all": []}, 3)) == 3
    assert segments.sample(rt, {"any": []}, 3) == []


def test_values_are_never_part_of_the_statement(rt):
    define("nick", "text")
    evil = "x' OR '1'='1'; DROP TABLE profile; --"
    for op in ("eq", "contains", "starts_with"):
        sql, params = segments.where_sql(rt, a("nick", op, evil))
        assert "DROP" not in sql
        assert "?" in sql
        assert any("drop table" in str(p).lower() for p in params)
        assert segments.count(rt, a("nick", op, evil))[0] == 0


def test_a_question_that_takes_too_long_is_ended(rt):
    endless = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT COUNT(*) FROM s"
    with pytest.raises(TooSlow), deadline(0.2):
        database.scalar(endless)
    # The connection and its other statements go on.
    assert database.scalar("SELECT COUNT(*) FROM profile") == 0
    with database.write_tx():
        with deadline(5):
            assert database.scalar("SELECT 1") == 1
        database.execute("UPDATE profile SET country = ''")


def test_counting_too_slowly_is_refused_with_a_sentence(rt, monkeypatch):
    from contextlib import contextmanager

    from core.audience.segments import figures

    @contextmanager
    def late(seconds):
        raise TooSlow(f"took longer than {seconds} seconds")
        yield

    monkeypatch.setattr(figures, "deadline", late)
    with pytest.raises(Refusal, match="longer than 5 seconds"):
        segments.count(rt, {"all": []})


def test_a_gender_is_found_by_any_word_for_it(rt):
    define("gender", "choice", ("female", "male"))
    woman, man = (add(rt, BLANK | {"fields": {"gender": code}}, code) for code in (1, 2))
    for words, ids in (("女 F female", [woman]), ("m 男 male", [man]), ("Mars", [])):
        for word in words.split():
            assert [i for i in (woman, man) if segments.contains(rt, a("gender", "eq", word), i)] == ids, word


def test_a_gender_is_said_in_the_readers_language_and_kept_in_the_rule(rt):
    define("gender", "choice", ("female", "male"))
    woman = add(rt, BLANK | {"fields": {"gender": 1}}, 1)
    rule = a("gender", "eq", "female")
    with i18n.use("zh_Hans"):
        assert "女" in segments.describe(rt, rule) and "female" not in segments.describe(rt, rule)
        assert "女" in str(segments.explain(rt, rule, woman))
    assert "female" in segments.describe(rt, rule) and rule["value"] == "female"

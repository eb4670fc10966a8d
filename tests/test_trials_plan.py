"""Planning a trial: sizes, price, hours, order; and the command."""

from __future__ import annotations

import json
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.measure.trials import costs, phones, plan, run, schedule
from core.sending import handsets
from tests import trials_kit as kit

NOON = 1_790_000_000_000


def phone(
    number: int, zone: str = "Asia/Shanghai", night: bool = False, seed: int | None = None
) -> phones.Phone:
    return phones.Phone(number, number, "", "CN", "", zone, "", seed, "", night, False)


def test_sizes_are_those_of_the_books():
    assert plan.size(plan.Plan(promise=0.95, margin=0.05)) == 83
    assert plan.size(plan.Plan(promise=0.95, margin=0.02)) == 469
    assert plan.size_pairs() == 434
    assert "20 texts arrive" in plan.says(20) and "fewer than 14 % fail" in plan.says(20)
    assert plan.rounds(plan.Plan(), 10) == 9 and plan.rounds(plan.Plan(texts=20), 10) == 2


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(["10", "15", "19", "night"]), min_size=1, unique=True), st.integers(1, 4),
    st.integers(1, 9), st.integers(1, 10), st.integers(0, 86_400_000), st.booleans(),
    st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_no_text_leaves_the_hours_and_the_night_needs_a_yes(
    windows, n, rounds, per_window, later, night, zone
):
    wanted = plan.Plan(accounts=tuple(range(1, n + 1)), windows=tuple(windows), per_window=per_window)
    made = schedule.make(wanted, [phone(1, zone, night)], rounds, 7, NOON + later)
    allowed = [key for key in windows if key != "night" or night]
    assert len(made) == (rounds * n if allowed else 0)
    for text in made:
        assert text.hours in allowed and NOON + later <= text.due_at < text.until_at
        start, end = (minutes(at, zone) for at in (text.due_at, text.until_at))
        low, high = plan.WINDOWS[text.hours]
        assert low <= start < high and end in (high, high % 1440)


def minutes(ms: int, zone: str) -> int:
    at = clock.from_ms(ms).astimezone(ZoneInfo(zone))
    return at.hour * 60 + at.minute


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 2**60))
def test_every_account_stands_in_every_place_equally_often(n, blocks, seed):
    wanted = plan.Plan(accounts=tuple(range(1, n + 1)), windows=("10", "15"))
    made = schedule.make(wanted, [phone(1)], n * blocks, seed, NOON)
    places = Counter()
    for r in range(n * blocks):
        for place, text in enumerate(sorted((t for t in made if t.round == r), key=lambda t: t.due_at)):
            places[text.account_id, place] += 1
    assert set(places.values()) == {blocks} and len(places) == n * n
    assert schedule.make(wanted, [phone(1)], n * blocks, seed, NOON) == made


def test_a_round_carries_the_same_kind_through_each_account():
    wanted = plan.Plan(functions=("unicode", "long", "inbound", "optout"), accounts=(1, 2), windows=("10",))
    made = schedule.make(wanted, [phone(i) for i in range(1, 7)], 4, 1, NOON)
    kinds = {}
    for text in made:
        kinds.setdefault((text.phone.id, text.round), set()).add(text.kind)
    assert all(len(found) == 1 for found in kinds.values())
    assert Counter(text.kind for text in made)["reply"] == 3 * 2
    stops = [text for text in made if text.kind == "stop"]
    assert sorted(text.account_id for text in stops) == [1, 2] and len({text.phone.id for text in stops}) == 2
    for stop in stops:  # nothing is sent to a phone that was asked to stop
        assert stop.due_at > max(t.due_at for t in made if t.phone == stop.phone and t.kind != "stop")


def test_at_once_sends_one_after_the_other_by_day_only():
    wanted = plan.Plan(accounts=(1, 2), windows=("now",))
    late = NOON - NOON % clock.DAY_MS + 14 * clock.HOUR_MS  # 22:00 in Shanghai
    made = schedule.make(wanted, [phone(1)], 3, 1, late)
    assert {minutes(text.due_at, "Asia/Shanghai") for text in made} <= set(range(480, 490))
    gaps = {b.due_at - a.due_at for a, b in zip(made, made[1:], strict=False)}
    assert gaps == {schedule.GAP_MS}
    awake = schedule.make(wanted, [phone(1, night=True)], 3, 1, late)
    assert awake[0].due_at == late


def test_the_price_is_parts_times_price(rt_sqlite):
    of = kit.simulators(rt_sqlite, 2, price=50_000)
    trial = kit.draft(rt_sqlite, of, 4, texts=8, functions=("delivery",))
    wanted = plan.of(plan.get(trial))
    found = costs.of(wanted, run.drawn(rt_sqlite, plan.get(trial)))
    assert [(one.texts, one.parts, one.micros, one.currency) for one in found] == [(8, 8, 400_000, "CNY")] * 2
    with database.write_tx():
        database.execute("DELETE FROM price WHERE account_id = ?", (of[1],))
    assert costs.of(wanted, run.drawn(rt_sqlite, plan.get(trial)))[1].micros is None


def test_words_of_texts_are_found_again_however_they_are_written():
    for _time in range(200):
        nonce = handsets.new_nonce()
        for spelling in (
            nonce,
            nonce.lower(),
            nonce.replace("-", " "),
            f"({nonce})",
            nonce.replace("-", "－"),
        ):
            assert handsets.nonces(f"Cooee test {spelling}. Nothing") == [nonce]
    assert handsets.nonces("Your code is 482913, order A12-B7") == []


@pytest.mark.parametrize("name", ["", " ", "x" * 81])
def test_a_trial_has_a_name(rt_sqlite, name):
    with pytest.raises(Refusal, match="needs a name"):
        plan.create(name, "ann")


def test_phones_are_taken_once_and_all_or_none(rt):
    trial = plan.create("T", "ann")
    kit.simulators(rt, 1)
    text = "number,owner\n+8613800130000,Li Wei,sim a\n+86 186 2013 0001\tZhang\tnight\n\n+8613800130000,Li"
    assert phones.add(rt, trial, text, "ann") == 2
    first, second = phones.of(rt, trial)
    assert (first.owner, first.seed, first.night, first.carrier) == ("Li Wei", "Sim A", False, "中国移动")
    assert (second.owner, second.night, second.zone) == ("Zhang", True, "Asia/Shanghai")
    with pytest.raises(Refusal, match="Line 2"):
        phones.add(rt, trial, "+8613800130009\n12", "ann")
    assert len(phones.of(rt, trial)) == 2


def test_an_erased_owner_leaves_no_name_and_no_number(rt):
    from core.audience import erasing

    trial = kit.draft(rt, kit.simulators(rt, 1), 2)
    erasing.erase(rt, phones.of(rt, trial)[0].contact_id, who="ann")
    gone, _other = phones.of(rt, trial)
    assert (gone.number, gone.owner) == ("", "")


def test_the_command_plans_starts_confirms_and_reports(cli, rt, tmp_path):
    kit.simulators(rt, 2, price=45_000)
    (tmp_path / "phones.csv").write_text(kit.lines(4), "utf-8")
    made = cli("trial", "plan", "Spring", "--account", "Sim A", "--account", "Sim B", "--phones", tmp_path / "phones.csv",
               "--hours", "now", "--texts", "8", "--function", "delivery", "--agreed", "--json")  # fmt: skip
    data = json.loads(made.output)
    assert (data["texts"], data["texts_each"], data["needed"], data["lacks"]) == (16, 8, 83, [])
    assert data["cost"][0] == {"account": "Sim A", "texts": 8, "parts": 8, "currency": "CNY", "cost": 0.36}
    assert json.loads(cli("trial", "start", "1", "--json").output) == {"id": 1, "texts": 16}
    again = cli("trial", "start", "1")
    assert again.exit_code == 1 and "was started" in again.output
    assert json.loads(cli("trial", "list", "--json").output)[0]["state"] == "running"
    assert json.loads(cli("trial", "show", "1", "--json").output)["texts"] == {"waiting": 16}
    with database.write_tx():
        database.execute("UPDATE trial_text SET state = 'delivered', submitted_at = ?", (clock.now_ms(),))
    [(nonce,)] = database.query("SELECT nonce FROM trial_text WHERE account_id = 1 LIMIT 1")
    assert json.loads(cli("trial", "confirm", "1", nonce, "--how", "no", "--json").output)["noted"] == 1
    assert cli("trial", "confirm", "1", "A1B2-00").exit_code == 1
    told = json.loads(cli("trial", "report", "1", "--json").output)
    assert told["accounts"][0]["false"] == {
        "numerator": 1, "denominator": 1, "value": None, "interval": None, "need_more": 29,
    }  # fmt: skip
    assert "Too early" in cli("trial", "report", "1").output

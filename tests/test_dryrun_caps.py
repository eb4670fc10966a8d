"""The dry run says who had enough of a class: the same people the submit mark leaves out."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from core import clock
from core.db import classes, database
from core.db.codes import Cls, State
from core.sending import capped, checking, dryrun, expand, launch, people
from tests import campaign_kit as kit
from tests.send_kit import Tape, send_all, setup

NAMED = "【可乐店】{{first_name}}，本周日全场八折。拒收请回复R"


def texted(contact: int, *messages: tuple[State, Cls, int]) -> None:
    """Messages somebody got before: (state, class, hours ago)."""
    now = clock.now_ms()
    for state, cls, hours in messages:
        at = now - hours * clock.HOUR_MS
        with database.write_tx():
            id_ = 1 + (database.scalar("SELECT MAX(id) FROM message") or at << 20)
            database.execute(
                "INSERT INTO message (id, campaign_id, contact_id, dedupe, variant, cls, state, attempt, not_before, "
                "account_id, parts, cost_micros, submitted_at) VALUES (?, 999, ?, ?, 0, ?, ?, 1, 0, 0, 1, 0, ?)",
                (id_, contact, id_, int(cls), int(state), at),
            )
            if state in (State.accepted, State.delivered, State.in_doubt, State.undelivered, State.expired):
                database.execute(
                    "UPDATE profile SET last_sent_at = ? WHERE contact_id = ? AND last_sent_at < ?",
                    (at, contact, at),
                )


def histories() -> list[list[tuple[State, Cls, int]]]:
    """One of every state, of two classes, at both sides of a day and a week; and mixtures."""
    done = [State.accepted, State.delivered, State.undelivered, State.expired, State.in_doubt, State.rejected,
            State.skipped, State.cancelled]  # fmt: skip
    alone = [[one] for one in itertools.product(done, (Cls.mass, Cls.notice), (1, 23, 25, 167, 169))]
    good, old, older = (
        (State.delivered, Cls.mass, 2),
        (State.accepted, Cls.mass, 30),
        (State.delivered, Cls.mass, 200),
    )
    refused, other = (State.rejected, Cls.mass, 3), (State.delivered, Cls.notice, 2)
    return [
        *alone,
        [],
        [good, good],
        [good, old],
        [old, old, old],
        [older, older, good],
        [refused, good],
        [other, old],
    ]


@pytest.mark.parametrize("cap", [{"cap_day": 1}, {"cap_week": 1}, {"cap_day": 2, "cap_week": 3}, {}])
@pytest.mark.parametrize("holdout_bp", [0, 2_000])
def test_it_names_the_number_the_mark_then_leaves_out(rt, cap, holdout_bp, monkeypatch):
    monkeypatch.setattr(dryrun, "CHUNK", 31)
    tape = Tape(echoes_reference=True)
    _first, account = setup(rt, tape, 0)
    for n, history in enumerate(histories()):
        person = kit.person(
            rt, n, name=None if n % 5 == 0 else "Anna Smith", blocked=kit.MASS if n % 7 == 0 else 0
        )
        texted(person, *history)
    classes.save("mass", cap)
    templates = [(kit.template("named", default="zh", zh=NAMED), 1), (kit.template("plain"), 1)]
    campaign = kit.campaign(
        rt,
        name="Capped",
        account_id=account,
        templates=templates,
        holdout_bp=holdout_bp,
        options={"approve": "off"},
    )
    said = dryrun.run(rt, campaign)
    launch.launch(rt, campaign)
    expand.run(rt, campaign)
    send_all(rt, campaign)
    became = Counter(
        reason or State(state).name
        for state, reason in database.query(
            "SELECT state, reason FROM message WHERE campaign_id = ?", (campaign,)
        )
    )
    assert said.excluded == {k: n for k, n in became.items() if k not in ("accepted", "holdout")}
    assert (said.messages, said.holdout) == (became["accepted"], became["holdout"])
    if not holdout_bp:  # a draw may keep aside just those who had enough
        assert ("cap" in said.excluded) is bool(cap) and {"missing_field", "suppressed"} <= set(said.excluded)
    assert said.audience == len(histories()) == said.messages + said.holdout + sum(said.excluded.values())


def test_texts_of_a_day_ago_do_not_count_when_the_campaign_starts_tomorrow(rt):
    kit.person(rt, 1)
    texted(kit.person(rt, 2), (State.delivered, Cls.mass, 1))
    classes.save("mass", {"cap_day": 1})
    assert dryrun.run(rt, kit.campaign(rt, name="Now")).excluded == {"cap": 1}
    tomorrow = clock.from_ms(clock.now_ms() + 25 * clock.HOUR_MS).isoformat()
    assert dryrun.run(rt, kit.campaign(rt, name="Then", at=tomorrow)).excluded == {}


def test_without_a_cap_nothing_is_asked(rt_sqlite):
    assert capped.sql(Cls.mass, people.Start(0, {}, ())) == "0"


def test_the_command_and_the_page_say_it(rt_sqlite, client, cli_sqlite):
    texted(kit.person(rt_sqlite, 2), (State.delivered, Cls.mass, 1))
    kit.person(rt_sqlite, 1)
    classes.save("mass", {"cap_day": 1})
    campaign = kit.campaign(rt_sqlite)
    done = cli_sqlite("campaign", "check", str(campaign), "--json")
    assert json.loads(done.stdout)["excluded"] == {"cap": 1}
    checking.check(rt_sqlite, campaign)
    page = client.get(f"/campaigns/{campaign}/checks").get_data(as_text=True)
    assert "Had enough of this class lately" in page

"""Two contacts become one, and two again: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import pytest

from core.audience import consent, contacts, events, fields, labels, suppression
from core.audience.events import folding
from core.audience.quality import merged, merging
from core.audience.sources import site
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, State
from core.db.models import ALL, EventSource, Trial, TrialNumber

T0 = 1_795_000_000_000
#: Tables a merge may change for ever: its own record, the audit log, work for the label rules.
LASTING = {"contact_merge", "audit", "audit_head", "audit_seal", "touched", "consent_head"}


def dump() -> dict[str, list]:
    """Every row of every table, in one order."""
    found = {}
    for table in (model._meta.table_name for model in ALL):
        if table not in LASTING:
            names = ", ".join(f'"{column.name}"' for column in database.proxy.get_columns(table))
            rows = database.query(f"SELECT {names} FROM {table}")
            found[table] = sorted(
                repr([bytes(value) if isinstance(value, memoryview) else value for value in row])
                for row in rows
            )
    return found


@pytest.fixture
def pair(rt):
    """王芳 under two numbers, each with a life of its own."""
    first = contacts.create(rt, "+8613800138000", name="王芳")
    second = contacts.create(rt, "+8613900139000", name="王芳芳")
    contacts.edit(rt, second, {"email": "fang@example.com", "city": "上海"})
    contacts.set_consent(rt, first, Cls.mass, True, source="form")
    contacts.set_consent(rt, second, Cls.mass, False, source="form")
    with database.write_tx():
        labels.put(labels.create("vip"), [second])
        labels.put(labels.create("old"), [first, second])
        suppression.add(
            rt, [suppression.Entry(contacts.get(rt, second).phone_bidx)], reason="stop", who="contact"
        )
    events.record(
        rt,
        [
            events.NewEvent(
                "purchase", T0, contact_id=first, key="o1", amount_micros=5_000_000, currency="CNY"
            ),
            events.NewEvent(
                "purchase", T0, contact_id=second, key="o1", amount_micros=5_000_000, currency="CNY"
            ),
            events.NewEvent("view", T0 + 5, contact_id=second, key="v1", item="tea"),
            events.NewEvent("view", T0 + 9, contact_id=second, key="v2", item="tea"),
        ],
    )
    with database.write_tx():
        # A visitor of a site, and a phone of a trial that is over.
        site_id = EventSource.create(name="site", kind="site", token="t", secret_enc=b"", created_at=T0).id
        for contact, person in ((first, b"a" * 16), (second, b"b" * 16)):
            database.execute(
                "INSERT INTO site_person (source_id, person, contact_id) VALUES (?, ?, ?)",
                (site_id, person, contact),
            )
        trial(second, "done")
    return first, second


def trial(contact: int, state: str) -> int:
    """A trial with this phone, inside `write_tx()`."""
    made = Trial.create(name="Autumn", state=state, plan="{}", seed=1, created_at=T0).id
    return TrialNumber.create(trial_id=made, contact_id=contact, country="CN", carrier="", zone="UTC").id


def checked() -> None:
    """The invariants `cooee verify` knows."""
    assert list(folding.check_stats()) + list(folding.check_days()) == []
    assert [consent.check(), suppression.check(), labels.check()] == [None, None, None]


def test_what_the_kept_contact_lacks_comes_from_the_other(rt, pair):
    first, second = pair
    merging.merge(rt, first, second, who="a@b.c")
    kept = contacts.get(rt, first)
    assert (kept.name, kept.email) == ("王芳", "fang@example.com")
    assert {f.key: v for f, v in contacts.field_values(first)}["city"] == "上海"
    assert {label["name"] for label in kept.labels} == {"vip", "old"}
    with pytest.raises(Refusal, match="does not exist"):
        contacts.get(rt, second)
    checked()


def test_a_person_may_choose_the_others_values(rt, pair):
    first, second = pair
    merging.merge(rt, first, second, take=["name"])
    kept = contacts.get(rt, first)
    assert (kept.name, kept.email) == ("王芳芳", "")


def test_events_move_and_the_same_event_counts_once(rt, pair):
    first, second = pair
    merging.merge(rt, first, second)
    counted = events.counted(first)
    assert (counted["purchase"].n, counted["purchase"].sum_micros, counted["view"].n) == (1, 5_000_000, 2)
    assert events.counted(second) == {}
    checked()


def test_consent_and_suppression_stay_with_their_numbers(rt, pair):
    first, second = pair
    gone = contacts.get(rt, second).phone_bidx
    ledger = database.scalar("SELECT COUNT(*) FROM consent_event")
    merging.merge(rt, first, second)
    assert consent.state(first)[Cls.mass].status == "opted_in"
    assert suppression.masks([gone]) and contacts.get(rt, first).blocked_bits == 0
    assert database.scalar("SELECT COUNT(*) FROM consent_event") == ledger


def test_undo_restores_every_row_of_every_table(rt, pair):
    first, second = pair
    before = dump()
    merge_id = merging.merge(rt, first, second, take=["name", "email"])
    assert dump() != before
    assert merging.unmerge(rt, merge_id, who="a@b.c") == second
    after = dump()
    assert {table: (before[table], after[table]) for table in before if before[table] != after[table]} == {}
    checked()


def test_undo_leaves_what_was_changed_since(rt, pair):
    first, second = pair
    merge_id = merging.merge(rt, first, second)
    contacts.edit(rt, first, {"email": "new@example.com"})
    events.record(rt, [events.NewEvent("share", T0 + 50, contact_id=first, key="s1")])
    merging.unmerge(rt, merge_id)
    assert contacts.get(rt, first).email == "new@example.com"
    assert set(events.counted(first)) == {"purchase", "share"} and set(events.counted(second)) == {
        "purchase",
        "view",
    }
    checked()


def test_a_stop_of_the_other_number_meanwhile_holds_after_undo(rt, pair):
    first, second = pair
    with database.write_tx():
        suppression.remove(rt, contacts.get(rt, second).phone_bidx)
    bidx = contacts.get(rt, second).phone_bidx
    merge_id = merging.merge(rt, first, second)
    with database.write_tx():
        suppression.add(rt, [suppression.Entry(bidx)], reason="stop", who="contact")
    merging.unmerge(rt, merge_id)
    assert contacts.get(rt, second).blocked_bits == 15
    checked()


def test_three_in_a_row_and_back(rt, pair):
    first, second = pair
    third = contacts.create(rt, "+8613700137000")
    before = dump()
    one, two = merging.merge(rt, first, second), merging.merge(rt, third, first)
    assert merged.ids_of(third) == [third, first, second]
    with pytest.raises(Refusal, match="kept is gone"):
        merging.unmerge(rt, one)
    merging.unmerge(rt, two)
    merging.unmerge(rt, one)
    assert dump() == before


def test_a_merge_is_undone_once(rt, pair):
    merge_id = merging.merge(rt, *pair)
    merging.unmerge(rt, merge_id)
    with pytest.raises(Refusal, match="no merge"):
        merging.unmerge(rt, merge_id)


def test_what_undo_needs_is_no_plain_text_and_is_dropped_after_it(rt, pair):
    merge_id = merging.merge(rt, *pair)
    stored = bytes(database.scalar("SELECT data_enc FROM contact_merge WHERE id = ?", (merge_id,)))
    assert b"fang@example.com" not in stored and len(stored) > 100
    merging.unmerge(rt, merge_id)
    assert not database.scalar("SELECT data_enc FROM contact_merge WHERE id = ?", (merge_id,))


def test_a_former_number_makes_no_new_contact(rt, pair):
    first, second = pair
    bidx = contacts.get(rt, second).phone_bidx
    merging.merge(rt, first, second)
    assert merged.kept_for(bidx) == first
    with pytest.raises(Refusal, match="merged"):
        contacts.create(rt, "+8613900139000")


def test_events_of_a_former_number_find_the_kept_contact(rt, pair):
    first, second = pair
    merging.merge(rt, first, second)
    [outcome] = events.record(rt, [events.NewEvent("share", T0 + 60, phone="+8613900139000", key="late")])
    assert outcome.status == "waiting"
    assert merged.join_waiting(rt) == 1 and events.counted(first)["share"].n == 1
    checked()


def test_the_id_of_a_merged_contact_is_not_given_again(rt, pair):
    first, _second = pair
    third = contacts.create(rt, "+8613700137000")
    merging.merge(rt, first, third)
    assert contacts.create(rt, "+8613600136000") > third


def test_texts_that_wait_stand_in_the_way(rt, pair):
    first, second = pair
    columns = ("id", "campaign_id", "contact_id", "cls", "state")
    with database.write_tx():
        database.copy_rows("message", columns, [(T0 << 20, 1, second, 2, int(State.ready))])
    with pytest.raises(Refusal, match="waits to be sent"):
        merging.merge(rt, first, second)
    with pytest.raises(Refusal, match="itself"):
        merging.merge(rt, first, first)


def test_a_label_a_person_took_off_one_stays_off_both(rt, pair):
    first, second = pair
    with database.write_tx():
        labels.take(labels.find("vip"), [second])
        labels.put(labels.find("vip"), [first], source="rule")
        labels.take(labels.find("old"), [first])
    merging.merge(rt, first, second)
    assert {label["name"] for label in contacts.get(rt, first).labels} == {"vip"}


def test_fields_added_and_labels_deleted_meanwhile_do_not_stop_an_undo(rt, pair):
    first, second = pair
    merge_id = merging.merge(rt, first, second)
    fields.define("shoe", "number")
    labels.delete(labels.find("vip"))
    assert merging.unmerge(rt, merge_id) == second
    assert [label["name"] for label in contacts.get(rt, second).labels] == ["old"]
    checked()


def test_two_thousand_events_move_in_as_many_statements_as_twenty(rt, monkeypatch):
    statements: list[str] = []
    execute = database.proxy.obj.execute_sql
    monkeypatch.setattr(
        database.proxy.obj,
        "execute_sql",
        lambda sql, params=None: statements.append(sql) or execute(sql, params),
    )

    def moved(numbers: tuple[str, str], n: int) -> int:
        first, second = (contacts.create(rt, number) for number in numbers)
        events.record(
            rt,
            [events.NewEvent("view", T0 + at, contact_id=second, key=f"{second}:{at}") for at in range(n)],
        )
        statements.clear()
        merging.unmerge(rt, merging.merge(rt, first, second))
        needed = len(statements)
        assert events.counted(second)["view"].n == n
        return needed

    few = moved(("+8613800138000", "+8613900139000"), 20)
    assert moved(("+8613800138001", "+8613900139001"), 2_000) == few


# --- whoever names a contact ------------------------------------------------------------------------------

#: Tables whose rows go on naming the contact they were written for, and why.
STAYS = {
    "click": "of a text that went to that number", "clicked": "as click",
    "consent_event": "the ledger of a number, which nobody changes", "contact_topic": "what the ledger says",
    "consequence": "of a message", "message": "campaigns go on adding up", "inbound": "came from that number",
    "otp": "a code of that number", "sender_sticky": "who texts that number",
    "label_change": "what happened to that contact", "import_change": "what a file changed there, for its undo",
    "erasure": "the receipt of somebody erased",
    "not_same_contact": "who was merged away speaks for the contact that was kept (quality.distinct)",
}  # fmt: skip
#: Rows of the other contact that end; an undo writes those of the first line again, a check the last.
ENDS = {
    "profile",
    "number_info",
    "contact_label",
    "label_block",
    "event",
    "event_stat",
    "touched",
    "quality_contact",
}
MOVES = {"site_person", "trial_number"}


def test_every_table_that_names_a_contact_is_moved_or_stays_on_purpose(rt, pair):
    first, second = pair
    naming = {
        model._meta.table_name
        for model in ALL
        if "contact_id" in {column.name for column in database.proxy.get_columns(model._meta.table_name)}
    }
    assert naming == set(STAYS) | ENDS | MOVES, "decide what a merge does with the rows of a new table"
    with database.write_tx():
        label = database.scalar("SELECT MIN(id) FROM label")
        for sql in (
            "INSERT INTO label_block (label_id, contact_id, who, at) VALUES (?, ?, '', 0)",
            "INSERT INTO quality_contact (kind, group_id, contact_id, detail) VALUES ('duplicate', ?, ?, '')",
        ):
            database.execute(sql, (label, second))
        database.execute("DELETE FROM number_info")
        database.execute(
            "INSERT INTO number_info (contact_id, region, carrier, zone, line_type, permanent_failures, "
            "status, checked_at) VALUES (?, '', '', '', 1, 0, 0, 0)",
            (second,),
        )

    def of(table: str, contact: int) -> int:
        return database.scalar(f"SELECT COUNT(*) FROM {table} WHERE contact_id = ?", (contact,))

    before = {table: of(table, second) for table in naming}
    assert all(before[table] for table in ENDS | MOVES), before
    had = {table: of(table, first) for table in MOVES}
    merging.merge(rt, first, second)
    after = {table: of(table, second) for table in naming}
    assert after == {table: before[table] if table in STAYS else 0 for table in naming}
    assert {table: of(table, first) for table in MOVES} == {
        table: had[table] + before[table] for table in MOVES
    }


@pytest.mark.parametrize("state", ["draft", "running", "paused"])
def test_the_phone_of_a_trial_at_work_is_not_merged_away(rt, pair, state):
    first, second = pair
    with database.write_tx():
        trial(second, state)
    with pytest.raises(Refusal, match="Autumn") as refused:
        merging.merge(rt, first, second)
    assert refused.value.status == 409
    assert contacts.get(rt, second).name == "王芳芳"
    merging.merge(rt, second, first)


def test_a_visitor_of_a_site_is_the_kept_contact_and_the_other_again_after_the_undo(rt, pair):
    first, second = pair
    source = EventSource.get(EventSource.name == "site")
    merge_id = merging.merge(rt, first, second)
    assert site.contact_of(source, (b"b" * 16).hex()) == first
    merging.unmerge(rt, merge_id)
    assert site.contact_of(source, (b"b" * 16).hex()) == second
    assert site.contact_of(source, (b"a" * 16).hex()) == first

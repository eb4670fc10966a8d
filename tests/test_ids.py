"""Message ids grow and are never reused; references turn back and tell instances apart."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import clock, ids
from core.db import database
from core.security.crypto import Keys

KEYS = Keys(b"d" * 32, b"i" * 32, b"s" * 32)
OTHER = Keys(b"d" * 32, b"j" * 32, b"s" * 32)
message_ids = st.integers(0, 2**63 - 1)


def test_blocks_follow_each_other_and_carry_the_time(rt):
    before = clock.now_ms()
    with database.write_tx():
        first, second = ids.allocate(10), ids.allocate(5)
    assert second >= first + 10
    assert before <= ids.at_ms(first) <= clock.now_ms() + 1


def test_parallel_takers_never_share_an_id(rt):
    taken: list[range] = []

    def take():
        for _ in range(20):
            with database.write_tx():
                first = ids.allocate(7)
            taken.append(range(first, first + 7))
        database.proxy.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [id_ for block in taken for id_ in block]
    assert len(every) == len(set(every)) == 4 * 20 * 7


def test_ids_go_on_after_an_older_counter_was_restored(rt):
    with database.write_tx():
        first = ids.allocate(1)
    with database.write_tx():
        database.execute("UPDATE id_block SET last = 0")
    clock.sleep(0.002)
    with database.write_tx():
        assert ids.allocate(1) > first


@given(message_ids)
def test_a_reference_turns_back_into_its_message(message_id):
    references = ids.References(KEYS)
    reference = references.of(message_id)
    assert len(reference) == 20 and reference.isascii()
    assert references.id_of(reference) == references.id_of(reference.upper()) == message_id


@given(st.lists(message_ids, max_size=5))
def test_references_are_made_in_bulk_as_one_by_one(many):
    references = ids.References(KEYS)
    assert references.many(many) == [references.of(one) for one in many]


def test_a_reference_given_to_a_provider_stays_good_for_ever():
    """A receipt may come days later, to another release."""
    references = ids.References(KEYS)
    assert references.of(1_812_345_678_901 << 20 | 77) == "b800b16b21a869b2c8ef"


@pytest.mark.parametrize("cut", [slice(None), slice(1, None), slice(2, None), slice(-1)])
@pytest.mark.parametrize("spoilt", [" {}", "{} ", "+{}", "0x{}", "{}0", "_{}"])
def test_only_the_twenty_digits_themselves_are_a_reference(spoilt, cut):
    references = ids.References(KEYS)
    assert references.id_of(spoilt.format(references.of(1 << 50)[cut])) is None


@given(message_ids)
def test_another_instance_does_not_know_our_reference(message_id):
    assert ids.References(OTHER).id_of(ids.References(KEYS).of(message_id)) is None


@given(st.text(max_size=40))
def test_foreign_text_is_no_reference_and_no_error(text):
    found = ids.References(KEYS).id_of(text)
    assert found is None or ids.References(KEYS).of(found) == text.lower()


def test_neighbours_have_references_that_look_unrelated():
    references = ids.References(KEYS)
    bodies = [references.of(n)[4:] for n in range(1000)]
    same = [
        sum(a == b for a, b in zip(one, two, strict=True))
        for one, two in zip(bodies, bodies[1:], strict=False)
    ]
    assert sum(same) / len(same) < 2  # by chance one digit of sixteen agrees

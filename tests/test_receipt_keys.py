"""What a receipt without our reference is found by: one key for each account and provider's id."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.sending.record import ref_hash, ref_hashes

accounts = st.integers(1, 5_000)
provider_ids = st.one_of(
    st.text("0123456789abcdef", min_size=1, max_size=14),
    st.text("0123456789ABCDEFxyz-_ ", min_size=1, max_size=40),
    st.uuids().map(str),
)
names = st.tuples(accounts, provider_ids)


@given(st.lists(names, max_size=60, unique=True))
def test_no_two_have_the_same_key(some):
    keys = [ref_hash(account, provider_id) for account, provider_id in some]
    assert len(set(keys)) == len(some)
    assert all(-(2**63) <= key < 2**63 for key in keys)


@given(accounts, st.lists(provider_ids, max_size=20))
def test_many_at_once_are_as_one_by_one(account, some):
    assert ref_hashes(account, some) == [ref_hash(account, one) for one in some]


@given(st.integers(1, 2_047), st.integers(0, 10**12 - 2))
def test_ids_that_count_up_have_keys_that_grow(account, number):
    first, second = (f"{one:012}" for one in (number, number + 1))
    assert ref_hash(account, first) < ref_hash(account, second)


def test_zeros_in_front_are_part_of_an_id():
    assert len({ref_hash(1, "12"), ref_hash(1, "012"), ref_hash(1, "0012"), ref_hash(2, "12")}) == 4

"""Numbers and credentials are unreadable without the keys, and the keys are guarded."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.security import crypto

KEYS = crypto.Keys(b"d" * 32, b"i" * 32, b"s" * 32)


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_what_was_encrypted_comes_back(data, aad):
    blob = KEYS.encrypt(data, aad)
    assert KEYS.decrypt(blob, aad) == data


@given(st.integers(0, 40), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at, change):
    blob = bytearray(KEYS.seal_number("+8613800138000"))
    blob[1 + at % (len(blob) - 1)] ^= change
    with pytest.raises(crypto.KeysUnusable):
        KEYS.open_number(bytes(blob))


def test_an_empty_blob_is_unusable_like_any_other():
    """An empty blob has no nonce at all; the sentence is the same."""
    with pytest.raises(crypto.KeysUnusable):
        KEYS.decrypt(b"", b"account:1")


def test_a_blob_of_one_place_cannot_stand_in_another():
    with pytest.raises(crypto.KeysUnusable):
        KEYS.decrypt(KEYS.encrypt(b"secret", b"account:1"), b"account:2")


def test_many_numbers_seal_like_one():
    numbers = ["+8613800138000", "+4915152992312"]
    sealed = KEYS.seal_numbers(numbers)
    assert KEYS.open_numbers(sealed) == numbers == [KEYS.open_number(blob) for blob in sealed]
    assert len(set(KEYS.seal_numbers(numbers * 50))) == 100


def test_many_blind_indexes_at_once_are_those_of_each():
    numbers = [f"+86138{n:08}" for n in range(200)]
    assert KEYS.blind_indexes(numbers) == [KEYS.blind_index(number) for number in numbers]


def test_the_blind_index_is_equal_only_for_equal_numbers_and_keys():
    other = crypto.Keys(b"d" * 32, b"j" * 32, b"s" * 32)
    assert KEYS.blind_index("+8613800138000") == KEYS.blind_index("+8613800138000")
    assert KEYS.blind_index("+8613800138000") != KEYS.blind_index("+8613800138001")
    assert KEYS.blind_index("+8613800138000") != other.blind_index("+8613800138000")


@pytest.mark.parametrize(
    ("number", "masked"),
    [("+8613800138000", "+86138****8000"), ("+16172609851", "+161****9851"), ("+12345", "+12****")],
)
def test_a_mask_hides_the_middle(number, masked):
    assert crypto.mask(number) == masked


def test_keys_are_made_once_and_for_the_owner_only(tmp_path):
    crypto.create_keys(tmp_path / "keys")
    first = crypto.load_keys(tmp_path / "keys").blind_index("x")
    crypto.create_keys(tmp_path / "keys")
    assert crypto.load_keys(tmp_path / "keys").blind_index("x") == first
    assert {stat.S_IMODE(f.stat().st_mode) for f in (tmp_path / "keys").iterdir()} == {0o400}


@pytest.mark.parametrize("trouble", ["missing", "open", "short"])
def test_unusable_keys_are_refused_with_the_remedy(tmp_path, trouble):
    crypto.create_keys(tmp_path)
    file = tmp_path / "data.key"
    if trouble == "missing":
        file.unlink()
    elif trouble == "open":
        file.chmod(0o644)
    else:
        file.chmod(0o600)
        file.write_bytes(b"short")
    with pytest.raises(crypto.KeysUnusable, match="data.key"):
        crypto.load_keys(tmp_path)

"""Codes of short links: unique, turned back without a look-up, and of no help to whoever guesses."""

from __future__ import annotations

import random
import string
import threading

import pytest

from core import clock, ids
from core.content import links as content
from core.db import database
from core.security.crypto import Keys
from core.sending import links
from core.sending.links import Tokens
from tests import send_kit

KEYS = Keys(bytes(32), bytes(range(32)), bytes(32))
ALPHABET = string.digits + string.ascii_letters


def test_a_hundred_thousand_codes_are_unique_and_come_back():
    tokens, first = Tokens(KEYS), clock.now_ms() << 20
    messages = range(first, first + 100_000)
    codes = tokens.many(messages, 3)
    assert len(set(codes)) == 100_000
    assert all(len(code) == content.CODE_LENGTH and code.isascii() and code.isalnum() for code in codes)
    assert [tokens.open(code) for code in codes] == [(message, 3) for message in messages]


def test_every_link_of_a_message_has_a_code_of_its_own():
    codes = {links.token(KEYS, 1 << 61, idx) for idx in range(16)}
    assert len(codes) == 16
    assert {links.open_token(KEYS, code) for code in codes} == {(1 << 61, idx) for idx in range(16)}


def test_other_keys_read_other_numbers():
    code = links.token(KEYS, 1 << 61, 0)
    other = Keys(bytes(32), bytes(32), bytes(32))
    assert links.open_token(other, code) != (1 << 61, 0)


@pytest.mark.parametrize(
    "code", ["", "x", "x" * 10, "x" * 12, "zzzzzzzzzzz", "aaaa aaaaaa", "ааааааааааа", "a" * 10 + "\n"]
)
def test_what_is_no_code_opens_nothing(code):
    assert links.open_token(KEYS, code) is None


def test_a_message_outside_the_years_of_the_codes_is_refused():
    with pytest.raises(ValueError, match="2020 to 2054"):
        links.token(KEYS, 1 << 40, 0)


def test_neighbours_have_nothing_in_common():
    tokens, first = Tokens(KEYS), clock.now_ms() << 20
    codes = tokens.many(range(first, first + 2_000), 0)
    same = sum(
        a == b for one, two in zip(codes, codes[1:], strict=False) for a, b in zip(one, two, strict=True)
    )
    # Of 11 characters the first has 22 values, the others 62: by chance 1/22 + 10/62 of them agree.
    assert 0.15 < same / 1_999 < 0.27


def test_guesses_and_neighbours_of_a_known_code_meet_nobody(rt_sqlite):
    rt = rt_sqlite
    campaign, _account = send_kit.setup(rt, n=2_000)
    known = {row[0] for row in send_kit.rows(campaign, "id")}
    tokens, chance = Tokens(rt.keys), random.Random(7)
    code = tokens.of(min(known), 0)
    near = [
        code[:at] + char + code[at + 1 :] for at in range(len(code)) for char in ALPHABET if char != code[at]
    ]
    last = code
    for _step in range(1_000):
        last = _next(last)
        near.append(last)
    guesses = near + ["".join(chance.choices(ALPHABET, k=11)) for _guess in range(100_000)]
    met = [guess for guess in guesses if (opened := tokens.open(guess)) and opened[0] in known]
    assert met == []
    assert all(links.person_of(rt, guess) is None for guess in guesses[:2_000])


def _next(code: str) -> str:
    """The code after this one, as a counter would go."""
    digits = [ALPHABET.index(char) for char in code]
    at = len(digits) - 1
    while digits[at] == 61:
        digits[at] = 0
        at -= 1
    digits[at] += 1
    return "".join(ALPHABET[digit] for digit in digits)


def test_threads_share_the_codes_of_one_instance():
    tokens, wrong = Tokens(KEYS), []
    base = clock.now_ms() << 20

    def work(seed: int) -> None:
        for n in range(500):
            message = base + seed * 1_000 + n
            if tokens.open(tokens.of(message, n % 16)) != (message, n % 16):
                wrong.append(message)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_link_says_whose_it_is(rt):
    campaign, _account = send_kit.setup(rt, n=3)
    message_id, contact_id = send_kit.rows(campaign, "id, contact_id")[0]
    code = links.token(rt.keys, message_id, 13)
    assert links.person_of(rt, code) == (message_id, contact_id, campaign, "optout")
    assert links.person_of(rt, links.token(rt.keys, message_id, 14)).kind == "preferences"
    assert links.person_of(rt, links.token(rt.keys, message_id, 5)) is None
    assert links.person_of(rt, links.token(rt.keys, message_id + 1_000, 13)) is None
    assert ids.at_ms(message_id) > 0 and database.scalar("SELECT COUNT(*) FROM link") == 0

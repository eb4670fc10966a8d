"""Lots: uniform, independent, and the same in SQL on both databases and in Python."""

import math

import pytest

from core.db import database
from core.sending import draw

N = 200_000
SALTS = (1, 987_654_321, 4_611_686_018_427_387_903)


def chi2_tail(x: float, k: int) -> float:
    """P(χ²_k > x), Wilson–Hilferty."""
    z = ((x / k) ** (1 / 3) - (1 - 2 / (9 * k))) / math.sqrt(2 / (9 * k))
    return 0.5 * math.erfc(z / math.sqrt(2))


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("purpose", [draw.HOLDOUT, draw.VARIANT])
def test_lots_are_uniform(salt, purpose):
    cells = [0] * 100
    for contact in range(1, N + 1):
        cells[draw.draw(salt, purpose, contact) // 100] += 1
    x = sum((n - N / 100) ** 2 / (N / 100) for n in cells)
    assert 1e-4 < chi2_tail(x, 99) < 1 - 1e-4


def correlation(a: list[int], b: list[int]) -> float:
    mean = (draw.SCALE - 1) / 2
    top = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    return top / math.sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))


def test_holdout_and_variant_lots_know_nothing_of_each_other_nor_of_other_campaigns():
    ids = range(1, N + 1)
    holdout = [draw.draw(SALTS[0], draw.HOLDOUT, i) for i in ids]
    variant = [draw.draw(SALTS[0], draw.VARIANT, i) for i in ids]
    other = [draw.draw(SALTS[1], draw.HOLDOUT, i) for i in ids]
    limit = 4 / math.sqrt(N)
    assert abs(correlation(holdout, variant)) < limit
    assert abs(correlation(holdout, other)) < limit
    assert abs(correlation(holdout[:-1], holdout[1:])) < limit  # neighbours


def test_variants_split_evenly_within_the_holdout_and_outside():
    kept = [i for i in range(1, N + 1) if draw.draw(7, draw.HOLDOUT, i) < 500]
    assert abs(len(kept) - N * 0.05) < 4 * math.sqrt(N * 0.05 * 0.95)
    first = sum(draw.pick(7, i, [1, 1]) == 0 for i in kept)
    assert abs(first - len(kept) / 2) < 4 * math.sqrt(len(kept) / 4)


def test_sql_draws_the_same_lots_without_overflow(rt):
    ids = [*range(1, 300), 10_000_000, 2_000_000_000, 2_147_483_646]
    with database.write_tx():
        database.execute("CREATE TABLE lots_test (id INTEGER)")
        database.executemany("INSERT INTO lots_test (id) VALUES (?)", [(i,) for i in ids])
    weights = [50, 30, 20]
    for salt in SALTS:
        rows = database.query(
            f"SELECT id, {draw.sql(salt, draw.HOLDOUT, 'id')}, {draw.pick_sql(salt, 'id', weights)}, "
            f"{draw.pick_sql(salt, 'id', [1, 2])} FROM lots_test ORDER BY id"
        )
        for contact, lot, variant, half in rows:
            assert isinstance(lot, int)
            assert lot == draw.draw(salt, draw.HOLDOUT, contact)
            assert variant == draw.pick(salt, contact, weights)
            assert half == draw.pick(salt, contact, [1, 2])
    with database.write_tx():
        database.execute("DROP TABLE lots_test")


def test_weights_are_shares_of_any_scale():
    assert draw.bounds([1, 1]) == [5000, 10_000]
    assert draw.bounds([70, 20, 10]) == [7000, 9000, 10_000]
    picks = [draw.pick(3, i, [70, 20, 10]) for i in range(1, 20_001)]
    for position, share in enumerate((0.7, 0.2, 0.1)):
        assert abs(picks.count(position) / 20_000 - share) < 0.015

"""Intervals and sample sizes agree with published figures and with each other."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.measure import stats

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    assert stats.wilson(successes, n) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("x1", "n1", "x2", "n2", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0),
    ],
)
def test_newcombe_gives_the_published_intervals(x1, n1, x2, n2, low, high):
    assert stats.newcombe(x1, n1, x2, n2) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("base", "relative", "n"),
    [
        (0.01, 0.1, 163_095),
        (0.02, 0.1, 80_682),
        (0.03, 0.1, 53_211),
        (0.05, 0.1, 31_234),
        (0.05, 0.05, 122_124),
    ],
)
def test_arm_size_gives_the_sizes_of_the_measurement_notes(base, relative, n):
    assert stats.arm_size(base, base * (1 + relative)) == pytest.approx(n, abs=1)


def test_a_nine_to_one_split_needs_the_total_of_the_measurement_notes():
    texted = stats.arm_size(0.011, 0.01, ratio=1 / 9)
    assert texted * 10 / 9 == pytest.approx(919_434, rel=1e-3)


def test_equal_shares_cannot_be_told_apart():
    with pytest.raises(ValueError):
        stats.arm_size(0.1, 0.1)


def test_what_is_detectable_needs_exactly_the_people_there_are():
    rise = stats.detectable(0.04, n_texted=9_500, n_kept=500)
    assert stats.arm_size(0.04, 0.04 + rise, ratio=9_500 / 500) <= 500
    assert stats.arm_size(0.04, 0.04 + rise * 0.99, ratio=9_500 / 500) > 500


@pytest.mark.parametrize(("texted", "kept"), [(0, 10), (10, 0), (20, 1)])
def test_too_few_people_can_show_nothing(texted, kept):
    assert stats.detectable(0.5, texted, kept) is None


def test_no_data_gives_no_interval():
    assert stats.wilson(0, 0) is None
    assert stats.newcombe(1, 2, 0, 0) is None
    assert stats.lift(1, 10, 0, 10) is None


@given(counts)
def test_an_interval_holds_its_share(count):
    low, high = stats.wilson(*count)
    assert 0 <= low <= count[0] / count[1] <= high <= 1


@given(counts, counts)
def test_a_difference_turned_round_is_the_mirror_image(first, second):
    low, high = stats.newcombe(*first, *second)
    turned = stats.newcombe(*second, *first)
    assert turned == (pytest.approx(-high, abs=1e-12), pytest.approx(-low, abs=1e-12))
    assert low - 1e-12 <= first[0] / first[1] - second[0] / second[1] <= high + 1e-12


@given(counts, counts)
def test_a_lift_lies_inside_its_interval(first, second):
    found = stats.lift(*first, *second)
    if found is not None:
        value, low, high = found
        assert -1 <= low <= value + 1e-9 and value - 1e-9 <= high <= inf

"""How many texts a trial takes and what its pairs say, against published figures."""

from math import log, sqrt

import pytest

from core.measure.arrival import trial_maths as trial
from core.measure.trials import pairs, report


@pytest.mark.parametrize(
    ("p", "margin", "n"),
    [
        (0.95, 0.05, 83), (0.95, 0.03, 215), (0.95, 0.02, 469), (0.95, 0.01, 1_838), (0.95, 0.005, 7_312),
        (0.90, 0.02, 868), (0.97, 0.02, 303), (0.97, 0.01, 1_143), (0.99, 0.01, 454), (0.99, 0.005, 1_606),
    ],
)  # fmt: skip
def test_sizes_for_a_margin_are_those_documented(p, margin, n):
    assert trial.size_for(p, margin) == n


@pytest.mark.parametrize(
    ("n", "bound"), [(20, 0.139), (30, 0.095), (60, 0.049), (100, 0.030), (300, 0.010), (600, 0.005)]
)
def test_no_failure_in_n_texts_still_leaves_room_for_some(n, bound):
    assert trial.zero_failures_bound(n) == pytest.approx(bound, abs=0.0006)


def test_no_text_says_nothing():
    assert trial.zero_failures_bound(0) == 1.0
    assert trial.wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("p1", "p2", "n"), [(0.98, 0.95, 588), (0.97, 0.95, 1_506), (0.98, 0.97, 3_826), (0.95, 0.90, 435)]
)
def test_sizes_to_tell_two_providers_apart(p1, p2, n):
    assert trial.two_provider_size(p1, p2) == n


@pytest.mark.parametrize(("d01", "d10", "n"), [(0.04, 0.01, 434), (0.01, 0.03, 783)])
def test_sizes_on_the_same_handsets(d01, d10, n):
    assert trial.mcnemar_size(d01, d10) == n


def test_equal_providers_cannot_be_told_apart_by_any_number():
    with pytest.raises(ValueError, match="told apart"):
        trial.mcnemar_size(0.02, 0.02)
    with pytest.raises(ValueError, match="between"):
        trial.size_for(0.9, 0)


def test_pairs_give_a_difference_its_interval_and_the_exact_p():
    difference, low, high, p = trial.paired(1, 9, 44)
    assert difference == pytest.approx(8 / 44)
    assert low < difference < high and low > 0
    assert p == pytest.approx(2 * (1 + 10) / 1024)
    assert trial.paired(0, 0, 100)[0::3] == (0.0, 1.0)
    mirrored = trial.paired(9, 1, 44)
    assert (mirrored[1], mirrored[2]) == pytest.approx((-high, -low), abs=1e-8)


def test_the_interval_of_pairs_solves_its_own_score_equation():
    """Tango: at the bounds the squared score statistic is z²; worked out here from the full likelihood."""
    n01, n10, n = 4, 12, 80
    _difference, low, high, _p = trial.paired(n01, n10, n)
    for bound in (low, high):
        # Greatest likelihood of the smaller cell under the fixed difference, by a grid instead of the formula.
        def score(q, bound=bound):
            both = n - n01 - n10
            return n10 * log(q + bound) + n01 * log(q) + both * log(1 - 2 * q - bound)

        start = max(0.0, -bound)
        q = max((start + (1 - abs(bound)) / 2 * i / 200_000 for i in range(1, 200_000)), key=score)
        statistic = (n10 - n01 - n * bound) / sqrt(n * (2 * q + bound * (1 - bound)))
        assert abs(statistic) == pytest.approx(1.96, abs=0.01)


def test_pairs_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="among all pairs"):
        trial.paired(5, 6, 10)


def test_where_interval_and_exact_test_disagree_the_sentence_says_so():
    """80 pairs, 11 only through the second and 3 only through the first: Tango's interval leaves 0 out, p is .057."""
    told = trial.paired(3, 11, 80)
    assert told[1] > 0 and told[3] > 0.05
    pair = pairs.Pair(1, 2, True, 80, 60, 11, 3, *told)
    said = report._told(pair, {1: "A", 2: "B"})
    assert "No difference is sure" in said and "p = 0.057" in said and pair.better is None
    agreed = pairs.Pair(1, 2, True, 80, 60, 8, 4, *trial.paired(4, 8, 80))
    assert "the exact test" not in report._told(agreed, {1: "A", 2: "B"})

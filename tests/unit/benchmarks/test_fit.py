"""Percentiles, lines and exponents, on figures of which the answer is known."""

from __future__ import annotations

import pytest

from tests.benchmarks.fit import Line, exponent, line, percentile


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """Nearest rank: half of 1..100 is 50, and the 99th is 99, whatever order they come in."""
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99)) == (1, 50, 99)
    assert percentile(values, 1) == 100
    assert percentile([7.0], 0.99) == 7
    assert percentile([1.0, 2.0, 9.0], 0.99) == 9


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_a_percentile_of_nothing_is_refused(values: list[float], share: float) -> None:
    """No figure is made up."""
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, share)


def test_a_line_is_found_again() -> None:
    """Points on a line give the line; others the one with the least squares."""
    found = line([1, 2, 4], [12, 14, 18])
    assert found.base == pytest.approx(10)
    assert found.each == pytest.approx(2)
    assert found.at(100) == pytest.approx(210)
    assert line([0, 1, 2], [0, 3, 0]).base == pytest.approx(1)
    assert Line(1, 2).at(3) == 7


def test_one_place_makes_no_line() -> None:
    """Two figures of the same place say nothing of growth."""
    with pytest.raises(ValueError, match="two different places"):
        line([3, 3], [1, 2])


def test_an_exponent_tells_linear_from_quadratic() -> None:
    """Whatever the factor."""
    x = [300.0, 1000.0, 3000.0]
    assert exponent(x, [0.02 * one for one in x]) == pytest.approx(1)
    assert exponent(x, [5e-6 * one**2 for one in x]) == pytest.approx(2)
    assert exponent(x, [4.0, 4.0, 4.0]) == pytest.approx(0)
    with pytest.raises(ValueError, match="above zero"):
        exponent(x, [1, 0, 2])

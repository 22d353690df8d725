import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import InvalidObjectivesError
from nas.pareto.hypervolume import hypervolume

GRID = 6
TABLES = st.integers(1, 3).flatmap(
    lambda m: st.lists(st.lists(st.integers(0, GRID), min_size=m, max_size=m), max_size=12)
)


def counted(rows, dimensions):
    """Count the unit cubes below the reference that some row dominates."""
    corners = np.stack(np.meshgrid(*[np.arange(GRID)] * dimensions, indexing="ij"), axis=-1)
    corners = corners.reshape(-1, dimensions)
    return sum(
        any(all(a <= b for a, b in zip(row, c, strict=True)) for row in rows) for c in corners
    )


@settings(derandomize=True, max_examples=60)
@given(TABLES)
def test_volume_of_a_grid_is_the_number_of_its_cubes(rows):
    dimensions = len(rows[0]) if rows else 2
    assert hypervolume(rows, reference=[GRID] * dimensions) == pytest.approx(
        counted(rows, dimensions)
    )


@settings(derandomize=True)
@given(TABLES.filter(bool), st.data())
def test_volume_never_falls_when_a_point_is_added(rows, data):
    reference = [GRID] * len(rows[0])
    extra = data.draw(st.lists(st.integers(0, GRID), min_size=len(rows[0]), max_size=len(rows[0])))
    assert hypervolume([*rows, extra], reference=reference) >= hypervolume(
        rows, reference=reference
    )


def test_volume_of_nothing_is_zero():
    assert hypervolume([], reference=[1.0, 1.0]) == 0.0


def test_point_beyond_the_reference_is_refused_with_its_values():
    with pytest.raises(InvalidObjectivesError, match=r"\[5.0, 1.0\] is worse than the reference"):
        hypervolume([[1.0, 1.0], [5.0, 1.0]], reference=[3.0, 3.0])


def test_nan_and_wrong_width_are_refused():
    with pytest.raises(InvalidObjectivesError, match="point 0"):
        hypervolume([[float("nan"), 1.0]], reference=[3.0, 3.0])
    with pytest.raises(InvalidObjectivesError, match="2 objectives, but the reference has 3"):
        hypervolume([[1.0, 1.0]], reference=[3.0, 3.0, 3.0])
    with pytest.raises(InvalidObjectivesError, match="not finite"):
        hypervolume([[1.0, 1.0]], reference=[float("inf"), 3.0])

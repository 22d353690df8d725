"""Where points begin to count."""

import math

import numpy as np
import pytest

from nas.objective import objective_for
from nas.pareto.floor import counting_floor, is_above
from nas.pareto.yardstick import yardstick_from

OBJECTIVES = [objective_for("accuracy"), objective_for("size_bytes")]
FRONT = np.array([[-0.2, 10.0], [-0.6, 100.0], [-0.9, 1000.0]])


def test_a_floor_that_nothing_is_above_does_not_count():
    floor = counting_floor(FRONT, [(-0.5, math.inf), (-0.95, math.inf)])

    assert floor.tolist() == [-0.5, math.inf]
    assert counting_floor(FRONT, [(-1.0, math.inf)]).tolist() == [math.inf, math.inf]
    assert counting_floor(np.empty((0, 2)), [(-0.5, math.inf)]).tolist() == [math.inf, math.inf]


def test_a_point_on_the_floor_is_not_above_it():
    assert is_above(FRONT, np.array([-0.6, math.inf])).tolist() == [False, False, True]


def test_volume_is_counted_from_the_floor():
    yardstick = yardstick_from([FRONT], OBJECTIVES, floors=[(-0.5, math.inf)])

    # Sizes count by their logarithms, 2 and 3, up to a tenth beyond the front.
    assert yardstick.reference.tolist() == pytest.approx([-0.5, 3.1])
    assert yardstick.whole == pytest.approx(0.1 * (3.1 - 2) + 0.3 * (3.1 - 3))
    scaled = yardstick.on_scale(FRONT)
    assert yardstick.share(scaled[:1]) == 0.0
    assert yardstick.share(scaled) == pytest.approx(1.0)


def test_without_floors_nothing_changes():
    both = ((), [(-1, math.inf)])
    plain, floored = (yardstick_from([FRONT], OBJECTIVES, floors=floors) for floors in both)

    assert plain.whole == floored.whole
    assert plain.reference.tolist() == floored.reference.tolist()

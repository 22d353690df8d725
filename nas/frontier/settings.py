"""Which decisions change how a network is trained, or what it does, but no known cost?

Learning rate, dropout and activation move accuracy alone; width and depth move the size. In a
space with both, what is learned of the former at one size holds at others, so the model treats
them apart. Which they are is found by trying: other values of a parameter, all else equal.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.frontier.encoding import Encoding
from nas.space.facts import Facts

FloatArray = NDArray[np.float64]

# Architectures in which a parameter is changed, and how many changes must have left the costs as
# they were; one that did not is enough to say that it moves them.
NUM_TRIED, NUM_EQUAL = 12, 6
# One decision alone, such as the activation of a network, is learned with the others.
MIN_SETTINGS = 2


def settings_of(
    encoding: Encoding,
    rows: FloatArray,
    facts_of_row: Callable[[FloatArray], Facts | None],
    rng: np.random.Generator,
) -> frozenset[int]:
    """Return the columns of the parameters that change no known cost of any network tried.

    There are none where it is fewer than two.

    Args:
        encoding: of the space.
        rows: (n, parameters) architectures that can be built.
        facts_of_row: returns what is known of a row; None if it cannot be built.
        rng: draws.
    """

    def is_setting(column: int) -> bool:
        present = np.flatnonzero(~np.isnan(rows[:, column]))
        if encoding.domains[column].num_values < 2 or not len(present):
            return False
        tried = rows[present[rng.integers(len(present), size=NUM_TRIED)]]
        pairs = zip(tried, encoding.redraw(tried, column, rng), strict=True)
        num_equal = 0
        for row, other in pairs:
            one, two = facts_of_row(row), facts_of_row(other)
            if one is None or two is None or one.identity == two.identity:
                continue
            if _costs(one) != _costs(two):
                return False
            num_equal += 1
        return num_equal >= NUM_EQUAL

    found = frozenset(filter(is_setting, range(len(encoding.domains))))
    return found if len(found) >= MIN_SETTINGS else frozenset()


def _costs(facts: Facts) -> Sequence[float]:
    return (facts.log_size, *facts.numbers, *facts.losses)

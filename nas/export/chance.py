"""What may chance alone do to shares that were counted on a few test examples?

Two models that are judged on the same examples are compared in pairs: only examples that one
tells right and the other wrong say which is better (McNemar 1947). The interval is Agresti and
Min's (2005, "Simple improved confidence intervals for comparing matched proportions"): half an
example is added to each of the four cells, so that few examples do not look like certainty.
"""

import math

import numpy as np
import numpy.typing as npt

ONE_SIDED, TWO_SIDED = 1.645, 1.960  # deviations that chance exceeds in 5 % of cases
_ADDED = 0.5  # examples in each of the four cells

Right = npt.NDArray[np.bool_]


def share_interval(
    num_right: float, num_examples: int, *, z: float = TWO_SIDED
) -> tuple[float, float]:
    """Return where a counted share lies: Wilson's score interval.

    Args:
        num_right: examples that count.
        num_examples: all of them, at least 1.
        z: half its width in deviations of the normal distribution.
    """
    share, widened = num_right / num_examples, z**2 / num_examples
    half = z * math.sqrt(share * (1 - share) / num_examples + widened / (4 * num_examples))
    middle = share + widened / 2
    return max(0.0, (middle - half) / (1 + widened)), min(1.0, (middle + half) / (1 + widened))


def chance_of_at_most(num_right: int, num_examples: int, share: float) -> float:
    """Return the probability that so few or fewer of some examples count, each by itself.

    Args:
        num_right: examples that count.
        num_examples: all of them.
        share: probability that one of them counts.
    """
    from scipy.stats import binom

    return float(binom.cdf(num_right, num_examples, share))


def least_loss(right: Right, expected_right: Right, *, z: float = ONE_SIDED) -> float:
    """Return the share of examples that a model loses at least, however lucky the other was.

    Args:
        right: (N,) examples that the model tells right.
        expected_right: (N,) those that the other one tells right.
        z: 1.645: with 95 %, seen from this side alone.

    Returns:
        A share of all examples; below 0 where the model may as well be better.
    """
    lost = float((expected_right & ~right).sum()) + _ADDED
    won = float((right & ~expected_right).sum()) + _ADDED
    number = len(right) + 4 * _ADDED
    spread = math.sqrt(lost + won - (lost - won) ** 2 / number)
    return (lost - won - z * spread) / number

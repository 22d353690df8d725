"""At which shares of a full training may trials stop?"""

from collections.abc import Sequence
from itertools import pairwise


def shares_fault(shares: Sequence[float]) -> str | None:
    """Return what is wrong with the shares of rungs; None for nothing.

    >>> shares_fault([0.25, 1.0]) is None, shares_fault([0.5]) is None
    (True, False)
    """
    is_ascending = all(a < b for a, b in pairwise(shares))
    if len(shares) >= 2 and is_ascending and shares[0] > 0 and shares[-1] == 1:
        return None
    return (
        "fidelity.shares must ascend from above 0 to 1, with at least two values, but got "
        f"{list(shares)}; fidelity.shares='[0.25,0.5,1.0]' is a good choice"
    )

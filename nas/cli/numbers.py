"""How is a number of architectures written, from a dozen to 10^19?"""

import math


def format_count(number: float) -> str:
    """Return a number of architectures in words.

    >>> format_count(1536), format_count(3.77e7), format_count(1.2e15)
    ('1,536', '37,700,000', '1.2e+15')
    """
    if math.isinf(number):
        return "infinitely many"
    return f"{number:,.0f}" if number < 1e12 else f"{number:.2g}"

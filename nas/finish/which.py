"""Which members of a front become winners, in one word (`nas finish pick=...`).

By itself, so that the tab key offers the words without importing what chooses by them.
"""

from enum import StrEnum


class Which(StrEnum):
    """A way to choose."""

    AUTO = "auto"  # no limits: all; limits of cost: the best; of quality alone: the smallest
    ALL = "all"
    SPREAD = "spread"
    KNEE = "knee"
    BEST = "best"
    SMALLEST = "smallest"

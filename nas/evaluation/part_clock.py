"""How long did each part of a trial take? Wall time, by names that add up to the whole."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

# What a trial's time is made of, in its order; `wait` is what the search adds: from handing a
# trial out to taking its result, but for the trial's own time.
PARTS = ("wait", "build", "data", "train", "checkpoint", "validate", "measure", "variants")


class PartClock:
    """Adds up the time of each part.

    Attributes:
        parts_s: part -> seconds.
    """

    def __init__(self) -> None:
        self.parts_s: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is done meanwhile as that part; also if it fails."""
        began_s = time.monotonic()
        try:
            yield
        finally:
            self.add(name, time.monotonic() - began_s)

    def add(self, name: str, seconds: float) -> None:
        """Count some seconds as that part."""
        self.parts_s[name] = self.parts_s.get(name, 0.0) + seconds

    def move(self, seconds: float, *, source: str, to: str) -> None:
        """Count some seconds of one part as another one."""
        if seconds:
            self.add(source, -seconds)
            self.add(to, seconds)

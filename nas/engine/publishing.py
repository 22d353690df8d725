"""When are the tables written? Not so often that the search would wait for them."""

import time
from collections.abc import Callable, Sequence

from nas.trial import TrialRecord

# No more often than this, and in no more than this share of the time.
PUBLISH_EVERY_S = 10.0
PUBLISH_SHARE = 0.02

Publish = Callable[[Sequence[TrialRecord]], None]


class Publisher:
    """Writes tables now and then.

    Args:
        publish: writes them from all records.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._due_s = time.monotonic() + PUBLISH_EVERY_S

    def publish(self, records: Sequence[TrialRecord]) -> None:
        """Write them now."""
        self._publish(records)

    def publish_if_due(self, records: Callable[[], Sequence[TrialRecord]]) -> None:
        """Write them if it is time."""
        before_s = time.monotonic()
        if before_s <= self._due_s:
            return
        self._publish(records())
        now_s = time.monotonic()
        self._due_s = now_s + max(PUBLISH_EVERY_S, (now_s - before_s) / PUBLISH_SHARE)

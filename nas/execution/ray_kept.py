"""A local Ray that all backends of a command share, and the workers that one leaves to the next.

A worker takes seconds to start, most of them to import torch. It holds nothing of a search but its
evaluator, and takes another one for the next trials.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from nas.execution.ray_local import LocalRay


class KeptRay:
    """What backends of one command leave to the next one.

    Attributes:
        local: the local Ray, once one is started.
    """

    def __init__(self) -> None:
        self.local: LocalRay | None = None
        self._workers: list[Any] = []
        self._kind: object = None

    def leave(self, workers: Sequence[Any], *, kind: object) -> bool:
        """Keep idle workers for the next backend; say whether their Ray is ours, so that they are.

        Args:
            workers: handles of the actors.
            kind: equal for backends whose workers reserve and compute with the same.
        """
        if self.local is None:
            return False
        self._workers, self._kind = [*self._workers, *workers], kind
        return True

    def take(self, *, kind: object) -> list[Any]:
        """Return the workers that are kept; those of another kind are ended."""
        workers, self._workers = self._workers, []
        if kind == self._kind:
            return workers
        if workers:
            import ray

            for worker in workers:
                ray.kill(worker, no_restart=True)
        return []

    def close(self) -> None:
        """End the local Ray with all workers."""
        local, self.local = self.local, None
        self._workers = []
        if local is not None:
            local.close()


_KEPT: ContextVar[KeptRay | None] = ContextVar("kept", default=None)


def kept_ray() -> KeptRay | None:
    """Return what is shared; None outside of `one_local_ray`."""
    return _KEPT.get()


def end_kept_workers() -> None:
    """End the workers that are kept: what follows needs none, and may need their memory."""
    if (kept := kept_ray()) is not None:
        kept.take(kind=None)


@contextlib.contextmanager
def one_local_ray() -> Iterator[None]:
    """Let all backends of the block share a local Ray and its workers, which end with it.

    A block within another one shares that one's.
    """
    if kept_ray() is not None:
        yield
        return
    kept = KeptRay()
    token = _KEPT.set(kept)
    try:
        yield
    finally:
        _KEPT.reset(token)
        kept.close()

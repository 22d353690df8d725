"""What settings are decided from: the data, the machine, and how long networks train on it."""

from collections.abc import Sequence
from dataclasses import dataclass

# Images up to this side, and data that are no images, keep the small settings of the digits.
SMALL_SIDE = 12


@dataclass(frozen=True)
class DataFacts:
    """What counts of the data.

    Attributes:
        num_train: training images.
        side: shorter side of the images as they are kept, in pixels.
        are_images: they have a height and a width, and one class each.
    """

    num_train: int
    side: int
    are_images: bool = True

    @property
    def is_small(self) -> bool:
        """Whether the small settings will do."""
        return not self.are_images or self.side <= SMALL_SIDE


@dataclass(frozen=True)
class MachineFacts:
    """Where trials run.

    Attributes:
        num_workers: trials at once.
        has_accelerator: they run on a GPU.
    """

    num_workers: int
    has_accelerator: bool = False


@dataclass(frozen=True)
class KnownLearner:
    """A network that a space recommends: it is known to learn much in little time.

    Attributes:
        num_macs: its multiply-accumulates.
        epoch_s: seconds of an epoch of it.
    """

    num_macs: float
    epoch_s: float


@dataclass(frozen=True)
class SpaceSpeed:
    """How long networks drawn from a space train here.

    Attributes:
        side: largest side of the images that they take, in pixels.
        num_macs: multiply-accumulates of each, rising.
        epoch_s: seconds of an epoch of each, in the same order.
        recommended: what the search begins with; None where the space names nothing.
        further: what it goes on with.
    """

    side: int
    num_macs: Sequence[float]
    epoch_s: Sequence[float]
    recommended: KnownLearner | None = None
    further: Sequence[KnownLearner] = ()

    def usual_epoch_s(self, *, most_macs: float | None = None) -> float:
        """Return what an epoch of a usual trial takes: of the recommended network, or the mean."""
        if self.recommended is not None:
            return self.recommended.epoch_s
        return self.mean_epoch_s(most_macs=most_macs)

    def mean_epoch_s(self, *, most_macs: float | None = None) -> float:
        """Return the mean of those with at most so many multiply-accumulates; at least of one."""
        pairs = zip(self.num_macs, self.epoch_s, strict=True)
        kept = [s for macs, s in pairs if most_macs is None or macs <= most_macs]
        return sum(kept) / len(kept) if kept else self.epoch_s[0]

    def most_macs(self, *, epoch_s: float) -> float | None:
        """Return what a network may have whose epoch takes so long; None where all are quicker."""
        if self.epoch_s[-1] <= epoch_s:
            return None
        kept = [m for m, s in zip(self.num_macs, self.epoch_s, strict=True) if s <= epoch_s]
        return kept[-1] if kept else self.num_macs[0]

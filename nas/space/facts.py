"""What is known of an architecture before it is trained, and what its configuration alone tells.

`Facts` is what a size-aware sampler is given for each architecture. `ConfigurationFacts` derives
more from the choices themselves, for any space: how often each option is taken among like
positions, where (early or late), in which runs, and how many positions are present at all. Absent
positions count as absent, not as one more option.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Value
from nas.space.parameters import Choice, Parameter

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Parameters with other names are like positions only if they share this many options: two switches
# or two kernel sizes are no hint.
MIN_SHARED_OPTIONS = 4


@dataclass(frozen=True)
class Facts:
    """What is known of one architecture without training it.

    Attributes:
        log_size: decimal logarithm of its size.
        identity: a key that architectures with the same network share.
        numbers: free numbers that may tell its accuracy (log10 of counts); same length and order
            for every architecture of a space.
        prior_score: an estimate of how good it is among networks of its size, before anything is
            trained; higher is better, on any scale, since only the order counts. The first
            trainings are chosen by it. NaN where there is no estimate.
        static: the static objectives' values, lower is better, in the study's order and on the
            scale on which differences count (log10 for sizes); empty for (log_size,).
    """

    log_size: float
    identity: str
    numbers: tuple[float, ...] = ()
    prior_score: float = 0.0
    static: tuple[float, ...] = ()

    @property
    def losses(self) -> tuple[float, ...]:
        """The static objectives' values."""
        return self.static or (self.log_size,)


class ConfigurationFacts:
    """Facts of the configuration alone, for many architectures at once.

    Like positions (the edges of a cell, the layers of a stage) are taken together, in the order of
    the space: parameters whose names differ in digits only and whose options are mostly the same,
    or that have the same four or more options.

    Args:
        parameters: of the space, in its order.
        left_out: places of parameters that are no positions of a network.
    """

    def __init__(self, parameters: Sequence[Parameter], *, left_out: Collection[int] = ()) -> None:
        groups: list[_Group] = []
        for index, parameter in enumerate(parameters):
            if index in left_out:
                continue
            if not isinstance(parameter.domain, Choice) or len(parameter.domain.options) < 2:
                continue
            options = [(type(value), value) for value in parameter.domain.options]
            stem = re.sub(r"\d+", "#", parameter.name)
            group = next((g for g in groups if g.takes(stem, options)), None)
            if group is None:
                group = _Group(stem, [])
                groups.append(group)
            group.join(index, options)
        self._groups = [group for group in groups if len(group.positions) > 1]
        sizes = sorted({len(group.positions) for group in self._groups})
        self._families = [
            _Family([group for group in self._groups if len(group.positions) == size])
            for size in sizes
        ]

    @property
    def blocks(self) -> list[list[tuple[str, int]]]:
        """Kind and number of columns of each block of facts, group by group.

        Each option's share is a block of its own; all their places are one.
        """
        return [
            [("share", 1)] * len(group.options)
            + [("place", len(group.options)), ("present", 1), ("repeats", 1)]
            for group in self._groups
        ]

    def __call__(self, codes: FloatArray) -> FloatArray:
        """Return the facts of each row.

        Args:
            codes: (n, parameters) index of the option taken, NaN where absent.

        Returns:
            (n, facts), each fact within [-1, 1]; no columns where no parameters are alike.
        """
        found = {id(g): facts for family in self._families for g, facts in family(codes)}
        columns = [column for group in self._groups for column in found[id(group)]]
        return np.hstack(columns) if columns else np.empty((len(codes), 0))


@dataclass
class _Group:
    """Like positions: their columns, and for each the place of its options in the common list."""

    stem: str
    options: list[tuple[type, Value]]
    positions: list[int] = field(default_factory=list)
    places: list[list[int]] = field(default_factory=list)

    def takes(self, stem: str, options: Sequence[tuple[type, Value]]) -> bool:
        shared = len(set(options) & set(self.options))
        is_same = shared == len(options) == len(self.options)
        if stem == self.stem:
            return 2 * shared >= max(len(options), len(self.options))
        return is_same and shared >= MIN_SHARED_OPTIONS

    def join(self, index: int, options: Sequence[tuple[type, Value]]) -> None:
        self.options += [option for option in options if option not in self.options]
        self.positions.append(index)
        self.places.append([self.options.index(option) for option in options])


class _Family:
    """Groups of equally many positions, whose facts are found at once: a call each takes longer.

    Args:
        groups: at least one.
    """

    def __init__(self, groups: Sequence[_Group]) -> None:
        self._groups = groups
        self._positions = np.array([group.positions for group in groups])
        self._num_options = max(len(group.options) for group in groups)
        # Of each option of each position, its place in the group's common list.
        self._places = np.full((*self._positions.shape, self._num_options), np.nan)
        for table, group in zip(self._places, groups, strict=True):
            for row, places in zip(table, group.places, strict=True):
                row[: len(places)] = places

    def __call__(self, codes: FloatArray) -> Iterator[tuple[_Group, list[FloatArray]]]:
        """Yield the columns of each group."""
        own = np.take(codes, self._positions, axis=1)
        is_present = ~np.isnan(own)
        options = np.where(is_present, own, 0).astype(np.int64)
        at = np.indices(self._positions.shape, sparse=True)
        taken = np.where(is_present, self._places[(*at, options)], np.nan)
        share, place, present, repeats = _facts_of(taken, is_present, self._num_options)
        for index, group in enumerate(self._groups):
            count = len(group.options)
            yield (
                group,
                [
                    share[:, index, :count],
                    place[:, index, :count],
                    present[:, index, None],
                    repeats[:, index, None],
                ],
            )


def _facts_of(
    taken: FloatArray, is_present: BoolArray, num_options: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return share and place of each option, how many positions are present, and repeats.

    Args:
        taken: (n, groups, positions) options, NaN where absent.
        is_present: (n, groups, positions).
        num_options: most that a group has.

    Returns:
        Twice (n, groups, options), then twice (n, groups).
    """
    num_positions = taken.shape[2]
    num_present = is_present.sum(axis=2)
    # Place of each position among those present: -1/2 for the first, 1/2 for the last.
    last = np.maximum(num_present - 1, 1)[:, :, None]
    place = (np.cumsum(is_present, axis=2) - 1) / last - 0.5
    takes = taken[:, :, :, None] == np.arange(num_options)
    share = takes.sum(axis=2) / num_positions
    moment = 2.0 * (takes * place[:, :, :, None]).sum(axis=2) / num_positions
    repeats = (taken[:, :, 1:] == taken[:, :, :-1]).sum(axis=2) / max(num_positions - 1, 1)
    return share, moment, num_present / num_positions, repeats

"""The weights of finished trials, from which later trials start; a bounded number of them.

Only a trial that began at random passes its weights on. From child to child trainings would add
up, and an accuracy would tell how long its ancestors had learnt: the front would hold those with
the most ancestors (experiments/time_to_front). So every trial has learnt for one to one and a
quarter whole trainings, those of its relative included.

Weights lie in the run folder while the search goes on, are saved before the record of their trial,
and are removed when it is over; a run that goes on takes those of the front from `models`. The
driver hands them out with a trial's order, so workers need no common disk.
"""

import heapq
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

from nas.architecture import Architecture
from nas.files import remove_own, write_bytes
from nas.record.run_folder import RunFolder
from nas.space.distance import distance
from nas.space.parameters import Parameter
from nas.train.correspondence import Shape, likeness
from nas.trial import Inheritance, TrialRecord, TrialResult, TrialSpec, TrialState

_LOG = logging.getLogger(__name__)

MAX_KEPT = 100
MAX_BYTES = 2_000_000_000
# Relatives nearest by their parameters, of which the one is taken whose layers are most alike.
NUM_COMPARED = 12
# A network less like all others than this starts at random: slices so thin spare nothing.
LEAST_LIKENESS = 0.3
_FILE = "weights.safetensors"


@dataclass(frozen=True)
class InheritancePlan:
    """How trials start from the weights of others.

    Attributes:
        shapes: architecture -> name -> shape of its weights.
        share: of the steps of a full training that a trial gets whose weights are all inherited,
            in (0, 1]; the less it inherits, the nearer to 1.
        learning_rate_share: its peak learning rate, as a share of the recipe's.
    """

    shapes: Callable[[Architecture], Mapping[str, Shape]]
    share: float
    learning_rate_share: float


@dataclass
class _Kept:
    """A trial whose weights are there.

    Attributes:
        architecture: of the trial.
        file: where they are.
        num_bytes: of the file.
        shapes: name -> shape of the weights.
        to_newer: distance to the nearest of the trials that came later.
    """

    architecture: Architecture
    file: Path
    num_bytes: int
    shapes: Mapping[str, Shape]
    to_newer: float = float("inf")


class Relatives:
    """Keeps weights, and says which of them a new trial starts from.

    Args:
        run_folder: where they are kept.
        parameters: of the space, by which architectures are near each other.
        plan: how long a trial trains that starts from them.
        records: trials on record.
        max_kept: trials whose weights are kept at the same time.
        max_bytes: of their files together.
    """

    def __init__(
        self,
        run_folder: RunFolder,
        *,
        parameters: Sequence[Parameter],
        plan: InheritancePlan,
        records: Iterable[TrialRecord] = (),
        max_kept: int = MAX_KEPT,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._folder = run_folder.relatives_dir
        self._parameters = tuple(parameters)
        self._plan = plan
        self._shapes = lru_cache(NUM_COMPARED)(plan.shapes)
        self._most = max_kept, max_bytes
        self._kept: dict[int, _Kept] = {}
        self._num_users: Counter[int] = Counter()
        known = list(records)
        for record in known:
            if record.state is TrialState.RUNNING and record.relative is not None:
                self._num_users[record.relative] += 1
        trained = [record for record in known if _is_trained(record)]
        for record in trained:
            self._find(record, run_folder, from_models=not record.has_inherited)
        if not self._kept:  # the search had come to its end: the front is all that is left
            for record in trained:
                self._find(record, run_folder, from_models=True)
        self._remove_others()

    def nearest(self, architecture: Architecture) -> int | None:
        """Return the trial whose layers are most alike, the newest of several; None if none is.

        Its weights stay until the trial that was asked for is on record.
        """
        near = heapq.nsmallest(
            NUM_COMPARED, self._kept, key=lambda n: (self._distance(architecture, n), -n)
        )
        alike = {number: self._likeness(architecture, number) for number in near}
        found = max(alike, key=lambda number: (alike[number], number), default=None)
        if found is None or alike[found] < LEAST_LIKENESS:
            return None
        self._num_users[found] += 1
        return found

    def has(self, number: int) -> bool:
        """Say whether the weights of a trial are there."""
        return number in self._kept

    def order(self, spec: TrialSpec) -> TrialSpec:
        """Return an order with the weights that its trial starts from."""
        kept = self._kept.get(-1 if spec.inherited_from is None else spec.inherited_from)
        if kept is None:
            return replace(spec, keeps_weights=True)
        alike = self._likeness(spec.architecture, spec.inherited_from or 0)
        start = Inheritance(
            kept.file.read_bytes(),
            share=1.0 - alike * (1.0 - self._plan.share),
            learning_rate_share=self._plan.learning_rate_share,
        )
        return replace(spec, keeps_weights=True, inheritance=start)

    def save(self, result: TrialResult, told: Iterable[TrialRecord]) -> None:
        """Keep the weights that a result brought; call it before the record is told."""
        for record in told:
            begun_at_random = _is_trained(record) and not record.has_inherited
            if begun_at_random and result.weights is not None:
                self._keep(record, result.weights)

    def written(self, records: Iterable[TrialRecord]) -> None:
        """Let go what trials started from that are on disk now, and make room."""
        for record in records:
            if record.parent is None and record.relative is not None:
                self._num_users[record.relative] -= 1
        self._make_room()

    def tidy(self, *, is_over: bool) -> None:
        """Remove all of them, when the search is over; one that was interrupted needs them."""
        if is_over:
            self._kept.clear()
            self._remove_others()

    def _find(self, record: TrialRecord, run_folder: RunFolder, *, from_models: bool) -> None:
        """Take what an earlier command kept of a trial.

        Args:
            record: of the trial.
            run_folder: of the run.
            from_models: its weights there count too; all of the front have some.
        """
        own, of_front = self._file(record.number), run_folder.model_dir(record.number) / _FILE
        if own.is_file() and own.stat().st_size > 0:
            self._add(record, own)
        elif from_models and of_front.is_file() and of_front.stat().st_size > 0:
            self._keep(record, of_front.read_bytes())  # which a better trial may remove

    def _keep(self, record: TrialRecord, weights: bytes) -> None:
        file = self._file(record.number)
        write_bytes(file, weights)
        self._add(record, file)

    def _add(self, record: TrialRecord, file: Path) -> None:
        try:
            shapes = _shapes_in(file)
        except (OSError, SafetensorError) as error:
            _LOG.warning("no trial starts from %s, which cannot be read: %s", file, error)
            return
        for number, other in self._kept.items():
            if number != record.number:
                apart = self._distance(record.architecture, number)
                other.to_newer = min(other.to_newer, apart)
        self._kept[record.number] = _Kept(record.architecture, file, file.stat().st_size, shapes)

    def _file(self, number: int) -> Path:
        return self._folder / str(number) / _FILE

    def _distance(self, architecture: Architecture, number: int) -> float:
        return distance(architecture, self._kept[number].architecture, self._parameters)

    def _likeness(self, architecture: Architecture, number: int) -> float:
        """Return how alike a network and a kept one are; 0 for one that cannot be built."""
        try:
            shapes = self._shapes(architecture)
        except Exception:  # noqa: BLE001 - the user's build may raise anything; its trial says so
            return 0.0
        return likeness(shapes, self._kept[number].shapes)

    def _make_room(self) -> None:
        """Remove those that a later trial stands for best, until few enough are left."""
        most, most_bytes = self._most
        kept = self._kept
        while len(kept) > most or sum(each.num_bytes for each in kept.values()) > most_bytes:
            idle = [number for number in kept if self._num_users[number] <= 0]
            if not idle:
                return
            number = min(idle, key=lambda n: (kept[n].to_newer, n))
            del self._kept[number]
            remove_own(self._folder / str(number), (_FILE,))

    def _remove_others(self) -> None:
        if not self._folder.is_dir() or self._folder.is_symlink():
            return
        for place in self._folder.iterdir():
            if place.name.isdecimal() and int(place.name) not in self._kept:
                remove_own(place, (_FILE,))
        remove_own(self._folder, ())


def _is_trained(record: TrialRecord) -> bool:
    return record.state is TrialState.COMPLETE and record.parent is None


def _shapes_in(file: Path) -> dict[str, Shape]:
    with safe_open(file, framework="pt") as stored:
        return {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118

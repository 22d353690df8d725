"""The one contract between the search and whatever judges an architecture.

Real training (`trained`) and a published table (`tabular`) fulfil it alike. An evaluator is sent
to each worker process once, by pickle: hold large data as NumPy arrays, which Ray shares between
the processes of a node without copying, and build what cannot travel in `prepare`.

An evaluator may know or do more, and then has the methods of further protocols here; one that has
none of them works as well.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from nas.architecture import Architecture
from nas.space.facts import Facts
from nas.tables.table import Table
from nas.trial import TrialResult, TrialSpec


class Evaluator(Protocol):
    """Judges architectures."""

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        """Return metric name -> value for what is known without training; called in the driver.

        Raises:
            UnbuildableError: the space holds no such architecture; another one is drawn.
            Exception: whatever the space's `build` raises; the trial then fails in its worker,
                with the traceback in its result.
        """
        ...

    def prepare(self) -> None:
        """Get ready: import, move the data to the device. Called once in each worker."""
        ...

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Evaluate one architecture; a failure is a result with its traceback, never raised."""
        ...


@runtime_checkable
class KnowsFacts(Protocol):
    """An evaluator that itself says what a size-aware sampler may know of an architecture.

    For any other one facts are made from its static costs (`nas.assemble.facts`).
    """

    def facts(self, architecture: Architecture, *, static: Sequence[str] = ()) -> Facts | None:
        """Return what is known before any training; None where there is no such architecture.

        Args:
            architecture: what is asked about.
            static: the objectives that are known before training, the size first.
        """
        ...


@runtime_checkable
class KnowsWidths(Protocol):
    """An evaluator that can say how wide an architecture's layers are."""

    def widths(self, architecture: Architecture) -> Mapping[str, float]:
        """Return name of a width (`nas.widths`) -> value; empty where they are unknown."""
        ...


@runtime_checkable
class MeetsParts(Protocol):
    """An evaluator whose static costs come from parts that networks have in common."""

    def meet_parts(self) -> None:
        """Look at the parts of random networks; called in the driver, before many are described.

        It takes some seconds at most.
        """
        ...


@runtime_checkable
class CountsExamples(Protocol):
    """An evaluator whose accuracies are shares of validation examples that it can count.

    An accuracy that is read on few examples may be some points off.
    """

    @property
    def num_judged(self) -> int:
        """How many they are; 0 where what it judges is no share of independent examples."""
        ...


@runtime_checkable
class BringsWeights(Protocol):
    """An evaluator that says whether its results come with trained weights.

    Attributes:
        brings_weights: results that may stand on the front have weights, so that a member of the
            front without any has lost them and is trained again.
    """

    brings_weights: bool


@runtime_checkable
class Inherits(Protocol):
    """An evaluator whose trials may start from the weights of others.

    It takes up the `inheritance` of an order, and gives weights back for each order that says
    `keeps_weights`.
    """

    def weight_shapes(self, architecture: Architecture) -> Mapping[str, tuple[int, ...]]:
        """Return name -> shape of what the state dict of a network holds; called in the driver.

        Raises:
            Exception: whatever the space's `build` raises; the trial starts from random weights.
        """
        ...


@runtime_checkable
class SharesWeights(Protocol):
    """An evaluator whose trials begin with weights that are trained once, for all of them.

    Attributes:
        slice_share: a trial that may spend no more than this of its training is judged without
            any, by the shared weights.
    """

    slice_share: float

    def prepare_run(
        self,
        folder: Path,
        *,
        seed: int,
        say: Callable[[str], None],
        is_ended: Callable[[], bool],
    ) -> bool:
        """Train the weights, or take up what an earlier command did; called in the driver.

        The evaluator goes to the workers afterwards, and has them then.

        Args:
            folder: of the run, for what is kept of it.
            seed: of the search.
            say: is told how far it is.
            is_ended: asked after each step; if so, what was done is saved, and left.

        Returns:
            Whether it came to the end.
        """
        ...


@runtime_checkable
class ReadsTable(Protocol):
    """An evaluator that looks results up in a published table.

    Attributes:
        table: what stands for the data of the search, and is recognised when it goes on.
    """

    table: Table

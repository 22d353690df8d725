"""What is known of a network before it is trained: what it costs, and how wide it is.

What a space states is taken; the rest is counted on the meta device, once for each architecture.
Times on devices that are not at hand are predicted from the network's operators.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nas.architecture import Architecture
from nas.device.costs import from_operators
from nas.device.device import KnownDevice
from nas.evaluation.operator_costs import OperatorCosts
from nas.measure.cost import COUNTABLE, count_costs
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.widths import WIDTHS


def known_before(metrics: Collection[str]) -> list[str]:
    """Return those of some metrics that are known before training."""
    counted = [name for name in COUNTABLE if name in metrics]
    return counted + sorted(name for name in metrics if from_operators(name))


class KnownBefore:
    """Costs and widths of a space's networks.

    Args:
        space: builds them.
        data: what they are built for.
        metrics: names of the costs.
        devices: name -> device, each that the metrics name.

    Attributes:
        devices: the same.
    """

    def __init__(
        self,
        space: SearchSpace,
        data: DataShape,
        *,
        metrics: Sequence[str],
        devices: Mapping[str, KnownDevice] | None = None,
    ) -> None:
        self._space = space
        self._data = data
        self._metrics = metrics
        self.devices = dict(devices or {})
        self._of_operators = [name for name in metrics if from_operators(name)]
        self._operator_costs = OperatorCosts(
            space, data, metrics=self._of_operators, devices=self.devices
        )
        self._found: dict[str, dict[str, float]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what each process finds for itself."""
        return {**self.__dict__, "_found": {}}

    def costs(self, architecture: Architecture) -> dict[str, float]:
        """Return metric name -> value."""
        found = self._of(architecture)
        return {name: found[name] for name in self._metrics}

    def widths(self, architecture: Architecture) -> dict[str, float]:
        """Return `nas.widths.WIDTHS`.

        Nothing where the space states all costs and no widths: each network would have to be
        built.
        """
        found = self._of(architecture)
        return {name: found[name] for name in WIDTHS if name in found}

    def meet_parts(self) -> None:
        """Look at the parts that networks consist of, where costs follow from those."""
        if self._of_operators:
            self._operator_costs.meet_parts()

    def _of(self, architecture: Architecture) -> dict[str, float]:
        if architecture.id not in self._found:
            self._found[architecture.id] = self._find(architecture)
        return self._found[architecture.id]

    def _find(self, architecture: Architecture) -> dict[str, float]:
        known = dict(self._space.static_costs(architecture, self._data) or {})
        if not known.keys() >= set(self._metrics) - set(self._of_operators):
            wanted = (*self._metrics, *WIDTHS)
            counted = count_costs(
                lambda: self._space.build(architecture, self._data), self._data, metrics=wanted
            )
            known = {**counted, **known}
        if self._of_operators:
            known |= self._operator_costs(architecture)
        return {name: float(known[name]) for name in (*self._metrics, *WIDTHS) if name in known}

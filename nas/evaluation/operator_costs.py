"""What costs of a space's networks follow from their operators?

Networks of a space that says which parts they consist of (`SearchSpace.parts`) are put together
from what is known of the parts; any other network is built without weights and watched.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from nas.architecture import Architecture
from nas.device.chain import ChainCosts
from nas.device.costs import operator_costs
from nas.device.device import KnownDevice
from nas.device.trace import operators_of
from nas.errors import UnbuildableError
from nas.seeding import generator
from nas.space.space import SearchSpace
from nas.task import DataShape

_LOG = logging.getLogger(__name__)
_NUM_DRAWN = 64  # networks between two looks at how many of their parts are new
_FEW_NEW, _MOSTLY_NEW = 0.05, 0.8
MOST_SECONDS = 5.0


class OperatorCosts:
    """Memory at 8 bits, and times on devices, of a space's networks.

    Args:
        space: of the networks.
        data: what they are built for.
        metrics: names, all of which follow from operators.
        devices: name -> device, each that the metrics name.
    """

    def __init__(
        self,
        space: SearchSpace,
        data: DataShape,
        *,
        metrics: Sequence[str],
        devices: Mapping[str, KnownDevice],
    ) -> None:
        self._space = space
        self._data = data
        self._metrics = tuple(metrics)
        self._devices = devices
        self._chains = ChainCosts(metrics, devices)
        self._trusts_parts: bool | None = None  # None: no network was compared yet

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what each process finds for itself."""
        return {**self.__dict__, "_chains": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state, with no part known yet."""
        self.__dict__ = {**state, "_chains": ChainCosts(state["_metrics"], state["_devices"])}

    def __call__(self, architecture: Architecture) -> dict[str, float]:
        """Return metric name -> value.

        Raises:
            Exception: whatever the space or the model's forward raises.
        """
        if self._trusts_parts is False:
            return self._of_built(architecture)
        chain = self._space.parts(architecture, self._data)
        if chain is None:
            return self._of_built(architecture)
        found = self._chains(chain, self._data)
        if self._trusts_parts is None:
            self._trusts_parts = self._is_the_same(found, architecture)
        return found if self._trusts_parts else self._of_built(architecture)

    def meet_parts(self, *, limit_s: float = MOST_SECONDS) -> None:
        """Look at the parts of random networks, until few parts of further ones are new.

        So the first proposals of a sampler find nearly all parts known. It gives up at once where
        networks share few parts.

        Args:
            limit_s: of CPU time, so that a busy machine does not leave the sampler with fewer
                candidates; the rest is found later.
        """
        rng = generator(0, "parts")
        begin_s = time.thread_time()
        new_share = _FEW_NEW
        while _FEW_NEW <= new_share <= _MOSTLY_NEW and time.thread_time() - begin_s < limit_s:
            looked, known = self._chains.num_looked, self._chains.num_parts
            for _ in range(_NUM_DRAWN):
                try:
                    self(self._space.sample(rng))
                except UnbuildableError:
                    continue
                except Exception:  # noqa: BLE001 - who asks for a network's costs is told
                    return
                if self._chains.num_looked == looked:
                    return  # this space has no parts
            new_share = (self._chains.num_parts - known) / (self._chains.num_looked - looked)

    def _of_built(self, architecture: Architecture) -> dict[str, float]:
        graph = operators_of(lambda: self._space.build(architecture, self._data), self._data)
        return operator_costs(graph, metrics=self._metrics, devices=self._devices)

    def _is_the_same(self, found: Mapping[str, float], architecture: Architecture) -> bool:
        built = self._of_built(architecture)
        if all(math.isclose(found[name], built[name], rel_tol=1e-6) for name in built):
            return True
        _LOG.warning(
            "parts() of %s describes another network than build() makes, so each network is built "
            "to know its costs, which takes longer; %s: by its parts %s, as built %s",
            type(self._space).__name__,
            architecture.describe(),
            found,
            built,
        )
        return False

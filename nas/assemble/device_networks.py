"""From a search's settings to the networks that a device is to run.

A device is measured with networks of one search space, at the size of one data set's images; its
model then predicts for other spaces of like operators too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas.architecture import Architecture
from nas.assemble.check import check_values
from nas.assemble.make import make_data, make_space
from nas.config.compose import compose_values
from nas.config.source import ConfigSource
from nas.device.choose import choose_networks
from nas.device.operators import OperatorGraph
from nas.device.trace import operators_of
from nas.errors import ConfigError, SpaceError, UnbuildableError
from nas.export.measuring_folder import (
    NetworkToMeasure,
    files_of_untrained,
    write_measuring_folder,
)
from nas.export.onnx_files import require_onnx
from nas.space.space import SearchSpace
from nas.task import DataShape, TokenShape

NUM_NETWORKS = 30
MAX_NETWORKS = 200
_CANDIDATES = 400  # random networks that those to measure are chosen from
_TRIES = 10  # draws for each candidate, where some cannot be built or are drawn twice


@dataclass(frozen=True)
class MeasurableNetwork:
    """A network that may be measured."""

    architecture: Architecture
    graph: OperatorGraph


def make_device_folder(
    source: ConfigSource,
    folder: Path,
    *,
    number: int,
    seed: int,
    say: Callable[[str], None],
) -> int:
    """Write the folder of a new device, and return how many networks are in it.

    Args:
        source: settings of a search; its space and its data count.
        folder: of the device.
        number: of networks to measure.
        seed: of the draw.
        say: is told of the progress.

    Raises:
        NasError: a setting is wrong, or the space cannot be exported.
    """
    require_onnx()
    config = check_values(compose_values(source))
    if config.table is not None:
        raise ConfigError("a table has no networks that could be measured; name a search space")
    space, shape = make_space(config.search_space), make_data(config.data).shape
    if isinstance(shape, TokenShape):
        raise ConfigError(
            "nas device measures networks of images and of signals, but these data are tokens; "
            "name other data, such as data=cifar10, and a search space for them"
        )
    candidates = draw_candidates(space, shape, number=max(_CANDIDATES, number), seed=seed)
    chosen = choose_networks([candidate.graph.counts for candidate in candidates], number)
    networks = []
    for place, index in enumerate(chosen):
        say(f"network {place + 1} of {len(chosen)}")
        networks.append(_to_measure(f"network_{place:03}", candidates[index], space, shape))
    about = {
        "search_space": str(config.search_space["_target_"]),
        "input_shape": list(shape.input_shape),
        "num_classes": shape.num_classes,
    }
    write_measuring_folder(folder, networks, about=about)
    return len(networks)


def draw_candidates(
    space: SearchSpace, shape: DataShape, *, number: int, seed: int
) -> list[MeasurableNetwork]:
    """Return different random networks of a space, as many as there are up to a number.

    Raises:
        SpaceError: none can be built.
    """
    found: dict[str, MeasurableNetwork] = {}
    for architecture in _drawn(space, number * _TRIES, seed):
        key = space.identity(architecture)
        if key in found:
            continue
        try:
            graph = operators_of(lambda a=architecture: space.build(a, shape), shape)  # type: ignore[misc]
        except UnbuildableError:
            continue
        found[key] = MeasurableNetwork(architecture, graph)
        if len(found) == number:
            break
    if not found:
        raise SpaceError("no architecture of this space can be built, so none can be measured")
    return list(found.values())


def _drawn(space: SearchSpace, number: int, seed: int) -> Iterator[Architecture]:
    rng = np.random.default_rng(seed)
    for _ in range(number):
        yield space.sample(rng)


def _to_measure(
    name: str, candidate: MeasurableNetwork, space: SearchSpace, shape: DataShape
) -> NetworkToMeasure:
    onnx, program = files_of_untrained(lambda: space.build(candidate.architecture, shape), shape)
    told: dict[str, Any] = {"architecture": dict(candidate.architecture)}
    return NetworkToMeasure(name, candidate.graph, onnx, told, program=program)

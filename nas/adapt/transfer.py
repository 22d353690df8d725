"""Networks start from the weights of an earlier run, and need not learn all of it again.

Of the networks that the run kept, the one whose layers are most like those of the new network
gives what both have (`nas.train.inheritance`). The last layer starts as it was built, as other
photos have other classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from nas.adapt.adapters import last_layer
from nas.errors import ConfigError
from nas.train.correspondence import Shape, likeness
from nas.train.inheritance import inherit

_WHERE = "training.transfer_from"
_FILES = ("weights.safetensors", "model.safetensors")  # of a search, of a finish
LEAST_LIKENESS = 0.1  # a network less like all others starts at random


@dataclass(frozen=True)
class KnownNetwork:
    """A network that has weights.

    Attributes:
        file: of them.
        shapes: name -> shape.
    """

    file: Path
    shapes: Mapping[str, Shape]


def transfer(model: nn.Module, place: str) -> float:
    """Give a model what the most similar network of an earlier run has learnt; return its share.

    Args:
        model: as it was built; changed in place.
        place: a run folder, or the folder of one network: runs/N/models/12, runs/N/finish/12.

    Returns:
        The share of the values of its state that come from there; 0 where no network is alike.

    Raises:
        ConfigError: there are no networks, or they cannot be read.
    """
    layer = last_layer(model)
    kept = {} if layer is None else layer.state_dict(keep_vars=True)
    fresh = {id(tensor) for tensor in kept.values()}
    own = {
        name: tuple(tensor.shape)
        for name, tensor in model.state_dict(keep_vars=True).items()
        if id(tensor) not in fresh
    }
    known = networks_of(place)
    alike = [likeness(own, network.shapes) for network in known]
    best = max(range(len(known)), key=lambda index: alike[index])
    if alike[best] < LEAST_LIKENESS:
        return 0.0
    built = {name: tensor.detach().clone() for name, tensor in kept.items()}
    share = inherit(model, load_file(known[best].file))
    if layer is not None:
        layer.load_state_dict(built)
    return share


def networks_of(place: str) -> Sequence[KnownNetwork]:
    """Return the networks of a run folder, or of the folder of a network; at least one.

    Of a run they are those that its search kept, which have learnt from its training images alone.

    Raises:
        ConfigError: there are none, or a file of weights cannot be read.
    """
    return [KnownNetwork(file, _shapes(file)) for file in _weights_files(place)]


def _weights_files(place: str) -> Sequence[Path]:
    folder = Path(place).expanduser().absolute()
    found = [folder / name for name in _FILES if (folder / name).is_file()]
    if not found:
        whole = sorted(folder.glob(f"models/*/{_FILES[0]}"))
        found = [file for file in whole if not (file.parent / "variant.json").exists()]
    if not found:
        raise ConfigError(
            f"{_WHERE}: {folder} holds no networks with weights; give the folder of a run, such "
            "as runs/1, or of one of its networks, such as runs/1/finish/12"
        )
    return found


def _shapes(file: Path) -> dict[str, Shape]:
    try:
        with safe_open(file, framework="pt") as content:
            return {name: tuple(content.get_slice(name).get_shape()) for name in content.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{_WHERE}: {file} cannot be read ({str(error)[:80]})") from error

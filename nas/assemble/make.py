"""How does a node with a `_target_` become an object?

Through Hydra's `instantiate`, here alone. Where the target's signature has an argument that the
framework can give (the space, the data, the objectives), it gets it unless the node says
otherwise.
"""

import traceback
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from nas.config.nodes import offers_of, parted_space
from nas.config.targets import arguments_of, locate
from nas.config.trust import is_trusted
from nas.errors import ConfigError, DataError, NasError
from nas.models.unpickling import weights_alone


def make(node: Mapping[str, Any], **offers: Any) -> Any:
    """Return what the node describes.

    Args:
        node: plain values with a `_target_`.
        offers: objects for those arguments that the target has and the node does not give.

    Raises:
        ConfigError: Hydra refuses to call the target, or would read a text as a reference.
        Exception: whatever the target raises.
    """
    wanted = {name: offers[name] for name in offers_of(node, offers)}
    for name, value in node.items():
        if isinstance(value, str) and "${" in value:
            raise ConfigError(
                f"{name} is {value!r}, and configuration files read ${{ as a reference to another "
                "setting; rename what it names, or give a link to it"
            )
    # Partial: Hydra would turn the offered dataclasses into configurations. "all": nothing below
    # knows OmegaConf, so plain dicts and lists are handed over.
    config = OmegaConf.create({**node, "_partial_": True, "_convert_": "all"})
    try:
        with weights_alone(not is_trusted()):
            ready = instantiate(config)
    except InstantiationException as error:
        if error.__cause__ is None:  # Hydra's own refusal: a target that it blocks
            raise ConfigError(f"{node['_target_']}: {error}") from error
        # What a nested target raised, which Hydra hides in an error of its own.
        raise error.__cause__ from None
    with weights_alone(not is_trusted()):
        return partial(ready, **wanted) if node.get("_partial_") else ready(**wanted)


def make_data(node: Mapping[str, Any], **offers: Any) -> Any:
    """Return the data that a node describes.

    Args:
        node: plain values with a `_target_`.
        offers: arguments for a loader that has them, where the node does not say them.

    Raises:
        DataError: a loader of the user's own raises anything but a NasError; what, and where.
        Exception: whatever a loader of nas raises.
    """
    try:
        return make(node, **offers)
    except NasError:
        raise
    except Exception as error:
        target = str(node["_target_"])
        if target.startswith("nas."):
            raise
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise DataError(
            f"data: {target} raised {type(error).__name__}: {error} ({frame.filename}, line "
            f"{frame.lineno})"
        ) from error


def make_space(node: Mapping[str, Any]) -> Any:
    """Return the space that a node describes, inside of what wraps it (`nas.config.nodes`).

    Raises:
        ConfigError: Hydra refuses to call a target.
        Exception: whatever a target raises.
    """
    inner, wrappers = parted_space(node)
    space = make(inner)
    for wrapper in wrappers.values():
        space = make(wrapper, space=space)
    return space


def make_sampler(node: Mapping[str, Any], *, offers: Mapping[str, Any]) -> Callable[[int], Any]:
    """Return a function from a seed to a new sampler; the seed is passed on where one is taken."""
    takes_seed = "seed" in (arguments_of(locate(node["_target_"])) or {})

    def sampler(seed: int) -> Any:
        own = {**node, "seed": seed} if takes_seed else node
        with warnings.catch_warnings():
            # Optuna says so of samplers that have stood for years; its version is pinned.
            warnings.filterwarnings("ignore", message=".* is experimental")
            return make(own, **offers)

    return sampler

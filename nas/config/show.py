"""A configuration as Hydra itself shows it: `nas search --cfg job`, `--info searchpath`."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from nas.config.compose import compose_values, opened
from nas.config.overrides import for_hydra
from nas.config.resolve import first_words
from nas.config.source import ConfigSource, check_source
from nas.errors import ConfigError
from nas.secrets import masked_by_shape


def show_config(
    source: ConfigSource, *, what: str, package: str | None = None, is_resolved: bool = False
) -> None:
    """Print the composed configuration as YAML: job, hydra or all.

    Raises:
        ConfigError: it does not compose.
    """
    with _hydra(source) as (hydra, overrides), _without_secrets():
        hydra.show_cfg(
            config_name=source.config_name,
            overrides=overrides,
            cfg_type=what,
            package=package,
            resolve=is_resolved,
        )


def show_info(source: ConfigSource, *, what: str) -> None:
    """Print how Hydra composes: search path, defaults list, plugins.

    Raises:
        ConfigError: it does not compose.
    """
    with _hydra(source) as (hydra, overrides), _without_secrets():
        hydra.show_info(what, config_name=source.config_name, overrides=overrides)


@contextmanager
def _without_secrets() -> Iterator[None]:
    """Print what the block prints once it is over, passwords masked."""
    text = io.StringIO()
    try:
        with redirect_stdout(text):
            yield
    finally:
        print(masked_by_shape(text.getvalue()), end="")  # noqa: T201 - Hydra's own words


@contextmanager
def _hydra(source: ConfigSource) -> Iterator[tuple[Any, list[str]]]:
    """Yield Hydra itself; its `show_*` are not public, so a contract test holds them."""
    check_source(source)
    faults = compose_values(source).faults
    if faults:
        raise ConfigError("; ".join(faults))
    with opened(source):
        # Each once, as where they are judged: what was deleted cannot be deleted again.
        overrides = [for_hydra(text) for text in dict.fromkeys(source.overrides)]
        try:
            yield GlobalHydra.instance().hydra, overrides
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(
                f"the configuration cannot be shown: {first_words(error)}"
            ) from error

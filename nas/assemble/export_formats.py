"""From the `export:` of a configuration to the formats that make the files of a `nas finish`."""

from collections.abc import Mapping
from typing import Any

from nas.assemble.make import make
from nas.config.check import in_one_message
from nas.config.export_formats import ExportConfig
from nas.config.finishing import check_finish
from nas.config.targets import validate_targets
from nas.config.validator import Validator
from nas.errors import ConfigError, MissingPackageError, NasError
from nas.export.format import Format
from nas.export.settings import ExportSettings

_METHODS = ("check_packages", "file_of", "write", "load")


def build_export(config: ExportConfig) -> ExportSettings | None:
    """Make the formats that are wanted; None where no files are.

    Raises:
        ConfigError: with every format that cannot be made.
    """
    if not config.files:
        return None
    wanted = config.wanted()
    validator = Validator()
    for name, node in wanted.items():
        validate_targets(validator, node=node, path=f"export.formats.{name}")
    if validator.faults:
        raise ConfigError(in_one_message(validator.faults))
    return ExportSettings(
        formats={name: _made(name, node) for name, node in wanted.items()},
        num_threads=config.threads,
        peak_memory=config.peak_memory,
    )


def check_files_after_search() -> None:
    """Refuse a search that ends with `nas finish` where its files cannot be made here.

    Raises:
        MissingPackageError: a package or a program is missing.
    """
    export = build_export(check_finish(["run=."]).export)
    try:
        if export is not None:
            export.check_packages()
    except MissingPackageError as error:
        raise MissingPackageError(
            f"finish=true: {error} in a nas finish of its own, after a search without finish=true"
        ) from error


def _made(name: str, node: Mapping[str, Any]) -> Format:
    path = f"export.formats.{name}"
    try:
        made = make(node)
    except NasError as error:
        raise ConfigError(f"{path}: {error}") from error
    except Exception as error:  # the user's class may raise anything
        raise ConfigError(f"{path}: {node['_target_']} cannot be made: {error!r}") from error
    if not isinstance(made, Format):
        lacking = [method for method in _METHODS if not hasattr(made, method)]
        told = f", which has no {' and no '.join(lacking)}" if lacking else ""
        raise ConfigError(
            f"{path}._target_: {node['_target_']} makes {type(made).__name__}{told}; name a child "
            "of nas.export.format.Format"
        )
    return made

"""Where does a configuration come from: which folders of YAML files, which overrides?"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from nas.config.overrides import key_of
from nas.errors import ConfigError, nearest_first
from nas.paths import conf_dir


@dataclass(frozen=True)
class ConfigSource:
    """Where a configuration comes from.

    Attributes:
        config_dir: the user's folder of YAML files, absolute, beside the shipped one; or None.
        config_name: the file to begin with, without `.yaml`.
        overrides: as on the command line.
        record: the run folder that some of it comes from, or None.
        told: the overrides of the command line, where others come from a record.
    """

    config_dir: Path | None = None
    config_name: str = "search"
    overrides: tuple[str, ...] = ()
    record: Path | None = None
    told: tuple[str, ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders of YAML files; a file hides its namesakes in later folders."""
        return (conf_dir(),) if self.config_dir is None else (conf_dir(), self.config_dir)

    def without(self, keys: Collection[str]) -> "ConfigSource":
        """Return the same without the overrides of some keys."""
        kept = tuple(text for text in self.overrides if key_of(text) not in keys)
        return replace(self, overrides=kept)


def check_source(source: ConfigSource) -> None:
    """Refuse a folder or a file to begin with that is not there.

    Raises:
        ConfigError: it is missing; what is there is listed.
    """
    folder = source.config_dir
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--config-dir {folder} is no folder; give one that holds YAML files")
    known = {path.stem for place in source.folders for path in place.glob("*.yaml")}
    is_nested = any((place / f"{source.config_name}.yaml").is_file() for place in source.folders)
    if not is_nested:
        raise ConfigError(
            f"--config-name {source.config_name}: there is no such file; known, nearest first: "
            f"{nearest_first(source.config_name, known)}"
        )

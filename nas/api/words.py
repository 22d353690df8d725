"""Settings of Python as words of the command line, so that both are checked by the same code."""

import re
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from nas.config.quoting import quoted
from nas.errors import ConfigError

# Hydra reads such texts as they are; all others are quoted, so that "1" stays text.
_PLAIN = re.compile(r"[A-Za-z_./][\w./-]*")
_WORDS_OF_HYDRA = ("true", "false", "null", "nan", "inf")


def as_words(overrides: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
    """Return the words of a command line.

    Args:
        overrides: words as they are: `"data.path=photos"`.
        settings: top-level settings; a mapping is one level deeper.

    Raises:
        ConfigError: an override is no text, or a value has no form on a command line.

    >>> as_words(["data=digits"], {"training": {"epochs": 3}, "seed": 1, "ui": "none"})
    ['data=digits', 'training.epochs=3', 'seed=1', 'ui=none']
    """
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(
                f"an override is a text such as 'seed=1', but got {word!r}; "
                "give other values by keyword: seed=1"
            )
    return [*overrides, *_flat(settings, "")]


def _flat(settings: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in settings.items():
        if not isinstance(key, str):
            raise ConfigError(
                f"a setting is named by a text, but {path or 'a setting'} has {key!r}"
            )
        name = f"{path}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield f"{name}={_text(name, value)}"


def _text(name: str, value: Any) -> str:
    """Return a value as Hydra's grammar writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, PathLike):
        value = fspath(value)
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_HYDRA
        return value if is_plain else quoted(value)
    if isinstance(value, Mapping):
        inner = (f"{_text(name, key)}: {_text(name, item)}" for key, item in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(_text(name, item) for item in value) + "]"
    if hasattr(value, "item"):  # a number of NumPy
        return _text(name, value.item())
    raise ConfigError(
        f"{name} cannot be {type(value).__name__}; give a number, a text, a path, a list or a dict"
    )

"""Which settings say where data lie, and not what they are?

A run knows its data by a fingerprint (`nas.data.fingerprint`), so that these settings may change
when it goes on: the data are compared.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas.errors import DataError

_TABLES = ("table.path", "search_space.table.path", "evaluation.table.path")
_ALWAYS = ("data.path", *_TABLES)
_SHIPPED = "nas.data."
_ON_THE_HUB = "nas.data.huggingface.load_huggingface"  # its name may be a folder


def is_place(name: str, *, before: object, now: object, target: object) -> bool:
    """Say whether a setting only tells where data lie.

    Args:
        name: dotted.
        before: its value in the record.
        now: its value now.
        target: `_target_` of the data. Of a loader of the user's own, each argument is a
            place that was a text (or texts) and names something that exists now.
    """
    old, new = _texts(before), _texts(now)
    if not old or not new:  # a setting that came or went is no move
        return False
    if name in _ALWAYS or (name == "data.name" and target == _ON_THE_HUB):
        return True
    group, _, key = name.partition(".")
    is_own = isinstance(target, str) and not target.startswith(_SHIPPED)
    if group != "data" or not is_own or key.startswith("_"):
        return False
    return all(Path(text).exists() for text in new)


@contextmanager
def telling_where(values: Mapping[str, Any]) -> Iterator[None]:
    """Add to an error about data that a run was begun with how to say where they are now.

    Raises:
        DataError: data cannot be read, and a place that the settings name is not there.
    """
    try:
        yield
    except (DataError, OSError) as error:
        absent = absent_places(values)
        if not absent:
            raise
        told = ", ".join(f"{name}={value}" for name, value in absent.items())
        advice = " ".join(f"{name}=..." for name in absent)
        raise DataError(
            f"the data of the run are not where they were ({told}): {error}. If they only moved, "
            f"say where they are now: {advice}"
        ) from error


def absent_places(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that name a file or folder which does not exist."""
    found = {}
    for group in ("data", "table"):
        node = values.get(group)
        for key, value in node.items() if isinstance(node, Mapping) else ():
            texts = [] if key.startswith("_") else _texts(value)
            for text in texts:
                seems_path = f"{group}.{key}" in _ALWAYS or "/" in text
                if seems_path and not Path(text).expanduser().exists():
                    found[f"{group}.{key}"] = text
    return found


def _texts(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    texts = [text for text in listed if isinstance(text, str) and text]
    return texts if len(texts) == len(listed) else []

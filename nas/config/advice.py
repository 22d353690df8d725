"""What did someone mean who wrote a setting that is not read? A choice that has it, or quotes."""

import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types

from nas.config.groups import choices_of, groups_of
from nas.config.overrides import shown

_MOST_NAMED = 4


def choices_with(key: str, group: str, folders: Sequence[Path]) -> list[str]:
    """Return the choices of a group whose file has a setting of that name, sorted."""
    return [name for name in choices_of(group, folders) if _has(key, group, name, folders)]


def fault_of_choice(path: str, value: object, folders: Sequence[Path]) -> str | None:
    """Return which choices have a setting that the chosen one lacks; None where none has.

    Args:
        path: of the setting, such as `data.path`.
        value: that it was to have.
        folders: of the configuration files.
    """
    group, _, key = path.rpartition(".")
    found = choices_with(key, group.replace(".", "/"), folders) if group else []
    if not found:
        return None
    group = group.replace(".", "/")
    first = _likeliest(found, value)
    others = [name for name in found if name != first]
    more = others[:_MOST_NAMED] + (["others"] if len(others) > _MOST_NAMED else [])
    also = f"; {', '.join(more)} {'has' if len(more) == 1 else 'have'} it, too" if more else ""
    override = shlex.quote(f"{path}={shown(str(value))}")
    return (
        f"{path}: the chosen {group} has no '{key}', but {group}={first} has: write "
        f"{group}={first} {override}{also}"
    )


def advice_on_path(group: str, value: str, folders: Sequence[Path]) -> str | None:
    """Return how to name a file or folder that stands in the place of a choice; None for no such.

    >>> advice_on_path("sampler", "/", ()) is None
    True
    """
    found = choices_with("path", group, folders)
    is_folder = os.path.isdir(value)  # noqa: PTH112 - pathlib raises where a name is too long
    likely = _likeliest(found, value) if found and is_folder else Path(value).suffix[1:].lower()
    if likely not in found or not os.path.exists(value):  # noqa: PTH110 - Path.exists raises, too
        return None
    kind = "folder" if is_folder else "file"
    place = shlex.quote(f"{group}.path={value}")
    return f"{group}={value}: that is a {kind}; write {group}={likely} {place}"


def meant_places(key: str, settings: Mapping[Any, Any], folders: Sequence[Path]) -> list[str]:
    """Return where settings stand that may be meant by a name without its group; few or none.

    `trials` may mean `stopping.num_trials`.

    Args:
        key: the name, without a dot.
        settings: all that there are, nested; an empty group takes what its files have.
        folders: of the configuration files.
    """
    empty = [group for group, value in settings.items() if value == {}]
    paths = [f"{group}.{key}" for group in empty if choices_with(key, group, folders)]
    paths += _paths(settings)
    named = [path for path in paths if path.rpartition(".")[2] == key]
    named = named or [path for path in paths if key in path.rpartition(".")[2].split("_")]
    return named if len(named) <= _MOST_NAMED else []


def _paths(settings: Mapping[Any, Any], path: str = "") -> Iterator[str]:
    """Yield the dotted paths of all settings that stand in a group."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{path}{key}.")
        elif path:
            yield f"{path}{key}"


def bare_word_faults(
    words: Sequence[str], keys: Collection[str], folders: Sequence[Path]
) -> Iterator[tuple[str, str]]:
    """Yield each word that sets nothing, and what it may have meant.

    Words without `=` that follow each other are one fault: they were one value, or a key and its
    value.

    Args:
        words: of a command line, flags left out.
        keys: top-level settings.
        folders: of the configuration files.
    """
    place = 0
    while place < len(words):
        if words[place].startswith("="):
            yield words[place], f"'{shown(words[place])}' has no name before its ="
            place += 1
            continue
        following = words[place + 1] if place + 1 < len(words) else ""
        if following.startswith("=") and "=" not in words[place]:
            values = [following[1:], *words[place + 2 : place + 3]]
            yield words[place], _without_spaces(words[place], [*filter(None, values)])
            place += 2 if following[1:] else 3
            continue
        end = place
        while end < len(words) and "=" not in words[end] and not words[end].startswith("~"):
            end += 1
        bare = words[place:end]
        if bare:
            before = words[place - 1] if place else ""
            yield from zip(bare, _told(bare, before, keys, folders), strict=False)
        place = max(end, place) + 1


def _told(
    bare: Sequence[str], before: str, keys: Collection[str], folders: Sequence[Path]
) -> Iterator[str]:
    """Yield the faults of words that follow each other."""
    if len(bare) > 1 and bare[0] in keys:
        yield f"'{shown(bare[0])}' has no value; write {bare[0]}={shown(bare[1])}"
        return
    of_choice = [group for group in groups_of(folders) if bare[0] in choices_of(group, folders)]
    if of_choice:
        yield f"'{shown(bare[0])}' is no override; write {of_choice[0]}={bare[0]}"
        return
    if before.endswith("="):
        yield _without_spaces(before[:-1], bare)
        return
    before = re.sub(r"='([^']*)'$", r"=\1", before)  # quotes that the shell took away and we gave
    joined = shown(" ".join([before, *bare]))
    if before:
        yield (
            f"'{shown(bare[0])}' sets nothing; a value with spaces needs quotes around it: "
            f"{shlex.quote(joined)}"
        )
        return
    yield f"'{shown(bare[0])}' is no override; write {shown(bare[0])}=VALUE"


def _without_spaces(key: str, values: Sequence[str]) -> str:
    value = shown(values[0]) if values else "VALUE"
    return f"'{shown(key)}' has spaces around its =; write {shown(key)}={value}"


def _likeliest(names: Sequence[str], value: object) -> str:
    """Return the choice to name first: for a folder that is there, one that reads folders."""
    is_folder = isinstance(value, str) and Path(value).is_dir()
    folder_like = [name for name in names if "folder" in name]
    return folder_like[0] if is_folder and folder_like else names[0]


def _has(key: str, group: str, name: str, folders: Sequence[Path]) -> bool:
    for folder in folders:
        try:
            content = yaml.safe_load((folder / group / f"{name}.yaml").read_text("utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(content, dict) and key in content:
            return True
    return False

"""Would a module of the user's folder be loaded in the place of one that this framework needs?

Ray's workers look into the launch folder first, so a `torch.py` or `random.py` there would hide
the real one, in the workers alone. Folders without `__init__.py` hide nothing: Python takes a
whole package before them, wherever it lies.
"""

import importlib.metadata
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder, all_suffixes
from pathlib import Path

# Some distributions install these by mistake; nobody imports them.
_NEVER_IMPORTED = frozenset({"tests", "test", "docs", "examples", "scripts", "benchmarks"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def find_namesakes(folder: Path) -> list[Path]:
    """Return the modules of the folder that would hide one of Python or of what we depend on.

    Costs one listing of the folder; a second more where a name is that of an installed package.
    """
    modules = dict(_modules_of(folder))
    found = {name for name in modules if name in sys.stdlib_module_names}
    installed = {
        name for name in modules if name not in found | _NEVER_IMPORTED and _lies(name, folder)
    }
    if installed:
        owners, needed = _owners(), _needed_distributions()
        found |= {n for n in installed if needed & {_plain(o) for o in owners.get(n, ())}}
    return sorted(modules[name] for name in found)


def _modules_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of what `import` would find in the folder, files and packages."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        name = entry.name.split(".", 1)[0]
        if not name.isidentifier():
            continue
        if any(entry.name == name + suffix for suffix in all_suffixes()) and entry.is_file():
            yield name, entry
        elif entry.name == name:
            inner = (entry / f"__init__{suffix}" for suffix in all_suffixes())
            yield from ((name, path) for path in inner if path.is_file())


def _lies(name: str, folder: Path) -> bool:
    """Say whether the name is found elsewhere than in the folder."""
    places = [path for path in sys.path if path and Path(path).resolve() != folder.resolve()]
    return PathFinder.find_spec(name, places) is not None


@cache  # reads the files of every installed package; none is installed while we run
def _owners() -> Mapping[str, list[str]]:
    """Return the distributions that each importable name comes from."""
    return importlib.metadata.packages_distributions()


@cache
def _needed_distributions() -> set[str]:
    """Return the distributions that nas asks for, with what those ask for, as installed."""
    needed, waiting = set[str](), ["nas"]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        try:
            requirements = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:
            continue
        matches = (_NAME.match(requirement) for requirement in requirements)
        waiting += [_plain(match.group()) for match in matches if match]
    return needed


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()

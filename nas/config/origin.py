"""Whose code does a dotted name mean? Told without importing it: importing runs a module.

Packages that were installed were chosen by whoever keeps this machine; what lies in the folder
that one starts from is one's own; what lies in a run folder is whoever's made that folder.
"""

import ast
import importlib.machinery
import pkgutil
import sys
import sysconfig
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

_INSTALLED = ("site-packages", "dist-packages")
_OURS = ("nas", "search_spaces")


class Origin(Enum):
    """Where a module lies."""

    OURS = auto()
    INSTALLED = auto()
    OWN = auto()  # in the launch folder, or wherever else the user has Python look
    PYTHON = auto()  # comes with Python: nothing there is made for a search
    FOREIGN = auto()  # in the run folder
    NOWHERE = auto()


@dataclass(frozen=True)
class Named:
    """What is known of a dotted name before anything is imported.

    Attributes:
        origin: of the module, and of the packages that it is in.
        file: of the module, if it has one.
        rest: the part of the name that is looked for in the module.
    """

    origin: Origin
    file: Path | None = None
    rest: tuple[str, ...] = ()


def find_name(dotted: str, *, run_folder: Path) -> Named:
    """Return where the module of a dotted name lies.

    Args:
        dotted: module, and what is looked for in it.
        run_folder: whose code is not to run.
    """
    parts = tuple(dotted.split("."))
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        return Named(Origin.NOWHERE)
    locations: list[str] | None = None
    file, origin, length = None, Origin.NOWHERE, 0
    for length in range(1, len(parts) + 1):
        spec = _find(".".join(parts[:length]), locations)
        if spec is None:
            length -= 1
            break
        place = Path(spec.origin) if spec.has_location and spec.origin else None
        found = _origin(spec, place, run_folder.resolve())
        if found in (Origin.PYTHON, Origin.FOREIGN):
            return Named(found, place, parts[length:])
        file, origin = place, Origin.OURS if parts[0] in _OURS else found
        if spec.submodule_search_locations is None:
            break
        locations = _folders(spec)
    return Named(origin, file, parts[length:])


def _find(name: str, locations: list[str] | None) -> importlib.machinery.ModuleSpec | None:
    """Return how a module would be loaded; unlike `find_spec`, import no package for it."""
    if locations is None:
        finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
        specs = (find(name, None, None) for find in finders if find is not None)
        return next((spec for spec in specs if spec is not None), None)
    portions: list[str] = []
    for place in locations:
        importer: Any = pkgutil.get_importer(place)
        spec: importlib.machinery.ModuleSpec | None = importer and importer.find_spec(name)
        if spec is not None and spec.loader is not None:
            return spec
        portions += _folders(spec) if spec is not None else []
    if not portions:
        return None
    package = importlib.machinery.ModuleSpec(name, None, is_package=True)
    package.submodule_search_locations = portions
    return package


def _folders(spec: importlib.machinery.ModuleSpec) -> list[str]:
    """Return where the modules of a package lie."""
    found: Any = spec.submodule_search_locations
    # Those of a package without __init__.py would look for its parent, which is not imported.
    return list(getattr(found, "_path", found) or ())


def _origin(spec: importlib.machinery.ModuleSpec, file: Path | None, run_folder: Path) -> Origin:
    if file is None and spec.submodule_search_locations is None:
        return Origin.PYTHON  # built in, or frozen
    places = [file] if file else [Path(place) for place in _folders(spec)]
    real = [place.resolve() for place in places]
    if any(place.is_relative_to(run_folder) for place in real):
        return Origin.FOREIGN
    if any(set(_INSTALLED) & set(place.parts) for place in real):
        return Origin.INSTALLED
    library = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
    if any(place.is_relative_to(folder) for place in real for folder in library):
        return Origin.PYTHON
    return Origin.OWN


def seems_made_for_search(named: Named) -> bool:
    """Say whether a file of the user's own defines such a name as a search could be told of.

    A class with a base, a function that says what it returns, or `build(architecture, data)`.
    Read, not imported: many a script begins its work when it is imported.
    """
    tree = _parsed(named)
    return tree is not None and any(_defines(node, named.rest[0]) for node in tree.body)


def is_function_for_nas(named: Named) -> bool:
    """Say whether a file of the user's own imports nas and defines a function of that name."""
    tree = _parsed(named)
    if tree is None or not _imports_nas(tree):
        return False
    return any(isinstance(n, ast.FunctionDef) and n.name == named.rest[0] for n in tree.body)


def _parsed(named: Named) -> ast.Module | None:
    if named.file is None or not named.rest:
        return None
    try:
        return ast.parse(named.file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _imports_nas(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nas":
            return True
        if isinstance(node, ast.Import) and any(a.name.split(".")[0] == "nas" for a in node.names):
            return True
    return False


def _defines(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.ClassDef):
        return node.name == name and bool(node.bases)
    if isinstance(node, ast.FunctionDef):
        taken = [argument.arg for argument in node.args.args]
        is_told = node.returns is not None or taken == ["architecture", "data"]
        return node.name == name and is_told
    if isinstance(node, ast.ImportFrom):
        return any((alias.asname or alias.name) == name for alias in node.names)
    return False

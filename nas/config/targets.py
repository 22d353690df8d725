"""Does each `_target_` exist, and does it take the arguments that stand beside it?

Hydra would find out one at a time, in the middle of the start. Here every target is imported and
its signature bound before anything is built, so that all faults are told together. Importing a
target runs the module it stands in: a configuration is code, to be loaded from folders that one
trusts.
"""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, get_type_hints

from nas.config.validator import Validator, describe, fits, join, show, unknown_key
from nas.errors import ConfigError, nearest_first

_HYDRA_KEYS = frozenset({"_target_", "_args_", "_recursive_", "_convert_", "_partial_"})


def locate(dotted: str) -> Callable[..., Any]:
    """Import what a dotted name means.

    Raises:
        ConfigError: there is no such module or name, it cannot be called, or importing it failed.
    """
    parts = dotted.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ConfigError(f"'{dotted}' is no dotted name such as my_spaces.Mine")
    found: Any = None
    for length in range(len(parts) - 1, 0, -1):
        found = _import(".".join(parts[:length]))
        if found is not None:
            break
    if found is None:
        raise ConfigError(
            f"there is no module '{parts[0]}' for '{dotted}'; put {parts[0]}.py into the folder "
            "that you start from, or install it"
        )
    for depth, name in enumerate(parts[length:], start=length):
        if not hasattr(found, name):
            raise ConfigError(_no_attribute(found, owner=".".join(parts[:depth]), name=name))
        found = getattr(found, name)
    if not callable(found):
        raise ConfigError(f"'{dotted}' is no class or function, but {type(found).__name__}")
    return found  # type: ignore[no-any-return]  # callable was checked


def _import(module: str) -> Any:
    """Return the module, or None if there is none of that name."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (
            module == error.name or module.startswith(f"{error.name}.")
        ):
            return None
        raise ConfigError(
            f"importing '{module}' failed: {error}; install what it needs"
        ) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's module may raise anything, and call sys.exit
        frame = traceback.extract_tb(sys.exc_info()[2])[-1]
        place = f"{frame.filename}, line {frame.lineno}"
        if isinstance(error, SyntaxError):
            place = f"{error.filename}, line {error.lineno}"
        raise ConfigError(
            f"importing '{module}' failed: {type(error).__name__}: {error} ({place})"
        ) from error


def _no_attribute(found: Any, *, owner: str, name: str) -> str:
    public = [
        other
        for other, value in vars(found).items()
        if not other.startswith("_") and callable(value)
    ]
    near = nearest_first(name, public).split(", ")
    listed = ", ".join(near[:8]) or "nothing that can be called"
    return f"'{owner}' has no '{name}'; it has, nearest first: {listed}"


def validate_targets(
    validator: Validator, *, node: Any, path: str, injected: Collection[str] = ()
) -> None:
    """Record a fault for each target in `node`, at any depth, that cannot be called as written.

    Args:
        validator: where faults go.
        node: plain values; whatever is no mapping with a `_target_` is only searched.
        path: dotted name of the node.
        injected: arguments of the outermost target that the framework gives.
    """
    if isinstance(node, Mapping):
        if "_target_" in node:
            validate_target(validator, node=node, path=path, injected=injected)
        for key, value in node.items():
            validate_targets(validator, node=value, path=join(path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            validate_targets(validator, node=value, path=f"{path}[{index}]")


def validate_target(
    validator: Validator, *, node: Mapping[str, Any], path: str, injected: Collection[str]
) -> None:
    """Record the faults of one target: its name, unknown, absent and unfit arguments."""
    target = node["_target_"]
    if not isinstance(target, str):
        validator.faults.append(f"{path}._target_ must be a dotted name, but got {show(target)}")
        return
    try:
        found = locate(target)
    except ConfigError as error:
        validator.faults.append(f"{path}._target_: {error}")
        return
    parameters = arguments_of(found)
    if parameters is None:
        return
    given = {key: value for key, value in node.items() if key not in _HYDRA_KEYS}
    named = {
        name: item
        for name, item in parameters.items()
        if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    }
    takes_any = any(item.kind is item.VAR_KEYWORD for item in parameters.values())
    unknown = [] if takes_any else [key for key in given if key not in named]
    open_names = {name: item for name, item in named.items() if name not in injected}
    validator.faults.extend(unknown_key(join(path, str(key)), open_names) for key in unknown)
    if not node.get("_partial_") and not node.get("_args_"):
        validator.faults.extend(
            f"{join(path, name)} is missing; {target} needs it"
            for name, item in open_names.items()
            if item.default is item.empty
            and name not in given
            and not validator.is_explained(join(path, name))
        )
    _validate_types(validator, found=found, given=given, path=path)


def _validate_types(
    validator: Validator, *, found: Callable[..., Any], given: Mapping[str, Any], path: str
) -> None:
    hints = hints_of(found)
    for key, value in given.items():
        is_target = isinstance(value, Mapping) and "_target_" in value
        if key in hints and not is_target and not fits(value, hints[key]):
            validator.refuse_copy(join(path, key), allowed=describe(hints[key]), value=value)


def arguments_of(found: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    """Return what a callable takes, by name; None where it does not say (some C code)."""
    try:
        return dict(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return None


def hints_of(found: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a callable's arguments, as far as they can be evaluated."""
    function = found.__init__ if inspect.isclass(found) else found
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    hints: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        # One by one: some name what their module imports for type checkers only.
        with suppress(NameError, TypeError, AttributeError):
            alone = SimpleNamespace(__annotations__={name: annotation})
            hints |= get_type_hints(alone, globalns=namespace)
    return hints

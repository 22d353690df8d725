"""Does a plain value fit a type, and if not, what should the user be told?

`Validator` walks composed values beside their annotations and gathers every fault, not only
the first. It knows the annotations that settings have: scalars, enums, lists, mappings,
dataclasses and their unions; whatever else stands in a signature (arrays, callables) it lets
pass.
"""

import math
import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from nas.config.earlier_names import SETTINGS
from nas.config.schema import Setting
from nas.config.units import TIME, Unit, unit_of
from nas.errors import nearest_first
from nas.metric import METRICS, device_of, is_known

_LEAST_WORD = 4  # letters of a key that may stand for a metric
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "null",
}


@dataclass(frozen=True)
class _Item:
    """A field of a schema: its type without the setting, and the setting."""

    hint: Any
    setting: Setting
    is_required: bool


class Validator:
    """Collects the faults of one configuration.

    Args:
        known_faults: what is known already.
        left_out: dotted names of values that are absent for a known reason, not to be called
            missing.
        copied: dotted names of values that stand elsewhere -> where; they are refused there.

    Attributes:
        faults: one sentence each, in the order found.
    """

    def __init__(
        self,
        *,
        known_faults: Sequence[str] = (),
        left_out: Sequence[str] = (),
        copied: Mapping[str, str] | None = None,
    ) -> None:
        self.faults: list[str] = list(known_faults)
        self._left_out = frozenset(left_out)
        self._copied = dict(copied or {})

    def is_explained(self, path: str) -> bool:
        """Say whether it is known already why that value is absent."""
        return path in self._left_out

    def refuse_copy(self, path: str, *, allowed: str, value: object) -> None:
        """Record that a value is not allowed, unless it is a copy of one that was refused."""
        got = f"but got {show(value)}"
        if path not in self._copied or not any(got in fault for fault in self.faults):
            self.faults.append(f"{path} must be {allowed}, {got}")

    def record(self, *, cls: type[Any], value: object, path: str) -> Any:
        """Return the dataclass that a mapping describes, or None after recording its faults."""
        if not isinstance(value, Mapping):
            self.faults.append(f"{path} must be a mapping, but got {show(value)}")
            return None
        items = _items_of(cls)
        spread = {name: items.pop(name) for name in list(items) if items[name].setting.names}
        names = {name: _names_in(value, item.setting) for name, item in spread.items()}
        known = [*items, *(name for own in names.values() for name in own)]
        before = len(self.faults)
        self.faults.extend(
            unknown_key(join(path, str(key)), known) for key in value if key not in known
        )
        arguments = {
            name: self._field(item, value=value, name=name, path=join(path, name))
            for name, item in items.items()
            if name in value or item.is_required
        }
        for name, item in spread.items():
            told = {key: value[key] for key in names[name] if key in value}
            arguments[name] = self._convert(told, item.hint, path=path)
        return cls(**arguments) if len(self.faults) == before else None

    def _field(self, item: _Item, *, value: Mapping[str, Any], name: str, path: str) -> Any:
        if name not in value:
            if not self.is_explained(path):
                self.faults.append(f"{path} is missing; give {path}=...: {item.setting.words}")
            return None
        given = value[name]
        if not fits(given, item.hint) or not _is_in_range(given, item.setting):
            self._refuse(path, hint=item.hint, value=given, setting=item.setting)
            return None
        return self._convert(given, item.hint, path=path)

    def _convert(self, value: Any, hint: Any, *, path: str) -> Any:
        """Return a fitting value in its final type; nested dataclasses are checked on the way."""
        chosen = next((option for option in options_of(hint) if fits(value, option)), hint)
        if is_dataclass(chosen) and isinstance(chosen, type):
            return self.record(cls=chosen, value=value, path=path)
        if _is_enum(chosen):
            return chosen(value)
        if get_origin(chosen) is dict:
            inner = get_args(chosen)[1]
            return {key: self._member(v, inner, join(path, str(key))) for key, v in value.items()}
        return float(value) if chosen is float else value

    def _member(self, value: Any, hint: Any, path: str) -> Any:
        if fits(value, hint):
            return self._convert(value, hint, path=path)
        self._refuse(path, hint=hint, value=value, setting=Setting())
        return None

    def _refuse(self, path: str, *, hint: Any, value: object, setting: Setting) -> None:
        choices = [str(m) for option in options_of(hint) if _is_enum(option) for m in option]
        unit = unit_of(path)
        is_told = isinstance(value, str) or unit is TIME  # of seconds nobody thinks by themselves
        allowed = _allowed(hint, setting, unit=unit if is_told else None)
        if choices and isinstance(value, str):
            allowed = f"one of {nearest_first(value, choices)}"
        advice = f"; {setting.advice}" if setting.advice else ""
        records = [o for o in options_of(hint) if is_dataclass(o) and isinstance(o, type)]
        if records:
            own = (f"{join(path, name)}=..." for name in _items_of(records[0]))
            advice = f"; give {' or '.join(own)}"
        path = self._copied.get(path, path)
        self.faults.append(f"{path} must be {allowed}, but got {show(value)}{advice}")


def _items_of(cls: type[Any]) -> dict[str, _Item]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _item_of(field, hints[field.name]) for field in fields(cls)}


def _item_of(field: Field[Any], hint: Any) -> _Item:
    is_required = field.default is MISSING and field.default_factory is MISSING
    if get_origin(hint) is Annotated:
        bare, setting = get_args(hint)[:2]
        return _Item(bare, setting, is_required)
    return _Item(hint, Setting(), is_required)


def _is_in_range(value: object, setting: Setting) -> bool:
    if isinstance(value, list):
        return all(_is_in_range(member, setting) for member in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return math.isfinite(value) and setting.allows(value)


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, StrEnum)


def options_of(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the hint itself."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def fits(value: object, hint: Any) -> bool:
    """Say whether a value from YAML may stand for an annotation; unknown annotations allow all.

    >>> fits(3, float), fits(3.5, int), fits(True, int), fits(None, int | None)
    (True, False, False, True)
    """
    return any(_fits_one(value, option) for option in options_of(hint))


def _fits_one(value: object, hint: Any) -> bool:
    origin = get_origin(hint)
    if hint is None or hint is type(None):
        return value is None
    if origin is Literal:
        return value in get_args(hint)
    if hint is bool or hint is str:
        return isinstance(value, hint)
    if hint in (int, float):
        numbers = int if hint is int else int | float
        return isinstance(value, numbers) and not isinstance(value, bool)
    if _is_enum(hint):
        return isinstance(value, str) and value in {str(member) for member in hint}
    if origin in (list, tuple, Sequence) or hint in (list, tuple):
        return _fits_sequence(value, hint)
    if origin in (dict, Mapping) or hint in (dict, Mapping) or is_dataclass(hint):
        return isinstance(value, Mapping)
    return True


def _fits_sequence(value: object, hint: Any) -> bool:
    if not isinstance(value, list | tuple):
        return False
    members = _members_of(hint)
    if get_origin(hint) is tuple and Ellipsis not in get_args(hint):
        return len(value) == len(members) and all(map(fits, value, members))
    return not members or all(fits(item, members[0]) for item in value)


def _members_of(hint: Any) -> list[Any]:
    return [member for member in get_args(hint) if member is not Ellipsis]


def describe(hint: Any) -> str:
    """Return words for an annotation.

    >>> describe(int | None), describe(bool | Literal["auto"])
    ('a whole number or null', 'true or false or auto')
    """
    return " or ".join(_describe_one(option) for option in options_of(hint))


def _describe_one(hint: Any) -> str:
    if hint in _WORDS:
        return _WORDS[hint]
    if get_origin(hint) is Literal:
        names = ", ".join(map(str, get_args(hint)))
        return f"one of {names}" if len(get_args(hint)) > 1 else names
    if _is_enum(hint):
        return "one of " + ", ".join(map(str, hint))
    if get_origin(hint) in (list, tuple, Sequence):
        members = _members_of(hint)
        return f"a list, each {describe(members[0])}" if members else "a list"
    if get_origin(hint) in (dict, Mapping) or is_dataclass(hint):
        return "a mapping"
    return str(getattr(hint, "__name__", hint))


def _allowed(hint: Any, setting: Setting, *, unit: Unit | None = None) -> str:
    """Return words for what a setting may be: kind, range, and null where that is allowed."""
    kind, is_nullable, _ = describe(hint).partition(" or null")
    kind += f" ({unit.words})" if unit is not None else ""
    in_range = f"{kind} {setting.range_words()}".rstrip()
    return f"{in_range}, or null" if is_nullable else in_range


def unknown_key(path: str, known: Collection[str], *, meant: Sequence[str] = ()) -> str:
    """Return the fault of a key that nobody reads.

    Args:
        path: dotted.
        known: keys that stand beside it.
        meant: settings elsewhere that it may stand for.
    """
    parent, _, key = path.rpartition(".")
    where = f"{parent} has no option '{key}'" if parent else f"there is no option '{key}'"
    if path in SETTINGS:
        name = SETTINGS[path]
        return f"{where}; it is called {name.rpartition('.')[2]} now: write {name}"
    if path == "run" and "run_folder" in known:
        return f"{where}; to go on with a search write run_folder=runs/N resume=true"
    if not known:
        return f"{where}; it has none at all"
    metric = next((name for name in METRICS if len(key) >= _LEAST_WORD and key in name), None)
    if not parent and metric is not None:
        return f"{where}; a limit is written constraints.{metric}.max=... or .min=..."
    same = [name for name in known if name.removesuffix("s") == key.removesuffix("s")]
    if same:
        return f"{where}; write {join(parent, same[0])}=..."
    if meant:
        return f"{where}; write {' or '.join(f'{name}=...' for name in meant)}"
    return f"{where}; known, nearest first: {nearest_first(key, known)}"


def join(path: str, key: str) -> str:
    """Return the dotted path of a key."""
    return f"{path}.{key}" if path else key


def show(value: object) -> str:
    """Return a value as YAML spells it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _names_in(value: Mapping[Any, Any], setting: Setting) -> tuple[str, ...]:
    """Return the names that a node may have, with those of metrics on devices that it has."""
    on_devices = (key for key in value if isinstance(key, str) and device_of(key) is not None)
    return (*setting.names, *filter(is_known, on_devices))

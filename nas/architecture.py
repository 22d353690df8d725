"""A point of a search space: which choices were made, in canonical form, with a stable id.

Two configurations that build the same network are one `Architecture`: a search space drops what is
inactive before it makes one (`nas.space.space.SearchSpace.architecture`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias

Value: TypeAlias = bool | int | float | str

# Names are sorted beforehand. Made once: samplers ask for thousands of ids.
_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class Architecture(Mapping[str, Value]):
    """An immutable mapping from dotted parameter names to values, sorted by name.

    >>> Architecture({"width": 0.5, "stages.0.kernel": 3})["stages.0.kernel"]
    3
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values: dict[str, Value] = dict(sorted(values.items()))

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value, or the default; quicker than by a KeyError."""
        return self._values.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.id == other.id

    def __repr__(self) -> str:
        return f"Architecture({self._values!r})"

    @cached_property
    def id(self) -> str:
        """The `architecture_id`: 16 hexadecimal digits, equal on every machine."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=8).hexdigest()

    def to_json(self) -> str:
        """Return the canonical JSON text: sorted names, no spaces."""
        return _JSON.encode(self._values)

    @classmethod
    def from_json(cls, text: str) -> "Architecture":
        """Read what `to_json` wrote."""
        return cls(json.loads(text))

    def describe(self) -> str:
        """Return one readable line; repeated blocks stand side by side, absent values as a dash.

        >>> Architecture({"width": 0.5, "stages.0.kernel": 3, "stages.1.kernel": 5}).describe()
        'width=0.5 stages.kernel=3·5'
        """
        return " ".join(self.words())

    def words(self) -> list[str]:
        """Return the parts of that line, one for each label; values may hold spaces."""
        columns: dict[str, dict[tuple[int, ...], Value]] = {}
        blocks: dict[str, set[tuple[int, ...]]] = {}
        for name, value in self._values.items():
            parts = name.split(".")
            block = tuple(int(part) for part in parts if part.isdigit())
            label = ".".join(part for part in parts if not part.isdigit())
            columns.setdefault(label, {})[block] = value
            blocks.setdefault(label.rpartition(".")[0], set()).add(block)
        words = []
        for label in sorted(columns, key=lambda text: ("." in text, text)):
            cells = columns[label]
            shown = [()] if () in cells else sorted(blocks[label.rpartition(".")[0]] - {()})
            texts = [_short(cells[block]) if block in cells else "–" for block in shown]
            words.append(f"{label}={'·'.join(texts)}")
        return words


def _short(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)

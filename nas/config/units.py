"""Numbers as people write them: 500kB, 30min, 2M, 60%. Which unit a setting has, its name says.

Names end in their unit (`time_limit_s`, `size_bytes`, `memory_limit_mb`, `finish_share`), and
counts begin with `num_`; a limit has the unit of what it limits (`constraints.size_bytes.max`). A
text where such a setting has a number is read here, before anything judges it; one that cannot be
read is left for whoever judges the setting.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas.metric import is_share


def _words_of(known: Mapping[str, float]) -> dict[str, float]:
    """Return unit -> factor of a mapping whose keys hold several spellings each."""
    return {word: factor for words, factor in known.items() for word in words.split()}


_SECONDS = _words_of(
    {
        "ms msec millisecond milliseconds": 0.001,
        "s sec secs second seconds": 1,
        "m min mins minute minutes": 60,
        "h hr hrs hour hours": 3600,
        "d day days": 86400,
        "w week weeks": 604800,
    }
)
_BYTES = _words_of(
    {
        "b byte bytes": 1,
        "k kb kilobyte kilobytes": 1e3,
        "m mb megabyte megabytes": 1e6,
        "g gb gigabyte gigabytes": 1e9,
        "kib": 2**10,
        "mib": 2**20,
        "gib": 2**30,
    }
)
_COUNTS = _words_of({"k thousand": 1e3, "m million": 1e6, "g b billion": 1e9})
_PART = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)((?:e[+-]?\d+)?)\s*([A-Za-z]+|%)", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """What numbers of a kind may be written with.

    Attributes:
        words: what a bare number means, and examples.
        factors: unit in small letters -> how many it makes.
        in_one: how many of them are 1 of the setting: 1e6 bytes are 1 megabyte.
    """

    words: str
    factors: Mapping[str, float]
    in_one: float = 1.0

    def read(self, text: str) -> float | None:
        """Return the number that a text stands for; None where it cannot be read.

        >>> TIME.read("1h30min"), SIZE.read("1.5 MiB"), COUNT.read("2M"), TIME.read("5 parsecs")
        (5400, 1572864, 2000000, None)
        """
        total, place, used = 0.0, 0, 0
        while match := _PART.match(text, place):
            factor = self.factors.get(match[3].lower())
            if factor is None:
                return None
            total += float(match[1] + match[2]) * factor / self.in_one
            place, used = match.end(), used + 1
        if not used or text[place:].strip() or (used > 1 and self.factors is not _SECONDS):
            return None
        if not math.isfinite(total):  # whoever judges the setting shows the text itself
            return None
        return int(total) if total.is_integer() else total


TIME = Unit("seconds, or as 90s, 30min, 1h", _SECONDS)
MILLISECONDS = Unit("milliseconds, or as 5ms, 1s", _SECONDS, 0.001)
SIZE = Unit("bytes, or as 500kB, 2MB, 1.5GiB", _BYTES)
MEGABYTES = Unit("megabytes, or as 500MB, 4GB", _BYTES, 1e6)
COUNT = Unit("a number, or as 10k, 1M, 2G", _COUNTS)
SHARE = Unit("0 to 1, or as 60%", {"%": 1}, 100)

_BY_ENDING = {
    "_ms": MILLISECONDS, "_s": TIME, "_bytes": SIZE, "_mb": MEGABYTES, "_share": SHARE,
    "_fraction": SHARE,
}  # fmt: skip
_ALL = (TIME, SIZE, COUNT, SHARE)
_LIMITS = ("min", "max")


def unit_of(place: str) -> Unit | None:
    """Return the unit of the setting of that dotted name; None where it has none."""
    parent, _, key = place.rpartition(".")
    if key in _LIMITS:
        return TIME if parent.rpartition(".")[2] == "seconds" else unit_of(parent)
    key = key.lower()
    if is_share(key):
        return SHARE
    if key.endswith("_per_s"):  # a rate
        return None
    if key.startswith("num_"):
        return COUNT
    if place == "budget":
        return TIME
    return next((unit for end, unit in _BY_ENDING.items() if key.endswith(end)), None)


def with_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return composed values in which texts such as 30min are numbers, where a unit is known.

    >>> with_numbers({"time_limit_s": "1h", "name": "30min", "size_bytes": {"max": "2MB"}})
    {'time_limit_s': 3600, 'name': '30min', 'size_bytes': {'max': 2000000}}
    """
    return {key: _with_numbers(value, str(key)) for key, value in values.items()}


def _with_numbers(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_numbers(inner, f"{place}.{key}") for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    unit = unit_of(place)
    # Of a limit on what is no metric, its name is the fault to tell, whatever the unit.
    units = _ALL if unit is None and _is_limit(place) else filter(None, [unit])
    return next((found for one in units if (found := one.read(value)) is not None), value)


def _is_limit(place: str) -> bool:
    section, _, rest = place.partition(".")
    return section == "constraints" and rest.rpartition(".")[2] in _LIMITS

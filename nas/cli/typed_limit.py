"""What limit does a word of a command line set, such as `size_bytes.max=500kB`?"""

import math
from collections.abc import Iterable
from dataclasses import replace

from nas.config.units import unit_of
from nas.errors import ConfigError, nearest_first
from nas.metric import AT, METRICS, STATIC_METRICS, is_known, is_share
from nas.objective import Constraint

_ENDS = {"min": "minimum", "max": "maximum"}


def is_limit(word: str) -> bool:
    """Say whether a word sets one."""
    return word.partition("=")[0].rpartition(".")[2] in _ENDS


def limit_of(word: str) -> Constraint:
    """Return a limit such as `size_bytes.max=500kB` or `accuracy.min=95%`.

    Raises:
        ConfigError: what stands there is no number.
    """
    key, _, text = word.partition("=")
    metric, _, end = key.rpartition(".")
    unit = unit_of(f"{metric.partition(AT)[0]}.{end}")
    try:
        read = None if unit is None else unit.read(text)
        number = float(text if read is None else read)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (is_share(metric) and not 0 <= number <= 1):
        words = "a number" if unit is None else f"a number ({unit.words})"
        if is_share(metric):
            words = "a share from 0 to 1, or as 95%"
        known = "" if is_known(metric) else f"; metrics, nearest first: {_nearest(metric)}"
        if known and metric in (meant := _nearest(metric).split(", ")[0]):
            known = f"; perhaps {meant}.{end}={text[:40]} is meant"
        raise ConfigError(f"{key} must be {words}, but got {text[:40]!r}{known}")
    if end == "max" and number <= 0 and metric.partition(AT)[0] in STATIC_METRICS:
        raise ConfigError(f"{key} is {number:g}, and every network has more than 0; raise it")
    return Constraint(metric, **{_ENDS[end]: number})


def _nearest(metric: str) -> str:
    return ", ".join(nearest_first(metric, METRICS).split(", ")[:4])


def joined(limits: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """Return one limit for each metric: its least and its most may be given apart."""
    found: dict[str, Constraint] = {}
    for limit in limits:
        before = found.get(limit.metric, limit)
        found[limit.metric] = replace(
            before,
            minimum=before.minimum if limit.minimum is None else limit.minimum,
            maximum=before.maximum if limit.maximum is None else limit.maximum,
        )
    return tuple(found.values())

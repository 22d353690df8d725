"""How does a metric read? Words, units and rounding, the same in tables, pictures and the page.

Files for machines keep the plain number; only what people read goes through here. A kilobyte has
1,000 bytes.
"""

import math

from nas.metric import METRICS, describe_metric, is_count, is_share
from nas.objective import Objective

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_LARGE = 1e5  # a number without a known name is shortened from here on


def label_of(metric: str) -> str:
    """Return the words for a metric; its name where it is not a known one."""
    return describe_metric(metric).label


def unit_of(metric: str) -> str:
    """Return the unit in which `scaled` gives a metric: %, B, ms, ...; empty for a count."""
    return describe_metric(metric).shown_unit


def axis_title(metric: str) -> str:
    """Return the title of an axis: the words, then the unit in brackets."""
    unit = unit_of(metric)
    return f"{label_of(metric)} ({unit})" if unit else label_of(metric)


def heading_of(metric: str) -> str:
    """Return the words for the head of a narrow column.

    >>> heading_of("accuracy"), heading_of("num_macs"), heading_of("size_bytes")
    ('accuracy', 'MACs', 'size')
    """
    found = describe_metric(metric)
    return found.heading or found.label


def scaled(metric: str, value: float) -> float:
    """Return a value in the unit of `unit_of`: shares become percent, all else stays."""
    return value * 100 if is_share(metric) else value


def format_value(metric: str, value: float | None) -> str:
    """Return a value with its unit, short enough for a table; a dash where there is none.

    >>> format_value("size_bytes", 1_234_567), format_value("accuracy", 0.9125)
    ('1.23 MB', '91.25 %')
    >>> format_value("num_params", 950), format_value("latency_ms", 3.14159)
    ('950', '3.14 ms')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if is_share(metric):
        return f"{value * 100:.2f} %"
    unit = unit_of(metric)
    if is_count(metric) or (metric not in METRICS and abs(value) >= _LARGE):
        return _with_prefix(value, unit)
    return f"{three_digits(value)} {unit}".rstrip()


def _with_prefix(value: float, unit: str) -> str:
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor * 0.9995:  # 999.6 would otherwise read as 1,000
            return f"{three_digits(value / factor)} {prefix}{unit}"
    return f"{value:.0f} {unit}".rstrip()


def three_digits(value: float) -> str:
    """Return a number with three significant digits, and all digits before the point.

    >>> three_digits(12.345), three_digits(1234.5), three_digits(0.012345)
    ('12.3', '1234', '0.0123')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = float(f"{value:.2e}")  # 9.999 has one digit before the point, but is shown as 10.0
    decimals = max(0, 2 - math.floor(math.log10(abs(rounded))))
    return f"{value:.{decimals}f}"


def counted(number: int, word: str) -> str:
    """Return how many there are: 1 trial, 2 trials."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def format_duration(seconds: float) -> str:
    """Return a time in its two largest units.

    >>> format_duration(42.4), format_duration(3725), format_duration(200_000)
    ('42 s', '1 h 2 min', '2 d 7 h')
    """
    rest = round(seconds)
    for size, unit, smaller, small_unit in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if rest >= size:
            return f"{rest // size} {unit} {rest % size // smaller} {small_unit}"
    return f"{rest} s" if rest >= 10 else f"{three_digits(seconds)} s"


def objective_text(objective: Objective, value: float | None) -> str:
    """Return a value with its unit and its words, such as `102 kB size`."""
    told, heading = format_value(objective.metric, value), heading_of(objective.metric)
    return told if told.endswith(f" {heading}") else f"{told} {heading}"  # 533 tokens/s

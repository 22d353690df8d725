"""What did the retrainings of a `nas finish` cost, over all commands that it took?"""

from dataclasses import asdict
from pathlib import Path

from nas.measure.energy import EnergyUse, EnergyWatch
from nas.record.spent import Noting, Spent, read_spent, total_spent

_NAME = "spent.jsonl"


def noting_use(folder: Path) -> Noting:
    """Note what is taken while it is open, given the `finish` folder."""
    watch = EnergyWatch()
    return Noting(folder / _NAME, lambda: Spent(**asdict(watch.so_far())))


def total_use(folder: Path) -> EnergyUse:
    """Return the sum over all commands; NaN joules where those of a command are unknown."""
    total = total_spent(read_spent(folder / _NAME))
    return EnergyUse(total.joules, total.seconds, total.meters, total.why_unknown)

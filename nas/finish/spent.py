"""What did the retrainings of a `nas finish` cost, over all commands that it took?"""

from pathlib import Path

from nas.measure.energy import EnergyUse
from nas.record.spent import Spent, note_spent, read_spent, total_spent

_NAME = "spent.jsonl"


def note_use(folder: Path, use: EnergyUse) -> None:
    """Add what one command took."""
    note_spent(folder / _NAME, Spent(use.seconds, use.joules, use.meters, use.why_unknown))


def total_use(folder: Path) -> EnergyUse:
    """Return what all commands took together; NaN joules where one of them is not known."""
    total = total_spent(read_spent(folder / _NAME))
    return EnergyUse(total.joules, total.seconds, total.meters, total.why_unknown)

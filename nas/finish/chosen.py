"""What a budget went to: a command that was killed goes on with the networks that it had chosen.

`chosen.json` in the `finish` folder. Another budget is shared out anew, and so is the same one
after the search has gone on.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from nas.files import write_text

_NAME = "chosen.json"


def remember_chosen(folder: Path, ids: Iterable[str], *, budget_s: float, num_trials: int) -> None:
    """Write down the architectures that a budget goes to.

    Args:
        folder: of the finish.
        ids: of the architectures.
        budget_s: of the command.
        num_trials: that they were chosen from.
    """
    told = {"budget_s": budget_s, "num_trials": num_trials, "of": sorted(ids)}
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / _NAME, json.dumps(told, indent=1) + "\n")


def remembered_chosen(folder: Path, *, budget_s: float, num_trials: int) -> frozenset[str]:
    """Return what the same budget went to, chosen from the same trials; nothing if unknown."""
    try:
        told = json.loads((folder / _NAME).read_text())
        if (told["budget_s"], told["num_trials"]) != (budget_s, num_trials):
            return frozenset()
        return frozenset(map(str, told["of"]))
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()

"""The kinds of search that the GPU script runs to see whether each of them runs there."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_TOLD = 1500  # characters of what a search said
_FEW = ("stopping.num_trials=4", "training.epochs=2")
# What each kind of search is asked for; all train on the digits, but for the language models.
KINDS: dict[str, tuple[str, ...]] = {
    "workers": _FEW,
    "shares": ("execution.gpus_per_trial=0.25", *_FEW),
    "inline": ("execution=inline", *_FEW),
    "inherited": ("execution=inline", "training.inherit=true", *_FEW),
    "rungs": ("execution=inline", "fidelity=rungs", "training.epochs=4", "stopping.num_trials=6"),
    "supernet": ("execution=inline", "evaluation=supernet", *_FEW),
    "vit": ("execution=inline", "search_space=vit", *_FEW),
    "resnet": ("execution=inline", "search_space=resnet", *_FEW),
    "language": (
        "preset=small_lm",
        "execution=inline",
        "stopping.num_trials=4",
        "training.tokens=50000",
    ),
    "finished": ("budget=90s", "finish=true"),
}


def num_failed(kinds: Sequence[str], settings: Sequence[str], *, folder: Path) -> int:
    """Run searches side by side, each a process of its own; return how many failed.

    Args:
        kinds: of `KINDS`.
        settings: of each search, beside its own.
        folder: for runs, and for what they say.
    """
    running = {}
    for name in kinds:
        words = [sys.executable, "-m", "nas", "search", *KINDS[name], *settings]
        words += ["ui=plain", f"run_folder={folder / name}"]
        with (folder / f"{name}.txt").open("w") as said:
            running[name] = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT)
    failed = 0
    for name, process in running.items():
        status = process.wait()
        failed += status != 0
        print(name, "runs" if status == 0 else f"ended with status {status}", flush=True)
        print((folder / f"{name}.txt").read_text(errors="replace")[-_TOLD:], flush=True)
    return failed

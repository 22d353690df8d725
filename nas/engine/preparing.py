"""What a search does once before its first trial: it trains weights that all trials share."""

from collections.abc import Callable
from pathlib import Path

from nas.engine.interrupt import InterruptWatch
from nas.evaluation.evaluator import Evaluator, SharesWeights


def prepare_run(
    evaluator: Evaluator, folder: Path, *, seed: int, say: Callable[[str], None]
) -> bool:
    """Let an evaluator do what it does once for a run; say whether it came to the end.

    A signal ends it early; it goes on with the run.

    Args:
        evaluator: of the search.
        folder: of the run.
        seed: of the search.
        say: is told how far it is.
    """
    if not isinstance(evaluator, SharesWeights):
        return True
    with InterruptWatch("the shared weights are saved, and go on from there") as interrupt:
        return evaluator.prepare_run(
            folder, seed=seed, say=say, is_ended=lambda: interrupt.requested
        )

"""How many tokens do the winners of a language search read? As many as a budget holds.

What a token costs a winner is known of its trial. A text is read four times at most: further
readings hardly help (Muennighoff et al., 2023, https://arxiv.org/abs/2305.16264).
Without a budget winners read as many tokens as trials did, and it is told what would be better.
"""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nas.files import write_text
from nas.finish.confirm import Winner
from nas.finish.language_task import LanguageTask
from nas.finish.retrain import Crew
from nas.planning.duration import duration_words
from nas.running_clock import running_s

_LOG = logging.getLogger(__name__)
TOKENS_JSON = "tokens.json"
_MOST_READINGS = 4
# Trials tell of a machine that was as busy as it was then.
_TRAINING_SHARE = 0.8
_TAUGHT = 2.5  # times the work of retrainings, where winners are trained once more with a teacher


def with_length(
    task: LanguageTask, winners: Sequence[Winner], *, folder: Path, crew: Crew
) -> LanguageTask:
    """Return a task whose recipe says how many tokens its winners read; and tell it.

    Args:
        task: what to finish.
        winners: that are retrained.
        folder: where a command that goes on finds what it had decided.
        crew: says when retrainings must have ended.
    """
    if task.keeps_tokens or not winners:
        return task
    trial_tokens = task.recipe.tokens
    vocabulary = next(iter(task.dataset.tokenized))
    text_tokens = len(task.dataset.final_data().train_tokens(vocabulary))
    once_s = seconds_of(winners, task)
    if crew.retrainings is None:
        crew.tell(
            f"winners read as many tokens as trials, {trial_tokens:,} of a text of "
            f"{text_tokens:,}; more of them make better models: budget={_minutes_up(10 * once_s)} "
            f"(seconds), or training.tokens={10 * trial_tokens}, about "
            f"{duration_words(10 * once_s)}"
        )
        return task
    key = [task.budget_s, task.num_seeds, [winner.architecture.id for winner in winners]]
    tokens = _remembered(folder, key)
    if tokens is None:
        until_s = crew.retrainings.until_s(len(winners) if task.bits else 0)
        fitting = _TRAINING_SHARE * (until_s - running_s()) / once_s * trial_tokens
        most = max(trial_tokens, _MOST_READINGS * text_tokens)
        tokens = max(trial_tokens, min(most, math.floor(fitting)))
        if fitting < trial_tokens:
            _LOG.warning(
                "the budget is too short: %d retrainings as long as trials take about %s; give "
                "more, or pick fewer winners or seeds: pick=knee seeds=1",
                len(winners) * task.num_seeds,
                duration_words(once_s),
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / TOKENS_JSON, json.dumps({"key": key, "tokens": tokens}))
    times = tokens / trial_tokens
    crew.tell(f"winners read {tokens:,} tokens each, {times:.3g} times as many as trials")
    return replace(task, recipe=replace(task.recipe, tokens=tokens))


def seconds_of(winners: Sequence[Winner], task: LanguageTask) -> float:
    """Return how long retrainings take that are as long as trials: of all winners and seeds.

    A trial that read fewer tokens, for what it inherited, counts as if it had read all of them.
    """
    each = []
    for winner in winners:
        metrics = {} if winner.record is None else winner.record.metrics
        seconds = metrics.get("seconds", 0.0) / max(0.01, metrics.get("training_share", 1.0))
        each += [max(0.01, seconds)] * task.num_seeds
    work_s = sum(each) * (_TAUGHT if task.distils else 1.0)
    return max(work_s / max(1, task.num_slots), max(each))


def _remembered(folder: Path, key: object) -> int | None:
    """Return what the same command had decided before it was cut; None where it had not."""
    try:
        told = json.loads((folder / TOKENS_JSON).read_text())
        return int(told["tokens"]) if told["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _minutes_up(seconds: float) -> int:
    """Return seconds of whole minutes that hold so many.

    >>> _minutes_up(61)
    120
    """
    return 60 * math.ceil(seconds / 60)

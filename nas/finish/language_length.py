"""How many tokens do the winners of a language search read? As many as a budget holds.

What a token costs a winner is known of its trial. A text is read four times at most: further
readings hardly help (Muennighoff et al., 2023, https://arxiv.org/abs/2305.16264).
Without a budget winners read as many tokens as trials did, and it is told what would be better.
"""

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    task: LanguageTask,
    winners: Sequence[Winner],
    *,
    folder: Path,
    crew: Crew,
    is_trained: Callable[[LanguageTask], bool],
) -> LanguageTask:
    """Return a task whose recipe says how many tokens its winners read; and tell it.

    Winners that read more of them in an earlier command keep what they learnt then.

    Args:
        task: what to finish.
        winners: that are retrained.
        folder: where a command that goes on finds what it had decided.
        crew: says when retrainings must have ended.
        is_trained: says of a task whether all of its retrainings are on record.
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
            number = len(winners) * task.num_seeds
            _LOG.warning(
                "the budget is too short: %s as long as %s about %s; give more%s",
                "1 retraining" if number == 1 else f"{number} retrainings",
                "a trial takes" if number == 1 else "trials take",
                duration_words(once_s),
                "" if number == 1 else ", or pick fewer winners or seeds: pick=knee seeds=1",
            )
        known = _read(folder)
        before = sorted({*known.get("before", ()), *filter(None, [known.get("tokens")])})
        longer = [n for n in before if n > tokens and is_trained(_reading(task, n))]
        if longer:
            crew.tell("an earlier nas finish had more time, so its retrainings stay")
            tokens = longer[-1]
        folder.mkdir(parents=True, exist_ok=True)
        told = {"key": key, "tokens": tokens, "before": before}
        write_text(folder / TOKENS_JSON, json.dumps(told))
    times = tokens / trial_tokens
    crew.tell(f"winners read {tokens:,} tokens each, {times:.3g} times as many as trials")
    return _reading(task, tokens)


def _reading(task: LanguageTask, tokens: int) -> LanguageTask:
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
    told = _read(folder)
    return told["tokens"] if told.get("key") == key else None


def _read(folder: Path) -> dict[str, Any]:
    """Return what was decided last; nothing where that is not known."""
    try:
        told = json.loads((folder / TOKENS_JSON).read_text())
        known = {"tokens": int(told["tokens"]), "before": [*map(int, told.get("before", []))]}
        return {"key": told["key"], **known}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _minutes_up(seconds: float) -> int:
    """Return seconds of whole minutes that hold so many.

    >>> _minutes_up(61)
    120
    """
    return 60 * math.ceil(seconds / 60)

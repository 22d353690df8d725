"""What is told of decided settings: a line each, with the overrides that would change it."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nas.planning.command_time import CommandTime
from nas.planning.duration import duration_words
from nas.planning.image_decisions import ImageDecisions
from nas.planning.trials import TrialPlan

HEADING = "chosen automatically; in each line, the setting that changes it:"
_MOST = 100  # characters of a line of settings; of more, each has a line
_MEANINGS = {  # the end of a setting's name -> what it is, for a line of its own
    "parameters.resolution.choice": "sides that networks see images at, in pixels",
    "parameters.width.choice": "multiples of the channels",
    "stages.repeat.int": "least and most stages",
    "stages.fused.choice": "blocks of full or of depthwise convolutions",
    "stages.residual.choice": "blocks with or without a shortcut over two convolutions",
    "search_space.channels": "channels of the stages at width 1",
    "search_space.stem_stride": "step of the first convolution",
    "search_space.stem_pool": "a max-pool behind the first convolution halves its maps",
    "search_space.least_map": "side of the smallest map",
    "training.epochs": "passes over the training images in each trial",
    "training.batch_size": "images in a step",
    "training.optimizer": "adamw or muon",
    "training.learning_rate": "at its peak",
    "training.shift": "share of the side that images are moved by at random",
    "training.whitening": "the first convolution starts from the principal patches of the images",
}


@dataclass(frozen=True)
class Changed:
    """A setting that was `auto`.

    Attributes:
        place: dotted name.
        value: that it has now.
    """

    place: str
    value: Any

    def override(self) -> str:
        """Return what sets it to this on the command line.

        >>> Changed("data.image_size", [48, 64]).override()
        'data.image_size=[48,64]'
        """
        return f"{self.place}={_text(self.value)}"


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def decision_lines(
    changed: Sequence[Changed],
    *,
    shape: tuple[int, int, int],
    images: ImageDecisions | None,
    plan: TrialPlan | None,
    num_workers: int,
    time: CommandTime | None,
) -> list[str]:
    """Return what was decided, a line each.

    Args:
        changed: settings that were `auto`.
        shape: (channels, height, width) of the images as they are kept.
        images: what the loader decided, and why.
        plan: of the trials; None where their time is not known.
        num_workers: trials at once.
        time: what is planned of the command's budget; None where it has none.
    """
    lines = list(_image_lines(changed, images or ImageDecisions(), shape=shape))
    for beginning, what in (("search_space.", "networks"), ("training.", "training")):
        if given := _overrides(changed, beginning):
            lines += [f"{what}: {given}"] if len(given) <= _MOST else _each(what, given)
    given = _overrides(changed, "constraints.")
    if given:
        lines.append(
            "networks that are too slow to train in this time are left out, by their number of "
            f"multiply-accumulates: {given}"
        )
    return [*lines, *_trial_lines(changed, plan, num_workers, time)]


def _each(what: str, given: str) -> list[str]:
    """Return a line for each override, with what it means beside it."""
    overrides = given.split(" ")
    width = max(map(len, overrides))
    lines = [f"  {override:<{width}}  {_meaning(override)}".rstrip() for override in overrides]
    return [f"{what}:", *lines]


def _meaning(override: str) -> str:
    place = override.strip("'").partition("=")[0]
    told = (words for end, words in _MEANINGS.items() if place.endswith(end))
    return next(told, "")


def _overrides(changed: Sequence[Changed], *beginnings: str) -> str:
    """Return overrides as a shell takes them; some shells read brackets as a pattern."""
    told = (c.override() for c in changed if c.place.startswith(beginnings))
    return " ".join(map(shlex.quote, told))


def _image_lines(
    changed: Sequence[Changed], decided: ImageDecisions, *, shape: tuple[int, int, int]
) -> Iterator[str]:
    kind = "grey" if shape[0] == 1 else "colour"
    given = _overrides(changed, "data.image_size", "data.channels")
    size = decided.size
    if size is not None:
        files = f"{size.typical[1]}x{size.typical[0]}"
        alike = "all files have" if size.are_alike else "the files have about"
        kept = f"{size.width}x{size.height}"
        yield f"images: {kept} pixels, {kind}; {alike} {files}: {given}"
        if size.is_much_smaller:
            larger = 2 * min(size.height, size.width)
            yield (
                f"images are made much smaller, from about {files} to {kept}, and lose details; "
                f"data.image_size={larger} keeps more of them, and each training takes about 4 "
                "times as long"
            )
    elif given:
        yield f"images: {kind}: {given}"
    if decided.mirroring.why:
        word = "mirrored at random in training" if decided.mirroring.is_sound else "not mirrored"
        given = _overrides(changed, "data.is_mirrorable")
        yield f"images are {word} ({decided.mirroring.why}): {given}"


def _trial_lines(
    changed: Sequence[Changed],
    plan: TrialPlan | None,
    num_workers: int,
    time: CommandTime | None,
) -> Iterator[str]:
    given = _overrides(changed, "stopping.")
    at_once = f", {num_workers} at once" if num_workers > 1 else ""
    if plan is not None:
        words = (
            f"about {plan.num_trials} (one takes about {duration_words(plan.trial_s)}{at_once}), "
            f"{duration_words(plan.seconds)} together"
        )
        if time is None:
            fixed = f": {given}" if given else ""
            yield f"trials: {words}; budget=30min sets a limit of time{fixed}"
        else:
            fixed = f"stopping.num_trials={plan.num_trials}"
            yield f"trials: {words}, as many as there is time for: {fixed}"
    elif given:
        yield f"trials: {given}"
    if time is not None:
        ways = "budget=, finish_share=" if time.retraining_s else "budget="
        yield f"time: {time.describe()}: {ways}"

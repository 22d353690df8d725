"""`nas pick`: which network of a run to take, what its neighbours give, and how to finish it."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nas.cli.answer import answer, wants_json
from nas.cli.command_of_choosing import PICK
from nas.cli.flags import parse_settings
from nas.cli.terminal import make_console
from nas.cli.typed_limit import is_limit, joined, limit_of
from nas.errors import ConfigError, ConstraintError
from nas.exit_status import ExitStatus
from nas.finish.which import Which

if TYPE_CHECKING:
    from nas.cli.run_view import RunView
    from nas.finish.choose import Pick
    from nas.objective import Constraint
    from nas.trial import TrialRecord


def run(words: Sequence[str]) -> int:
    """Choose one network."""
    _refuse_numbers(words)
    told = [_in_full(word) for word in words]
    limits = [w for w in told if is_limit(w)]
    settings = parse_settings([word for word in told if word not in limits], PICK)
    from nas.cli.finished_trial import finished_lines, line_of_files_within
    from nas.cli.run_document import pick_content
    from nas.cli.run_view import RunView
    from nas.cli.show import finish_command, neighbour_lines, say, trial_lines
    from nas.report.neighbours import neighbours_of
    from nas.report.trivial import trivial_line

    constraints = joined(map(limit_of, limits))
    view = RunView.open(settings["run"])
    way = Which(settings.get("which") or Which.AUTO)
    try:
        choice = _choice(way, constraints, view)
    except ConstraintError as error:
        return _answer_by_files(error, view, constraints, way)
    record = choice.record
    beside = neighbours_of(record, view.front, view.objectives)
    command = finish_command(settings["run"], record.number)
    if wants_json():
        content = pick_content(
            view, record, why=choice.why, beside=beside, command=command,
            limits=constraints, way=way,
        )  # fmt: skip
        answer("pick", content)
    lines = [f"Take {choice.told}", f"  {choice.why}", *choice.notes, *_limit_lines(view, record)]
    if files_told := line_of_files_within(view.folder, constraints, way):
        lines += ["", *files_told.splitlines()]
    lines.append("")
    lines += trial_lines(view, record)
    tested = finished_lines(view.folder, record)
    if record not in view.front and not tested:  # a test has no neighbours among short trainings
        lines += ["", "Beside it on the front", *neighbour_lines(view, record, beside)]
    lines += ["", *(tested or _confirm_lines(view, command))]
    if choice.promising is not None:
        number = choice.promising.number
        other = _told(choice.promising, view)
        lines += ["", f"By the search's short trainings alone the choice would be {other}."]
        if number not in choice.tested:
            again = finish_command(settings["run"], number)
            lines.append(f"To retrain and test that one too: {again}")
    if useless := trivial_line([choice.accuracy], view.references):
        lines += ["", useless]
    say(make_console(), lines)
    return ExitStatus.DONE


def _refuse_numbers(words: Sequence[str]) -> None:
    """Refuse numbers of trials: which one to take is this command's answer.

    Raises:
        ConfigError: with the commands that take a number.
    """
    numbers = [word for word in words if word.isdecimal()]
    run = next((shlex.quote(w.removeprefix("run=")) for w in words if "/" in w), "runs/N")
    if numbers:
        raise ConfigError(
            f"this command chooses a trial itself; to see trial {numbers[0]}: nas show {run} "
            f"trial={numbers[0]}; to retrain it: nas finish {run} 'pick=[{','.join(numbers)}]'"
        )


def _limit_lines(view: "RunView", record: "TrialRecord") -> list[str]:
    """Return what is to be said where a network breaks a limit that the search had."""
    from nas.report.limits import keeps, limits_line

    if keeps(record, view.limits):
        return []
    return [f"  {limits_line(view.records, view.front, view.limits)}"]


def _confirm_lines(view: "RunView", command: str) -> list[str]:
    if not view.has_networks:
        return ["It is a row of the table: there is no network to train or to make files of."]
    return [
        "Measured on the validation split, after one training. Confirm it on the test split, and",
        f"make files of it:  {command}",
    ]


@dataclass(frozen=True)
class _Choice:
    """One network, and why it is that one.

    Attributes:
        record: its trial, as the search measured it.
        told: it and its values, those of the test split where it was tested.
        why: a sentence.
        accuracy: of the test split where it was tested, else of the search; NaN for none.
        notes: further lines.
        promising: what the search's own values would choose, where tests chose another.
        tested: numbers of the trials that were tested.
    """

    record: "TrialRecord"
    told: str
    why: str
    accuracy: float
    notes: tuple[str, ...] = ()
    promising: "TrialRecord | None" = None
    tested: frozenset[int] = frozenset()


def _choice(way: Which, limits: Sequence["Constraint"], view: "RunView") -> _Choice:
    """Choose among the networks that were retrained and tested, if any keeps the limits; else all.

    A test after a long training tells more than what a short one promises.

    Raises:
        ConstraintError: no network keeps the limits.
    """
    from nas.cli.finished_trial import tested_records
    from nas.finish.choose import belief_words, choose
    from nas.report.front import comparable_records
    from nas.report.limits import keeps

    candidates = comparable_records(view.records, view.objectives)
    kept = [record for record in candidates if keeps(record, view.limits)] or candidates
    pick = _pick(way, limits, view, kept)
    all_tested = tested_records(view.folder, kept, view.objectives)
    tested = [record for record in all_tested if keeps(record, limits)]
    if not tested:  # what misses the limits in its test is not taken for what the search measured
        numbers = {record.number for record in all_tested}
        rest = [record for record in kept if record.number not in numbers]
        known = rest if any(keeps(record, limits) for record in rest) else [*all_tested, *rest]
        (record,) = choose(known, objectives=view.objectives, pick=pick)
        changed = belief_words(known, objectives=view.objectives, pick=pick)
        notes = (f"  {changed}",) if changed else ()
        why = _why(pick, view, known)
        return _Choice(record, _told(record, view), why, _accuracy(record), notes)
    promised = [record for record in kept if keeps(record, limits)]
    promising = choose(promised, objectives=view.objectives, pick=pick) if promised else []
    numbers = {record.number for record in all_tested}
    pick = replace(pick, beliefs={})
    (chosen,) = choose(tested, objectives=view.objectives, pick=pick)
    return _Choice(
        next(record for record in kept if record.number == chosen.number),
        f"{_told(chosen, view)}, on the test split",
        _why(pick, view, tested, kind="tested network"),
        _accuracy(chosen),
        promising=next((r for r in promising if r.number != chosen.number), None),
        tested=frozenset(numbers),
    )


def _accuracy(record: "TrialRecord") -> float:
    return record.metrics.get("accuracy", math.nan)


def _told(record: "TrialRecord", view: "RunView") -> str:
    from nas.report.values import objective_text

    texts = (objective_text(o, record.metrics.get(o.metric)) for o in view.objectives)
    return f"trial {record.number}: {', '.join(texts)}"


def _answer_by_files(
    error: ConstraintError, view: "RunView", limits: Sequence["Constraint"], way: Which
) -> int:
    """Name the finished file that keeps limits which no network of the search keeps in floats.

    Raises:
        ConstraintError: there is no such file.
    """
    from nas.cli.finished_trial import line_of_files_within
    from nas.cli.show import say

    told = line_of_files_within(view.folder, limits, way)
    if not told or wants_json():
        raise error
    say(make_console(), ["No network of the search keeps the limits in floats.", "", told])
    return ExitStatus.DONE


def _in_full(word: str) -> str:
    """Return a word as this command knows it: `knee` and `pick=knee` are `which=knee`."""
    if word in tuple(Which):
        return f"which={word}"
    key, _, value = word.partition("=")
    if key == "pick":
        return f"which={value}"
    return word.removeprefix("pick.").removeprefix("constraints.")


def _pick(
    way: Which,
    limits: Sequence["Constraint"],
    view: "RunView",
    records: Sequence["TrialRecord"],
) -> "Pick":
    """Return what one network is chosen by: the knee where nothing is said."""
    from nas.finish.choose import Pick, resolved
    from nas.record.beliefs import BELIEVED_CSV, read_beliefs

    pick = Pick(
        which=way,
        limits=tuple(limits),
        floors=tuple(tuple(floor) for floor in view.floors),
        beliefs=read_beliefs(view.folder.path / BELIEVED_CSV, records),
    )
    found = resolved(pick, view.objectives)
    return replace(pick, which=Which.KNEE if found is Which.ALL else found)


def _why(
    pick: "Pick", view: "RunView", records: Sequence["TrialRecord"], *, kind: str = "network"
) -> str:
    """Return in one sentence why it is this one.

    Args:
        pick: how it was chosen.
        view: of the run.
        records: what it was chosen from.
        kind: what they are called.
    """
    from nas.finish.choose import choose, quality_column, size_column
    from nas.report.limits import keeps, limit_words
    from nas.report.values import counted, heading_of

    within = [record for record in records if keeps(record, pick.limits)]
    limits = " and ".join(map(limit_words, pick.limits))
    among = counted(len(within), kind) + (f" that keep {limits}" if limits else "")
    size = heading_of(view.objectives[size_column(view.objectives)].metric)
    quality = heading_of(view.objectives[quality_column(view.objectives)].metric)
    if len(within) == 1:
        return f"the only {kind}" + (f" that keeps {limits}" if limits else "")
    front = choose(within, objectives=view.objectives, pick=replace(pick, which=Which.ALL))
    if len(front) == 1:
        return f"none of {among} is smaller or better"
    (chosen,) = choose(within, objectives=view.objectives, pick=pick)
    is_last = chosen.number == front[-1].number
    gain = "smaller ones lose more" if is_last else f"beyond it, more {size} gains less"
    return {
        Which.KNEE: f"the knee of the front of {among}: {gain}",
        Which.BEST: f"best {quality} of {among}",
        Which.SMALLEST: f"least {size} of {among}",
    }[pick.which]

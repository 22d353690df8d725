"""`nas pick`: which network of a run to take, what its neighbours give, and how to finish it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nas.cli.answer import answer, wants_json
from nas.cli.command_of_choosing import PICK
from nas.cli.flags import parse_settings
from nas.cli.terminal import make_console
from nas.cli.typed_limit import is_limit, joined, limit_of
from nas.errors import ConstraintError
from nas.exit_status import ExitStatus
from nas.finish.which import Which

if TYPE_CHECKING:
    from nas.cli.run_view import RunView
    from nas.finish.choose import Pick
    from nas.objective import Constraint
    from nas.trial import TrialRecord


def run(words: Sequence[str]) -> int:
    """Choose one network."""
    told = [_in_full(word) for word in words]
    limits = [w for w in told if is_limit(w)]
    settings = parse_settings([word for word in told if word not in limits], PICK)
    from nas.cli.finished_trial import finished_lines, line_of_files_within
    from nas.cli.run_document import pick_content
    from nas.cli.run_view import RunView
    from nas.cli.show import finish_command, neighbour_lines, say, trial_lines
    from nas.finish.choose import belief_words, choose
    from nas.report.front import comparable_records
    from nas.report.limits import keeps
    from nas.report.neighbours import neighbours_of
    from nas.report.values import objective_text

    constraints = joined(map(limit_of, limits))
    view = RunView.open(settings["run"])
    candidates = comparable_records(view.records, view.objectives)
    kept = [record for record in candidates if keeps(record, view.limits)] or candidates
    pick = _pick(settings.get("which"), constraints, view, kept)
    try:
        (record,) = choose(kept, objectives=view.objectives, pick=pick)
    except ConstraintError as error:
        return _answer_by_files(error, view, constraints)
    why = _why(pick, view, kept)
    changed = belief_words(kept, objectives=view.objectives, pick=pick)
    beside = neighbours_of(record, view.front, view.objectives)
    command = finish_command(settings["run"], record.number)
    if wants_json():
        content = pick_content(
            view, record, why=why, beside=beside, command=command, limits=constraints
        )
        answer("pick", content)
    values = ", ".join(objective_text(o, record.metrics.get(o.metric)) for o in view.objectives)
    lines = [f"Take trial {record.number}: {values}", f"  {why}"]
    lines += [f"  {changed}", ""] if changed else [""]
    lines += trial_lines(view, record)
    if record not in view.front:
        lines += ["", "Beside it on the front", *neighbour_lines(view, record, beside)]
    confirm = [
        "Measured on the validation split, after one training. Confirm it on the test split, and",
        f"make files of it:  {command}",
    ]
    lines += ["", *(finished_lines(view.folder, record) or confirm)]
    if files_told := line_of_files_within(view.folder, constraints):
        lines += ["", files_told]
    say(make_console(), lines)
    return ExitStatus.DONE


def _answer_by_files(
    error: ConstraintError, view: "RunView", limits: Sequence["Constraint"]
) -> int:
    """Name the finished file that keeps limits which no network of the search keeps in floats.

    Raises:
        ConstraintError: there is no such file.
    """
    from nas.cli.finished_trial import line_of_files_within
    from nas.cli.show import say

    told = line_of_files_within(view.folder, limits)
    if not told or wants_json():
        raise error
    say(make_console(), ["No network of the search keeps the limits in floats.", "", told])
    return ExitStatus.DONE


def _in_full(word: str) -> str:
    """Return a word as this command knows it: `knee` and `pick=knee` are `which=knee`."""
    if word in tuple(Which):
        return f"which={word}"
    key, _, value = word.partition("=")
    return f"which={value}" if key == "pick" else word.removeprefix("pick.")


def _pick(
    which: str | None,
    limits: Sequence["Constraint"],
    view: "RunView",
    records: Sequence["TrialRecord"],
) -> "Pick":
    """Return what one network is chosen by: the knee where nothing is said."""
    from nas.finish.choose import Pick, resolved
    from nas.record.beliefs import BELIEVED_CSV, read_beliefs

    pick = Pick(
        which=Which.AUTO if which is None else Which(which),
        limits=tuple(limits),
        floors=tuple(tuple(floor) for floor in view.floors),
        beliefs=read_beliefs(view.folder.path / BELIEVED_CSV, records),
    )
    way = resolved(pick, view.objectives)
    return replace(pick, which=Which.KNEE if way is Which.ALL else way)


def _why(pick: "Pick", view: "RunView", records: Sequence["TrialRecord"]) -> str:
    """Return in one sentence why it is this one."""
    from nas.finish.choose import quality_column, size_column
    from nas.report.limits import keeps, limit_words
    from nas.report.values import counted, heading_of

    within = sum(keeps(record, pick.limits) for record in records)
    limits = " and ".join(map(limit_words, pick.limits))
    among = f"of {counted(within, 'network')}" + (f" that keep {limits}" if limits else "")
    size = heading_of(view.objectives[size_column(view.objectives)].metric)
    quality = heading_of(view.objectives[quality_column(view.objectives)].metric)
    return {
        Which.KNEE: f"the knee of the front {among}: beyond it, more {size} gains less",
        Which.BEST: f"best {quality} {among}",
        Which.SMALLEST: f"least {size} {among}",
    }[pick.which]

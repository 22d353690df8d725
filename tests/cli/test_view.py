import io
from dataclasses import replace

import pytest
from rich.console import Console

from nas.architecture import Architecture
from nas.cli.numbers import format_count
from nas.cli.view import LiveView, PlainView, SilentView, make_view, plan_line
from nas.config.schema import Ui
from nas.engine.view import Progress, SearchPlan
from nas.objective import Constraint, objective_for
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def record(number, *, accuracy=0.9, size=12_300, failure=None):
    return TrialRecord(
        number=number,
        architecture=Architecture({"width": number}),
        state=TrialState.FAILED if failure else TrialState.COMPLETE,
        metrics={} if failure else {"accuracy": accuracy, "size_bytes": size},
        seconds=3.25,
        failure=failure,
    )


def progress(*front, **changes):
    values = {
        "num_trials": 64,
        "num_done": 12,
        "num_running": 2,
        "num_failed": 1,
        "num_redrawn": 7,
        "num_known": 3,
        "num_slots": 2,
        "front": list(front),
        "elapsed_s": 90.0,
        "remaining_s": 400.0,
    }
    return Progress(**{**values, **changes})


PLAN = SearchPlan(
    name="first",
    run_folder="runs/first",
    num_trials=64,
    objectives=OBJECTIVES,
    num_architectures=1536,
    num_slots=2,
    num_resumed=3,
)


@pytest.fixture
def paper():
    return Console(file=io.StringIO(), width=100)


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), width=100, height=30, force_terminal=True)


@pytest.mark.parametrize(
    ("seeks_best", "aim"), [(False, "better accuracy and size"), (True, "the best accuracy")]
)
def test_the_plan_tells_the_limits_and_the_wish(seeks_best, aim):
    size, accuracy = Constraint("size_bytes", maximum=3e5), Constraint("accuracy", minimum=0.5)
    plan = replace(PLAN, constraints=(size,), limits=(accuracy,), seeks_best=seeks_best)

    told = f"the aim is {aim} with size_bytes <= 300 kB and accuracy >= 50.00 %; in runs/first"
    assert plan_line(plan).endswith(told)


def test_a_trial_is_one_line_with_units_and_its_place(paper):
    view = PlainView(paper)
    view.start(PLAN)

    view.trial_finished(record(4), progress(record(4)))
    view.trial_finished(record(5), progress(record(4)))

    lines = paper.file.getvalue().splitlines()
    assert lines[0] == (
        "first: 64 trials, 3 of them done before, 2 at a time, out of 1,536 architectures; "
        "the aim is better accuracy and size; in runs/first"
    )
    assert lines[1] == "trial    4  complete  90.00 % accuracy  12.3 kB size  3.25 s  on the front"
    assert lines[2] == "trial    5  complete  90.00 % accuracy  12.3 kB size  3.25 s"


def test_a_failed_trial_says_why_in_one_line(paper):
    view = PlainView(paper)
    view.start(PLAN)
    failure = Failure(FailureKind.ERROR, "shapes\ndo not fit " + "x" * 200)

    view.trial_finished(record(4, failure=failure), progress())

    line = paper.file.getvalue().splitlines()[1]
    assert line.startswith("trial    4  failed    error: shapes do not fit xxx")
    assert line.endswith("…  3.25 s")


def test_a_line_says_once_a_minute_how_far_the_search_is(paper):
    now = [0.0]
    view = PlainView(paper, clock=lambda: now[0])
    view.start(PLAN)
    for now[0] in (1.0, 59.0, 61.0, 62.0, 122.0):
        view.tick(progress(record(1)))

    told = (
        "12 of 64 trials, 2 running, 1 failed, 7 proposals drawn again, front of 1, "
        "1 min 30 s, about 6 min 40 s left for trials"
    )
    assert paper.file.getvalue().splitlines()[1:] == [told, told]


def test_what_is_wasted_is_told_once_behind_the_minute(paper):
    now = [0.0]
    view = PlainView(paper, clock=lambda: now[0])
    view.start(PLAN)
    for now[0] in (61.0, 122.0):
        view.tick(progress(record(1), num_failed=9))

    told = [line for line in paper.file.getvalue().splitlines() if "warning" in line]
    assert told == ["warning: 9 of 12 trials failed; log.txt has the reasons"]


def test_square_brackets_are_no_markup(paper):
    view = PlainView(paper)

    view.message("[red]as it is[/red]")

    assert paper.file.getvalue() == "[red]as it is[/red]\n"


def test_the_live_picture_has_counts_best_bar_and_front(terminal):
    view = LiveView(terminal)
    view.start(PLAN)

    view.tick(progress(record(3, accuracy=0.7, size=900), record(4)))
    view.close()

    shown = terminal.file.getvalue()
    for part in (
        "12 of 64 trials, 2 running",
        "best accuracy: trial 4 with 90.00 % accuracy, 12.3 kB size",
        "━",
        "architecture",
        "width=3",
        "900 B",
    ):
        assert part in shown


def test_a_failure_stays_above_the_live_picture(terminal):
    view = LiveView(terminal)
    view.start(PLAN)

    view.trial_finished(record(4, failure=Failure(FailureKind.TIMEOUT, "too long")), progress())
    view.close()

    assert "timeout: too long" in terminal.file.getvalue()


def test_closing_twice_or_before_the_start_does_nothing(terminal):
    view = LiveView(terminal)
    view.close()
    view.start(PLAN)
    view.close()
    view.close()


@pytest.mark.parametrize(
    ("ui", "is_terminal", "kind"),
    [
        (Ui.AUTO, True, LiveView),
        (Ui.AUTO, False, PlainView),
        (Ui.PLAIN, True, PlainView),
        (Ui.NONE, True, SilentView),
    ],
    ids=["auto, terminal", "auto, file", "plain", "none"],
)
def test_the_view_fits_where_it_is_shown(ui, is_terminal, kind, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=is_terminal)

    assert type(make_view(ui, console)) is kind


def test_a_silent_view_writes_nothing(paper):
    view = SilentView(paper)

    view.start(PLAN)
    view.trial_finished(record(4), progress(record(4)))
    view.tick(progress())
    view.message("text")
    view.close()

    assert paper.file.getvalue() == ""


def test_counts_are_readable_at_all_sizes():
    shown = [format_count(number) for number in (16, 37_705_500, 1e19, float("inf"))]

    assert shown == ["16", "37,705,500", "1e+19", "infinitely many"]

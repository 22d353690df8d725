import io

import pytest
from rich.console import Console

from nas.architecture import Architecture
from nas.cli.picture import LivePicture, evenly
from nas.cli.view import LiveView
from nas.engine.view import Progress, SearchPlan
from nas.objective import objective_for
from nas.trial import TrialRecord, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def member(number, num_members):
    share = number / max(1, num_members - 1)
    blocks = {f"stages.{stage}.{part}": number + stage for stage in range(8) for part in "abcdef"}
    metrics = {"accuracy": 0.5 + 0.45 * share, "size_bytes": 1000 * 10 ** (2 * share)}
    return TrialRecord(number, Architecture(blocks), TrialState.COMPLETE, metrics)


def progress(num_members, **changes):
    values = {
        "num_trials": 6400,
        "num_done": 1234,
        "num_running": 16,
        "num_failed": 12,
        "num_redrawn": 70,
        "num_known": 3,
        "num_slots": 16,
        "front": [member(number, num_members) for number in range(num_members)],
        "elapsed_s": 90.0,
        "remaining_s": 4020.0,
    }
    return Progress(**{**values, **changes})


def drawn(picture, *, width=80, height=24):
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    console.no_color, console._color_system = True, None
    console.print(picture)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 20), (100, 12)])
@pytest.mark.parametrize("num_members", [1, 3, 40])
def test_the_picture_fits_the_terminal(width, height, num_members):
    warnings = ["of 16 slots 7.0 had no trial over 30 s"]
    picture = LivePicture(progress(num_members), OBJECTIVES, warnings=warnings)

    lines = drawn(picture, width=width, height=height)

    assert len(lines) < height
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_values_are_whole_and_the_architecture_takes_what_is_left(width):
    lines = drawn(LivePicture(progress(3), OBJECTIVES), width=width)

    rows = [line for line in lines if "stages." in line]
    assert [row.split()[:4] for row in rows] == [
        ["50.00", "%", "1.00", "kB"],
        ["72.50", "%", "10.0", "kB"],
        ["95.00", "%", "100", "kB"],
    ]
    assert all("…" in row for row in rows)


def test_states_pace_and_warnings_stand_above_the_front():
    picture = LivePicture(
        progress(3, num_paused=4), OBJECTIVES, rate="7.0 trials/min", warnings=["look here"]
    )

    lines = drawn(picture)

    assert lines[0] == (
        "1234 of 6400 trials, 16 running, 4 waiting at a rung, 12 failed, 70 drawn again"
    )
    assert (
        lines[1]
        == "16 of 16 slots busy, 7.0 trials/min, 1 min 30 s, about 1 h 7 min left for trials"
    )
    assert lines[2] == "best accuracy: trial 2 with 95.00 % accuracy, 100 kB size"
    assert lines[3] == "! look here"


def test_a_scatter_of_the_front_stands_below_and_on_a_wide_terminal_beside_the_table():
    below = drawn(LivePicture(progress(5), OBJECTIVES))
    beside = drawn(LivePicture(progress(5), OBJECTIVES), width=120)

    assert sum("●" in line and "stages." not in line for line in below) == 5
    assert any("│" in line and "stages." in line for line in beside)


def test_a_search_without_a_front_has_counts_alone():
    assert drawn(LivePicture(progress(0, num_trials=None, remaining_s=None), OBJECTIVES)) == [
        "1234 trials, 16 running, 12 failed, 70 drawn again",
        "16 of 16 slots busy, 1 min 30 s",
    ]


def test_with_one_objective_there_is_a_table_and_no_scatter():
    lines = drawn(LivePicture(progress(3), OBJECTIVES[:1]))

    assert sum("stages." in line for line in lines) == 3
    assert "└" not in "".join(lines)


def test_the_live_view_draws_trials_that_left_the_front_as_dots():
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    view = LiveView(console)
    now = progress(5)
    view.start(SearchPlan("a", "runs/a", 6400, OBJECTIVES, 1e6, 16))
    metrics = {"accuracy": 0.7, "size_bytes": 50_000.0}
    view.trial_finished(TrialRecord(9, Architecture({}), TrialState.COMPLETE, metrics), now)
    view.tick(now)
    view.close()

    assert "·" in console.file.getvalue()


def test_an_even_choice_keeps_both_ends():
    assert evenly(list(range(100)), 12) == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]
    assert evenly([1, 2, 3], 12) == [1, 2, 3]

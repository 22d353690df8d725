"""From a command line to confirmed winners."""

import pytest

from nas.assemble.finish import build_finish
from nas.cli import finish
from nas.cli.terminal import make_console
from nas.config.finishing import check_finish
from nas.errors import ConfigError, ConstraintError, RunFolderError
from nas.finish.find_length import FITS
from nas.finish.length import CurvePoint, Gain, Length, Lengths
from nas.finish.length_question import Patience
from nas.finish.which import Which
from nas.objective import Constraint


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished search of four trials on the digits."""
    from nas.cli.main import main

    folder = tmp_path_factory.mktemp("runs") / "s"
    words = ["preset=smoke", f"run_folder={folder}", "sampler=random", "ui=none"]
    assert main(["search", *words, "evaluation.num_threads=1"]) == 0
    return folder


def test_a_finish_confirms_exports_and_prints_both_tables(searched, capsys):
    words = [
        f"run={searched}",
        "execution=inline",
        "pick=1",
        "seeds=2",
        "training.epochs=1",
        "export.onnx=false",
        "export.peak_memory=false",
        "license=mit",
    ]

    status = finish.run(words)

    shown = capsys.readouterr().out
    assert status == 0
    assert "[2/2]" in shown
    assert "model.pt2" in shown
    assert "1 winner, 2 retrainings" in shown
    assert "All retrainings of this run took " in shown
    assert "Energy is not known" not in shown  # that stands in the card, for those who look
    assert "(winners.csv, finish.png, artefacts.csv, files.png, a folder for each net" in shown
    place = searched / "finish"
    assert {path.name for path in place.iterdir()} >= {
        "winners.csv",
        "artefacts.csv",
        "finish.png",
        "ledger.jsonl",
        "log.txt",
    }
    assert "Winners: retrained and tested" in (searched / "report.html").read_text()
    (card,) = place.glob("*/README.md")
    assert "nas finish run=" in card.read_text()
    assert "license: mit" in card.read_text()


def test_recipe_is_that_of_the_search_but_for_what_is_told(searched):
    config = check_finish([f"run={searched}", "training.epochs=7"])

    task = build_finish(config, words=[]).task

    assert task.recipe.epochs == 7
    assert task.recipe.batch_size == 32


@pytest.mark.parametrize(
    ("words", "which", "count", "trials"),
    [
        (["pick=knee"], Which.KNEE, 5, []),
        (["pick=3"], Which.SPREAD, 3, []),
        (["pick=[3,17]"], Which.AUTO, 5, [3, 17]),
        (["finish.pick=best"], Which.BEST, 5, []),
    ],
)
def test_pick_has_short_forms(words, which, count, trials):
    pick = check_finish(["run=x", *words]).pick

    assert (pick.which, pick.count, pick.trials) == (which, count, trials)


def test_limits_of_a_pick_become_constraints():
    config = check_finish(["run=x", "pick.size_bytes.max=100000", "pick.accuracy.min=0.95"])

    assert set(config.pick.limits()) == {
        Constraint("size_bytes", maximum=100000.0),
        Constraint("accuracy", minimum=0.95),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"run must be given: run=\.\.\."),
        (["run=x", "seeds=0"], "seeds must be a whole number of at least 1, but got 0"),
        (["run=x", "pick=kne"], "pick.which must be one of knee"),
        (["run=x", "sedes=3"], "there is no option 'sedes'; known, nearest first: seeds"),
        (["run=x", "epochs=9"], "there is no option 'epochs'; write training.epochs=... or"),
        (["run=x", "sampler=tpe"], "there is no option 'sampler'; known, nearest first"),
        (["run=x", "pick.latency.max=3"], "latency.*nearest first: latency_ms"),
    ],
)
def test_faults_of_a_command_line_are_said(words, message):
    with pytest.raises(ConfigError, match=message):
        check_finish(words)


def test_only_what_finishing_reads_is_offered():
    with pytest.raises(ConfigError) as caught:
        check_finish(["run=x", "sedes=3"])

    assert "execution" in str(caught.value)
    assert "search_space" not in str(caught.value)


def test_setting_that_no_recipe_has_is_refused_with_the_nearest(searched):
    config = check_finish([f"run={searched}", "training.epoch=7"])

    with pytest.raises(ConfigError, match="no option 'epoch'; write training"):
        build_finish(config, words=[])


def test_run_that_does_not_exist_is_refused(tmp_path):
    config = check_finish([f"run={tmp_path / 'x'}"])

    with pytest.raises(RunFolderError, match="does not exist"):
        build_finish(config, words=[])


def test_nearest_trial_is_named_when_none_fits(searched):
    with pytest.raises(ConstraintError, match="keeps size_bytes <= 10; the nearest is"):
        finish.run(
            [f"run={searched}", "execution=inline", "pick.size_bytes.max=10", "export.onnx=false"]
        )


def test_search_of_a_table_cannot_be_finished(nas, table_words, launch_folder):
    nas("search", *table_words, "name=t")

    with pytest.raises(ConfigError, match="searched a table: there are no networks to train"):
        build_finish(check_finish(["run=runs/t"]), words=[])


def test_the_search_for_a_length_is_told_step_by_step_and_at_its_end(capsys):
    console = make_console(is_quiet=False)
    points = [CurvePoint("trial 3", "a", 8, "accuracy", 0.8, 1.0),
              CurvePoint("trial 5", "b", 8, "accuracy", 0.9, 1.0)]  # fmt: skip
    done = Length(4, "twice as many gained +0.10 points")
    follows = Length(4, f"as trial 3, the next that was tried: {done.reason}")

    finish._say_length(console, points, [Gain(0.05, 0.01, 1.0), Gain(0.001, 0.01, 1.0)])
    settled = Lengths({"a": done, "b": Length(16, "x"), "c": follows}, 3)

    assert capsys.readouterr().out == (
        "8 epochs, validation: trial 3 80.00 % (+5.00 points ± 1.00), "
        "trial 5 90.00 % (+0.10 points ± 1.00)\n"
    )
    assert finish._settled_words(settled, 9).splitlines() == [
        "Winners are retrained for 4 to 16 epochs, 3 times each:",
        "  4 epochs: twice as many gained +0.10 points",
        "  16 epochs: x",
    ]


@pytest.mark.parametrize(
    ("num_left", "told"),
    [
        (1, "Winners are retrained for up to 48 epochs, once each, as the budget allows"),
        (0, "No winner is retrained: all retrainings, of 48 epochs, are on record"),
    ],
)
def test_epochs_that_the_clock_may_end_are_a_bound(num_left, told):
    assert finish._settled_words(Lengths({"a": Length(48, FITS)}, 1), num_left) == told


@pytest.mark.parametrize(
    ("words", "patience"),
    [
        ([], Patience(search_epochs=1)),
        (["training.epochs=9"], None),
        (["budget=60"], Patience(search_epochs=1, budget_s=60.0)),
        (
            ["budget=60", "training.epochs=9", "seeds=2"],
            Patience(search_epochs=1, budget_s=60.0, keeps_epochs=True, keeps_seeds=True),
        ),
    ],
    ids=["until done", "as told", "within a budget", "all told"],
)
def test_what_the_user_gives_stands_and_the_rest_is_found_out(searched, words, patience):
    words = [f"run={searched}", *words]

    task = build_finish(check_finish(words), words=words).task

    assert task.patience == patience

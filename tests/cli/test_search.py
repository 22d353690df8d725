import os
import signal
import subprocess
import sys

import pytest

from nas.errors import MissingPackageError
from nas.exit_status import ExitStatus


def test_a_search_prints_the_front_and_fills_the_run_folder(nas, table_words, launch_folder):
    status, shown, _ = nas("search", *table_words, "name=first")

    folder = launch_folder / "runs/first"
    assert status == 0
    assert shown.count("trial ") >= 5
    assert "Knee" in shown
    assert str(folder) in shown
    assert {path.name for path in folder.iterdir()} >= {
        "config.yaml",
        "overrides.yaml",
        "environment.json",
        "log.txt",
        "study.journal",
        "trials.csv",
        "front.csv",
        "front.png",
        "report.html",
    }
    assert "trial 0 complete" in (folder / "log.txt").read_text()


def test_a_search_leaves_nothing_else_in_the_launch_folder(nas, table_words, launch_folder):
    nas("search", *table_words)

    assert sorted(path.name for path in launch_folder.iterdir()) == ["runs", "t.csv"]


def test_a_silent_search_prints_nothing(nas, table_words):
    status, shown, told = nas("search", *table_words, "ui=none")

    assert (status, shown, told) == (0, "", "")


def test_files_that_cannot_be_made_are_told_before_the_search(nas, launch_folder, monkeypatch):
    def none_here():
        raise MissingPackageError("ONNX files need the package onnx: or export.onnx=false")

    monkeypatch.setattr("nas.export.formats.onnx_float.require_onnx", none_here)
    words = ["data=digits", "execution=inline", "ui=none", "name=first"]
    status, _, told = nas("search", *words, "finish=true")

    assert status == ExitStatus.USERS_FAULT
    assert "finish=true: ONNX files need the package" in told
    assert not (launch_folder / "runs/first").exists()


def test_a_search_goes_on_where_it_ended(nas, table_words, launch_folder):
    nas("search", *table_words, "name=first", "ui=none")

    status, shown, _ = nas("search", "name=first", "resume=true", "stopping.num_trials=8")

    rows = (launch_folder / "runs/first/trials.csv").read_text().splitlines()
    assert status == 0
    assert "5 of them done before" in shown
    assert len(rows) == 1 + 8


def test_a_search_is_told_of_an_earlier_one(nas, table_words, launch_folder):
    nas("search", *table_words, "name=first", "ui=none", "stopping.num_trials=12")
    words = [*table_words, "sampler=frontier", "ui=none", "name=second"]

    status, _, _ = nas("search", *words, "warm_start=[runs/first]")

    assert status == 0
    notes = (launch_folder / "runs/second/study.journal").read_text()
    assert '"frontier:warm_start:0":12' in notes
    assert "- runs/first" in (launch_folder / "runs/second/config.yaml").read_text()


def test_a_search_refuses_an_earlier_one_that_tells_nothing(nas, table_words, launch_folder):
    nas("search", *table_words, "name=first", "ui=none")

    status, _, told = nas("search", "warm_start=[runs/first]", "name=second", "ui=none")

    assert status == 2
    assert "warm_start: runs/first did not measure accuracy" in told
    assert not (launch_folder / "runs/second").exists()


def test_equal_seeds_give_equal_searches(nas, table_words, launch_folder):
    for name in ("one", "two"):
        nas("search", *table_words, "seed=3", "ui=none", f"name={name}")

    one, two = ((launch_folder / f"runs/{name}/front.csv").read_text() for name in ("one", "two"))
    assert one == two


def test_a_faulty_search_ends_with_2_and_makes_no_folder(nas, table_words, launch_folder):
    status, _, told = nas("search", *table_words, "stopping.num_trials=0", "seed=x")

    assert status == 2
    assert told.startswith("nas: the configuration has 2 faults")
    assert not (launch_folder / "runs").exists()


def test_an_impossible_constraint_ends_with_2(nas, table_words):
    status, _, told = nas("search", *table_words, "constraints.bytes.max=50", "ui=none")

    assert status == 2
    assert "no architecture" in told
    assert "Traceback" not in told


def test_an_unexpected_error_ends_with_1_and_its_traceback_in_the_log(
    nas, table_words, launch_folder
):
    (launch_folder / "my_evaluator.py").write_text(
        "from nas.evaluation.tabular import TabularEvaluator\n"
        "class Broken(TabularEvaluator):\n"
        "    def prepare(self):\n"
        "        raise RuntimeError('no such luck')\n"
    )

    status, _, told = nas(
        "search", *table_words, "name=first", "evaluation._target_=my_evaluator.Broken"
    )

    log = launch_folder / "runs/first/log.txt"
    assert status == 1
    assert "RuntimeError: no such luck; the traceback is in" in told
    assert "Traceback" not in told
    assert "in prepare" in log.read_text()


def test_several_searches_run_one_after_the_other(nas, table_words, launch_folder):
    status, _, _ = nas("search", "-m", *table_words, "seed=0,1", "name=many", "ui=none")

    assert status == 0
    names = sorted(path.name for path in (launch_folder / "runs").iterdir())
    assert names == ["many-seed-0", "many-seed-1"]


def test_the_configuration_is_shown_and_nothing_run(nas, table_words, launch_folder):
    status, shown, _ = nas("search", "--cfg", "job", "--package", "stopping", *table_words)

    assert status == 0
    assert "num_trials: 5" in shown
    assert not (launch_folder / "runs").exists()


def test_a_setting_that_is_deleted_twice_is_shown_without_it(nas):
    status, shown, told = nas("search", "--cfg", "job", *["~training.label_smoothing"] * 2)

    assert (status, told) == (0, "")
    assert "epochs" in shown
    assert "label_smoothing" not in shown


@pytest.mark.slow
def test_reports_and_comparisons_are_made_from_the_folders_alone(nas, table_words, launch_folder):
    nas("search", "-m", *table_words, "seed=0,1", "sampler=random,qmc", "name=x", "ui=none")
    (launch_folder / "t.csv").unlink()
    page = launch_folder / "runs/x-seed-0-sampler-qmc/report.html"
    page.unlink()

    reported, front, _ = nas("report", f"run={page.parent}")
    compared, table, _ = nas("compare", "runs=[runs/x*]", "out=both")

    assert (reported, compared) == (0, 0)
    assert page.is_file()
    assert "Knee" in front
    assert "2 runs" not in table
    assert (launch_folder / "both/comparison.png").stat().st_size > 0
    rows = (launch_folder / "both/runs.csv").read_text().splitlines()
    assert len({row.partition(",")[0] for row in rows[1:]}) == 2


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to another process")
def test_ctrl_c_ends_with_130_and_the_command_that_goes_on(table_words, launch_folder):
    rows = (f"{n},{n / 3e4},{n + 1}" for n in range(30_000))
    (launch_folder / "t.csv").write_text("\n".join(["a,quality,bytes", *rows]) + "\n")
    words = [*table_words, "table.parameters=[a]", "stopping.num_trials=null", "name=long"]
    started = subprocess.Popen(
        [sys.executable, "-m", "nas", "search", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert started.stdout is not None
    lines = iter(started.stdout.readline, "")  # ends where the command ends
    assert any("trial    3" in line for line in lines)
    started.send_signal(signal.SIGINT)
    shown, _ = started.communicate(timeout=60)

    assert started.returncode == 130
    assert shown.rstrip().endswith("nas search name=long resume=true")
    assert (launch_folder / "runs/long/front.csv").is_file()


def test_a_table_has_no_weights_to_inherit(nas, table_words):
    status, _, error = nas("search", *table_words, "training.inherit=true")
    assert status == ExitStatus.USERS_FAULT
    assert "trains no networks that could start from the weights of others" in error


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (
            "budget=3min",
            "the time that evaluation=supernet takes before the first trial is not planned",
        ),
        ("training.inherit=true", "trials of evaluation=supernet start from the supernet"),
        ("search_space=resnet", "ResNetSpace does not say which parts"),
    ],
)
def test_what_does_not_go_with_a_supernet_is_refused_and_leaves_no_folder(
    nas, launch_folder, word, told
):
    status, _, error = nas("search", "name=s", "evaluation=supernet", word)
    assert status == ExitStatus.USERS_FAULT
    assert told in error
    assert not (launch_folder / "runs" / "s").exists()


def test_a_share_of_nothing_is_refused(nas):
    status, _, error = nas("search", "training.inherit_share=0")
    assert status == ExitStatus.USERS_FAULT
    assert "training.inherit_share" in error

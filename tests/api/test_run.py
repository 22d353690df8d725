from dataclasses import replace

import pytest
import torch

import nas
from nas.cli.run_view import RunView
from nas.trial import TrialState


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "my run"
    return nas.search("preset=smoke", ui="none", run_folder=folder, seed=1)


def test_a_search_returns_the_run_that_it_left_on_disk(run):
    assert len(run.trials) == 4
    assert [t.number for t in run.trials] == [0, 1, 2, 3]
    assert (run.path / "report.html").is_file()


def test_a_run_on_disk_opens_with_the_same_trials(run):
    again = nas.open(run.path)

    assert [t.metrics for t in again.trials] == [t.metrics for t in run.trials]
    assert repr(again) == repr(run)


def test_the_front_is_sorted_by_size_and_accuracy(run):
    sizes = [t.metrics["size_bytes"] for t in run.front]
    accuracies = [t.metrics["accuracy"] for t in run.front]

    assert sizes == sorted(sizes)
    assert accuracies == sorted(accuracies)


def test_best_within_a_size_is_the_most_accurate_that_fits(run):
    largest = run.front[-1]
    below = run.front[0].metrics["size_bytes"]

    assert run.best().number == largest.number
    assert run.best(size_bytes=below).number == run.front[0].number
    assert run.best(size_bytes=1e12).number == largest.number


def test_best_of_an_accuracy_is_the_smallest_that_reaches_it(run):
    wanted = run.front[-1].metrics["accuracy"]

    assert run.best(accuracy=0.0).number == run.front[0].number
    assert run.best(accuracy=wanted).number == run.front[-1].number


def test_limits_take_units_as_on_the_command_line(run):
    assert run.best(size_bytes="1GB").number == run.front[-1].number
    assert run.best(accuracy="0%").number == run.front[0].number
    with pytest.raises(nas.NasError, match=r"size_bytes must be a number .* but got '5 parsecs'"):
        run.best(size_bytes="5 parsecs")


def test_a_run_goes_on_in_its_own_folder_alone(run):
    with pytest.raises(nas.NasError, match="run_folder cannot be given"):
        run.resume("run_folder=elsewhere")
    with pytest.raises(nas.NasError, match="resume cannot be given"):
        run.resume(resume=False)


@pytest.mark.parametrize("wrong", [90, -0.1, float("nan"), "120%"])
def test_a_share_that_is_none_is_refused(run, wrong):
    with pytest.raises(nas.NasError, match="accuracy must be a"):
        run.best(accuracy=wrong)


def test_the_knee_is_that_of_the_command_line(run):
    assert run.knee in run.front
    assert run.knee == RunView.open(str(run.path)).knee


def test_a_run_without_a_front_has_no_knee_and_no_best(run, monkeypatch):
    failed = [replace(trial, state=TrialState.FAILED, metrics={}) for trial in run.trials]
    monkeypatch.setattr("nas.study.journal.load_records", lambda path: failed)
    again = nas.open(run.path)

    assert again.knee is None
    with pytest.raises(nas.NasError, match="my run has no front"):
        again.best()


def test_limits_that_nothing_keeps_are_told(run):
    with pytest.raises(nas.NasError, match="no member of the front of my run keeps size_bytes=1"):
        run.best(size_bytes=1)


def test_a_metric_that_is_not_there_is_told_with_the_nearest(run):
    with pytest.raises(
        nas.NasError,
        match="sise_bytes",
    ):
        run.best(sise_bytes=1e6)


def test_the_table_has_a_row_for_each_trial(run):
    pandas = pytest.importorskip("pandas", reason="to_frame needs pandas")
    frame = run.to_frame()

    assert isinstance(frame, pandas.DataFrame)
    assert frame["accuracy"].tolist() == [t.metrics["accuracy"] for t in run.trials]
    assert len(run.to_frame(front_only=True)) == len(run.front)


def test_a_member_of_the_front_loads_with_the_weights_that_were_kept(run):
    member = run.front[0]
    network = run.load(member)
    counted = sum(parameter.numel() for parameter in network.parameters())

    assert counted == member.metrics["num_params"]
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert not network.training


def test_a_trial_without_weights_is_told_with_those_that_have_some(run):
    with pytest.raises(nas.NasError, match="trial 99 of my run is not on it"):
        run.load(99)


def test_a_run_goes_on_with_more_trials(run):
    more = nas.open(run.path).resume("stopping.num_trials=5", ui="none")

    assert len(more.trials) == 5
    assert [t.metrics for t in more.trials[:4]] == [t.metrics for t in run.trials]


def test_notebooks_show_the_front_as_a_table(run):
    html = run._repr_html_()

    assert html.count("<tr>") == 1 + len(run.front)
    assert "my run" in html


def test_the_picture_is_a_figure(run):
    assert run.plot_front().axes


def test_a_wrong_setting_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(nas.NasError, match="trainig"):
        nas.search("preset=smoke", "trainig.epochs=1", run_folder=tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_the_public_names_are_listed():
    assert {"search", "open", "Run", "SearchSpace"} <= set(dir(nas))

import pytest


@pytest.fixture
def two_runs(nas, table_words):
    for name in ("x1", "x2"):
        assert nas("search", *table_words, f"name={name}", "ui=none")[0] == 0


def test_an_earlier_comparison_is_never_overwritten(two_runs, nas, launch_folder):
    assert nas("compare", "runs=[runs/x1,runs/x2]")[0] == 0
    first = (launch_folder / "comparison/runs.csv").read_bytes()

    status, shown, _ = nas("compare", "runs=[runs/x1]")

    assert status == 0
    assert "comparison-2" in shown
    assert (launch_folder / "comparison/runs.csv").read_bytes() == first
    assert (launch_folder / "comparison-2/comparison.svg").is_file()


def test_runs_of_unlike_trainings_are_marked(two_runs, nas, launch_folder):
    config = launch_folder / "runs/x2/config.yaml"
    config.write_text(config.read_text().replace("inherit: false", "inherit: true", 1))

    status, shown, _ = nas("compare", "runs=[runs/x1,runs/x2]")

    assert status == 0
    assert "These runs were not trained alike" in shown
    assert "training.inherit is False in x1 and True in x2" in shown


def test_a_difference_of_single_runs_is_not_called_sure(two_runs, nas):
    _, shown, _ = nas("compare", "runs=[runs/x1,runs/x2]", "labels=[a,b]")

    assert "a single run shows no noise" in shown


def test_a_run_that_is_named_twice_counts_once_and_is_told(two_runs, nas):
    _, shown, _ = nas("compare", "runs=[runs/x1,runs/x2,./runs/x1]")

    assert "./runs/x1 is named more than once, and counts once" in shown


def test_a_search_that_was_repeated_with_its_seed_counts_once(two_runs, nas, launch_folder):
    _, shown, _ = nas("compare", "runs=[runs/x1,runs/x2]")

    assert "x2 repeats x1, result for result, and does not count" in " ".join(shown.split())
    assert "x2" not in (launch_folder / "comparison/runs.csv").read_text()


def test_tests_of_winners_stand_below_the_table(tested_run, nas):
    _, best = tested_run

    _, shown, _ = nas("compare", "runs=[runs/t]")

    told = " ".join(shown.split())
    assert best.metrics["bytes"] == 1200
    assert "t, winners on the test split: 0.900 quality, 1200 bytes" in told

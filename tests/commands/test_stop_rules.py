"""Stop rules on the command line: those that are shipped, and one from outside of the package."""

import pytest

RULE = """
from nas.engine.stop_rule import SearchState, StopRule


class GoodEnough(StopRule):
    def __init__(self, wanted: float) -> None:
        self.wanted = wanted

    def why_end(self, state: SearchState) -> str | None:
        best = max((record.metrics["quality"] for record in state.ended), default=0.0)
        return f"quality {best:g} is good enough" if best >= self.wanted else None


class Incomplete:
    def why_end(self, state):
        return None


class Unwilling(StopRule):
    def __init__(self) -> None:
        raise ValueError("not today")
"""
MINE = "+stopping.rules.mine._target_"


@pytest.fixture
def rule_words(launch_folder, table_words) -> list[str]:
    (launch_folder / "my_rules.py").write_text(RULE)
    return [*table_words, "name=first", "stopping.num_trials=16"]


def num_trials(folder) -> int:
    return len((folder / "runs/first/trials.csv").read_text().splitlines()) - 1


def test_a_rule_of_the_users_own_ends_a_search(nas, rule_words, launch_folder):
    words = [f"{MINE}=my_rules.GoodEnough", "+stopping.rules.mine.wanted=0.9"]

    status, shown, _ = nas("search", *rule_words, *words)

    assert status == 0
    assert "is good enough." in shown
    assert num_trials(launch_folder) < 16


@pytest.mark.slow
def test_a_run_goes_on_with_the_rule_that_it_was_begun_with(nas, rule_words, launch_folder):
    words = [f"{MINE}=my_rules.GoodEnough", "+stopping.rules.mine.wanted=0.8"]
    nas("search", *rule_words, *words, "ui=none")
    before = num_trials(launch_folder)

    same, shown, _ = nas("search", "name=first", "resume=true")
    more, _, _ = nas("search", "name=first", "resume=true", "stopping.rules.mine.wanted=2")

    assert (same, more) == (0, 0)
    assert "is good enough." in shown
    assert before < num_trials(launch_folder) == 16


def test_the_shipped_rule_ends_a_search_that_makes_no_progress(nas, rule_words, launch_folder):
    words = ["stopping=no_progress", "stopping.rules.no_progress.num_trials=3"]

    status, shown, _ = nas(
        "search", *rule_words, *words, "stopping.rules.no_progress.min_gain=0.9"
    )

    assert status == 0
    assert "Ended: the last 3 trials added" in shown
    assert num_trials(launch_folder) < 16


def test_the_ending_says_which_rule_it_was(nas, table_words):
    _, shown, _ = nas("search", *table_words)

    assert "Ended: stopping.num_trials=5 is reached." in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([f"{MINE}=my_rules.Incomplete"], "Incomplete, which has no remaining_s"),
        ([f"{MINE}=my_rules.Unwilling"], "stopping.rules.mine: my_rules.Unwilling refuses"),
        ([f"{MINE}=my_rules.GoodEnough"], "stopping.rules.mine.wanted is missing"),
        ([f"{MINE}=my_rules.Absent"], "stopping.rules.mine._target_: 'my_rules' has no 'Absent'"),
        ([f"{MINE}=builtins.dict"], "which has no why_end"),
        (["+stopping.rules.mine.wanted=1"], "stopping.rules.mine._target_ is missing"),
        (["+stopping.rules.mine=3"], "stopping.rules.mine must be a mapping"),
        (["stopping.rules=3"], "stopping.rules must be a mapping"),
        (
            ["stopping=no_progress", "stopping.rules.no_progress.num_trials=0"],
            "num_trials must be at least 1",
        ),
    ],
)
def test_what_is_no_rule_is_refused_before_anything_runs(
    nas, rule_words, launch_folder, words, told
):
    status, _, shown = nas("search", *rule_words, *words)

    assert status == 2
    assert told in shown
    assert not (launch_folder / "runs").exists()

"""The words of the `nas finish` that follows a search."""

import json
import time
from dataclasses import asdict, replace

import pytest

from nas.architecture import Architecture
from nas.assemble import budget
from nas.assemble.budget import finish_words, is_new_budget, time_budget
from nas.assemble.check import check_search
from nas.config.finishing import check_finish
from nas.config.source import ConfigSource
from nas.finish.length import Lengths, remember_lengths
from nas.record.run_folder import RunFolder
from nas.record.spent import Spent
from nas.study.journal_file import START
from nas.trial import TrialRecord, TrialState


def words_of(run, *words, resume=False):
    told = ("execution=inline", "finish=true", "budget=100s", *words)
    config = check_search(ConfigSource(overrides=told))
    return finish_words(config, run, started_s=time.monotonic() - 40, goes_on=resume)


@pytest.mark.parametrize(
    ("told", "is_new"),
    [((), False), (("resume=true", "seed=1"), False), (("resume=true", "budget=2min"), True)],
)
def test_a_budget_on_the_line_of_a_search_that_goes_on_is_new(told, is_new):
    source = ConfigSource(overrides=("budget=100s", *told), told=told)
    assert is_new_budget(source) is is_new


@pytest.mark.parametrize("journal", [None, "", START[:5].decode()])
def test_a_command_that_was_killed_before_any_trial_has_spent_nothing(tmp_path, journal):
    run = RunFolder(tmp_path)
    if journal is not None:
        run.study_journal.write_text(journal)
    run.spent_jsonl.write_text(json.dumps({"command": "killed", **asdict(Spent(50.0))}) + "\n")
    told = ("execution=inline", "budget=100s")
    config = replace(check_search(ConfigSource(overrides=told)), resume=True)

    assert time_budget(config, before=run).spent_s == 0.0


def test_of_trials_on_record_their_own_time_counts(tmp_path, monkeypatch):
    done = TrialRecord(0, Architecture({}), TrialState.COMPLETE, {}, seconds=20.0)
    monkeypatch.setattr(budget, "holds_study", lambda path: True)
    monkeypatch.setattr(budget, "load_records", lambda path: [done])
    run = RunFolder(tmp_path)
    run.spent_jsonl.write_text(json.dumps({"command": "killed", **asdict(Spent(50.0))}) + "\n")
    told = ("execution=inline", "budget=100s")
    config = replace(check_search(ConfigSource(overrides=told)), resume=True)

    assert time_budget(config, before=run).spent_s == 20.0


def test_a_search_that_goes_on_finishes_by_the_plan_that_was_made_before(tmp_path):
    folder = tmp_path / "finish"
    folder.mkdir()
    remember_lengths(folder, "key", Lengths({}, 1, ()), budget_s=35.0)
    assert words_of(tmp_path, resume=True)[-1] == "budget=35s"
    assert words_of(tmp_path)[-1] == "budget=60s"


def test_a_plan_for_more_time_than_is_left_is_made_again(tmp_path):
    folder = tmp_path / "finish"
    folder.mkdir()
    remember_lengths(folder, "key", Lengths({}, 1, ()), budget_s=75.0)
    assert words_of(tmp_path, resume=True)[-1] == "budget=60s"


@pytest.mark.parametrize(("searched_s", "left"), [(10.0, 50), (10_000.0, 40)])
def test_what_was_searched_before_counts_up_to_the_share_of_the_search(tmp_path, searched_s, left):
    for command, seconds in (("killed", searched_s), ("this one", 7.0)):
        line = {"command": command, **asdict(Spent(seconds))}
        with (tmp_path / "spent.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
    share = "finish_share=0.8"
    assert words_of(tmp_path, share, resume=True)[-1] == f"budget={left}s"
    assert words_of(tmp_path, share)[-1] == "budget=60s"


@pytest.mark.parametrize("name", ["a", "it's (2)"])
def test_a_path_stands_as_it_is_and_arrives_so(tmp_path, name):
    words = words_of(tmp_path / name)
    assert words[0] == f"run={tmp_path / name}"
    assert check_finish(words).run == str(tmp_path / name)

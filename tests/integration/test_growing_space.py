"""A run that goes on with more options, deeper networks and wider limits."""

import optuna
import pytest
from parts.engine import SMALL, ids, nsga2_sampler, random_sampler, search, small_task

from nas.cli.main import main
from nas.objective import Constraint
from nas.record.run_folder import RunFolder
from nas.space.space import SearchSpace
from nas.study.journal import load_records
from nas.trial import TrialResult, TrialState

WIDER = {
    **SMALL,
    "depth": {"int": [1, 8]},
    "kind": {"choice": ["e", "a", "b", "c", "d"]},
    "extra": {"choice": [1, 2, 3], "when": {"kind": "e"}},
}


class Wide:
    """Judges both spaces, in closed form."""

    def static_costs(self, architecture):
        size = 1000.0 * architecture["depth"] * architecture["width"]
        return {"size_bytes": size + 10 * "abcde".index(architecture["kind"])}

    def prepare(self):
        pass

    def evaluate(self, spec):
        metrics = {**spec.static_costs, "accuracy": len(spec.architecture) / 10}
        return TrialResult(spec.number, spec.attempt, TrialState.COMPLETE, metrics)


def tpe_sampler(seed):
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=5)


@pytest.mark.parametrize("make_sampler", [random_sampler, nsga2_sampler, tpe_sampler])
def test_a_wider_space_goes_on_where_the_narrow_one_ended(tmp_path, make_sampler):
    first = search(small_task(15, make_sampler=make_sampler), tmp_path / "run")

    wider = {"space": SearchSpace(WIDER), "evaluator": Wide()}
    summary = search(small_task(60, make_sampler=make_sampler, **wider), tmp_path / "run")

    assert ids(summary.records)[:15] == ids(first.records)
    assert len(set(ids(summary.records))) == 60
    assert all(record.state is TrialState.COMPLETE for record in summary.records)
    fresh = [record.architecture for record in summary.records[15:]]
    assert any(a["kind"] == "e" or a["depth"] > 4 for a in fresh)
    assert ids(load_records(tmp_path / "run" / "study.journal")) == ids(summary.records)


def test_optuna_opens_a_journal_of_a_space_that_grew(tmp_path):
    search(small_task(5), tmp_path / "run")
    search(small_task(20, space=SearchSpace(WIDER), evaluator=Wide()), tmp_path / "run")

    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "run" / "study.journal"))
    )
    trials = optuna.load_study(study_name="run", storage=storage).trials

    kinds = [trial.distributions["kind"].choices for trial in trials]
    assert kinds[:5] == [("a", "b", "c", "d")] * 5
    assert kinds[5:] == [("e", "a", "b", "c", "d")] * 15


def test_wider_limits_let_more_in_and_keep_what_there_is(tmp_path):
    narrow = small_task(4, constraints=[Constraint("size_bytes", maximum=300.0)])
    search(narrow, tmp_path / "run")

    wide = small_task(12, constraints=[Constraint("size_bytes", maximum=600.0)])
    summary = search(wide, tmp_path / "run")

    sizes = [record.metrics["size_bytes"] for record in summary.records]
    assert len(sizes) == 12
    assert max(sizes[:4]) <= 300 < max(sizes) <= 600


TINY = [
    *("preset=smoke", "execution=inline", "ui=none", "name=grows"),
    "search_space.parameters.stages.repeat=2",
    *("search_space.parameters.stages.depth=1", "search_space.parameters.resolution=8"),
]


def run(*words):
    return main(["search", *words])


@pytest.mark.slow
def test_a_run_goes_on_with_more_options_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    narrow = "search_space.parameters.width.choice=[0.25]"
    limit = "constraints.size_bytes.max=90000"
    assert run(*TINY, narrow, limit, "stopping.num_trials=1") == 0

    wider = "search_space.parameters.width.choice=[0.25,0.5,1.0]"
    status = run("name=grows", "resume=true", wider, "stopping.num_trials=3")

    folder = RunFolder.open(tmp_path / "runs" / "grows")
    records = load_records(folder.study_journal)
    assert status == 0
    assert len(records) == 3
    assert {record.architecture["width"] for record in records[:1]} == {0.25}
    assert {record.architecture["width"] for record in records[1:]} - {0.25}

    narrower = "constraints.size_bytes.max=80000"
    assert run("name=grows", "resume=true", narrower) == 2
    assert "constraints.size_bytes.max was 90000 and is now 80000" in capsys.readouterr().err
    assert run("name=grows", "resume=true", "search_space.parameters.width.choice=[1.0]") == 2
    assert "width may no longer be 0.25, 0.5" in capsys.readouterr().err

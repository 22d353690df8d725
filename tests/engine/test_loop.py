import json
import math
import queue
import shutil
import statistics
import threading
import time
import zlib

import optuna
import pytest
from parts.engine import (
    NUM_SMALL,
    OBJECTIVES,
    SMALL,
    ClosedForm,
    RecordingView,
    complete,
    front_of,
    ids,
    random_sampler,
    search,
    size_of,
    small_task,
)

from nas.architecture import Architecture
from nas.engine.stopping import Stopping
from nas.errors import ConstraintError, ExecutionError, RunFolderError, UnbuildableError
from nas.objective import Constraint
from nas.record.lease import Lease
from nas.space.space import SearchSpace
from nas.study.journal import load_records
from nas.trial import FailureKind, TrialResult, TrialState


def test_a_search_records_each_trial_it_was_asked_for(tmp_path):
    view = RecordingView()

    summary = search(small_task(30), tmp_path / "run", view=view)

    assert [r.number for r in summary.records] == list(range(30))
    assert len(set(ids(summary.records))) == 30
    assert load_records(tmp_path / "run" / "study.journal") == list(summary.records)
    assert sorted(r.number for r in view.finished) == list(range(30))
    assert view.plan is not None
    assert view.plan.num_architectures == NUM_SMALL
    assert view.is_closed


def test_the_progress_that_is_shown_ends_with_the_true_front(tmp_path):
    view = RecordingView()

    summary = search(small_task(40), tmp_path / "run", view=view)

    last = view.progress[-1]
    assert last.num_done == last.num_trials == 40
    assert {r.architecture.id for r in last.front} == {p[0] for p in front_of(summary.records)}
    sizes = [r.metrics["size_bytes"] for r in last.front]
    assert sizes == sorted(sizes)


def test_a_search_goes_on_where_the_last_one_stopped(tmp_path):
    first = search(small_task(10), tmp_path / "run")
    view = RecordingView()

    second = search(small_task(25), tmp_path / "run", view=view)

    assert second.records[:10] == first.records
    assert len(set(ids(second.records))) == 25
    assert view.plan.num_resumed == 10
    assert len(view.finished) == 15


def test_a_finished_search_starts_no_workers_again(tmp_path):
    search(small_task(5), tmp_path / "run")
    published = []

    again = search(
        small_task(5),
        tmp_path / "run",
        make_backend=lambda evaluator: pytest.fail("workers were started"),
        publish=published.append,
    )

    assert len(again.records) == len(published[-1]) == 5


class Stateless(optuna.samplers.BaseSampler):
    """Draws from the trial's number alone."""

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

    def sample_independent(self, study, trial, param_name, param_distribution):
        sampler = optuna.samplers.RandomSampler(
            seed=zlib.crc32(f"{trial.number} {param_name}".encode())
        )
        return sampler.sample_independent(study, trial, param_name, param_distribution)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    task = small_task(24, make_sampler=lambda seed: Stateless())
    return task, folder, search(task, folder)


@pytest.mark.parametrize("share", [0.003, 0.1, 0.33, 0.5, 0.77, 0.999])
def test_a_resume_after_any_cut_equals_the_uninterrupted_run(uninterrupted, tmp_path, share):
    task, folder, whole = uninterrupted
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    journal = copy / "study.journal"
    with journal.open("r+b") as file:
        file.truncate(int(share * journal.stat().st_size))

    resumed = search(task, copy)

    assert [(r.number, r.architecture, r.state, _values(r)) for r in resumed.records] == [
        (r.number, r.architecture, r.state, _values(r)) for r in whole.records
    ]


def _values(record):
    return {name: record.metrics[name] for name in ("accuracy", "size_bytes")}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_goes_on_with_what_it_noted_before_the_resume(tmp_path):
    def qmc(seed):
        return optuna.samplers.QMCSampler(seed=3)  # without scrambling it depends on notes alone

    whole = search(small_task(30, make_sampler=qmc), tmp_path / "whole")
    search(small_task(12, make_sampler=qmc), tmp_path / "halves")
    halves = search(small_task(30, make_sampler=qmc), tmp_path / "halves")

    assert ids(halves.records) == ids(whole.records)


def test_an_exhausted_space_ends_the_search_with_that_message(tmp_path):
    view = RecordingView()

    summary = search(small_task(500), tmp_path / "run", view=view)

    assert summary.is_exhausted
    assert len(summary.records) == NUM_SMALL
    # Nothing is forbidden here, so what was drawn again was known.
    assert summary.num_known == summary.num_redrawn > 0
    assert len(view.messages) == 1
    assert view.messages[0].startswith("all 96 architectures that the space")


def test_constraints_are_kept_before_any_training(tmp_path):
    limit = Constraint("size_bytes", maximum=1500.0)

    summary = search(small_task(20, constraints=(limit,)), tmp_path / "run")

    assert max(r.metrics["size_bytes"] for r in summary.records) <= 1500.0
    assert summary.num_redrawn > summary.num_known


def test_impossible_constraints_end_the_search_before_workers_start(tmp_path):
    limit = Constraint("size_bytes", maximum=10.0)

    with pytest.raises(ConstraintError, match="the nearest found has size_bytes = 261"):
        search(
            small_task(20, constraints=(limit,)),
            tmp_path / "run",
            make_backend=lambda evaluator: pytest.fail("workers were started"),
        )


class TwoCosts(ClosedForm):
    def static_costs(self, architecture: Architecture):
        size = size_of(architecture)
        return {"size_bytes": size, "num_params": size / 4}


def test_limits_that_only_together_keep_nothing_are_both_told(tmp_path):
    limits = (Constraint("size_bytes", maximum=400.0), Constraint("num_params", minimum=1000.0))
    told = r"keeps size_bytes <= 400 and has num_params >= 1000; the nearest"

    with pytest.raises(ConstraintError, match=told):
        search(small_task(20, constraints=limits, evaluator=TwoCosts()), tmp_path / "run")


class Unbuildable(ClosedForm):
    def static_costs(self, architecture: Architecture):
        if architecture["kind"] == "a":
            raise UnbuildableError("there is no such network")
        return super().static_costs(architecture)


def test_what_cannot_be_built_is_drawn_again_without_a_word(tmp_path):
    summary = search(small_task(500, evaluator=Unbuildable()), tmp_path / "run")

    assert {r.architecture["kind"] for r in summary.records} == {"b", "c", "d"}
    assert len(summary.records) == NUM_SMALL - 12


class Raising(ClosedForm):
    def evaluate(self, spec):
        if spec.architecture["kind"] == "b":
            raise RuntimeError("kind b explodes")
        if spec.architecture["depth"] == 1:
            return TrialResult(
                spec.number, spec.attempt, TrialState.COMPLETE, {"accuracy": math.nan}
            )
        return complete(spec)


def test_failures_are_results_with_their_cause(tmp_path):
    summary = search(small_task(500, evaluator=Raising()), tmp_path / "run")

    kinds = {
        (r.architecture["kind"] == "b", r.architecture["depth"] == 1): r for r in summary.records
    }
    raised, nonfinite = kinds[True, False], kinds[False, True]
    assert raised.failure.kind is FailureKind.ERROR
    assert raised.failure.message == "RuntimeError: kind b explodes"
    assert 'raise RuntimeError("kind b explodes")' in raised.failure.traceback
    assert nonfinite.failure.kind is FailureKind.NONFINITE
    assert "no finite value of accuracy" in nonfinite.failure.message
    assert "accuracy" not in nonfinite.metrics
    assert load_records(tmp_path / "run" / "study.journal") == list(summary.records)


class AlwaysRaising(ClosedForm):
    def evaluate(self, spec):
        raise RuntimeError("nothing works")


def test_too_many_failures_end_the_search_and_show_the_most_frequent_one(tmp_path):
    published = []
    task = small_task(90, evaluator=AlwaysRaising())

    with pytest.raises(ExecutionError, match=r"(?s)nothing works.*raise RuntimeError"):
        search(task, tmp_path / "run", publish=published.append)

    records = load_records(tmp_path / "run" / "study.journal")
    assert 5 <= len(records) < 90
    assert len(published[-1]) >= 5


def test_a_declared_share_of_failures_is_borne(tmp_path):
    stopping = Stopping(num_trials=60, max_failed_share=1.0)

    summary = search(small_task(evaluator=AlwaysRaising(), stopping=stopping), tmp_path / "run")

    assert len(summary.records) == 60


def test_a_time_limit_ends_the_search_and_what_runs_is_waited_for(tmp_path):
    stopping = Stopping(time_limit_s=0.3)

    summary = search(small_task(evaluator=ClosedForm(0.05), stopping=stopping), tmp_path / "run")

    assert 1 <= len(summary.records) <= 8
    assert all(r.state is TrialState.COMPLETE for r in summary.records)


def test_a_second_search_in_one_folder_is_refused_until_the_first_is_over(tmp_path):
    (tmp_path / "run").mkdir()
    first = Lease(tmp_path / "run" / ".lease")

    with pytest.raises(RunFolderError, match=r"another search writes .* \(process \d+\)"):
        search(small_task(3), tmp_path / "run")
    first.release()

    assert len(search(small_task(3), tmp_path / "run").records) == 3


class WithWeights(ClosedForm):
    def evaluate(self, spec):
        result = complete(spec)
        return TrialResult(
            **{**vars(result), "weights": spec.architecture.id.encode()},
        )


def test_weights_are_kept_of_the_front_and_of_nobody_else(tmp_path):
    summary = search(small_task(60, evaluator=WithWeights()), tmp_path / "run")

    models = tmp_path / "run" / "models"
    front = {p[0] for p in front_of(summary.records)}
    kept = {path.name: path for path in models.iterdir()}
    assert {summary.records[int(name)].architecture.id for name in kept} == front
    for name, path in kept.items():
        architecture = Architecture.from_json((path / "architecture.json").read_text())
        assert architecture == summary.records[int(name)].architecture
        assert (path / "weights.safetensors").read_bytes() == architecture.id.encode()
    assert json.loads((path / "architecture.json").read_text())


def compute(seconds):
    """Keep a processor busy for so long."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


class Slow:
    """A sampler whose asks take their time."""

    def __init__(self, seconds, pause=time.sleep):
        self.seconds = seconds
        self.pause = pause

    def __call__(self, seed):
        inner, seconds, pause = random_sampler(seed), self.seconds, self.pause

        class Sleeping(optuna.samplers.RandomSampler):
            def sample_relative(self, study, trial, search_space):
                pause(seconds)
                return {}

            def sample_independent(self, *arguments):
                return inner.sample_independent(*arguments)

        return Sleeping()


class Threads:
    """Slots that sleep side by side."""

    is_concurrent = True

    def __init__(self, evaluator, num_slots=8):
        self.num_slots = num_slots
        self._evaluator = evaluator
        self._results = queue.SimpleQueue()
        self._num_running = 0
        self._free_since = []
        self.idle_s = []

    @property
    def num_free(self):
        return self.num_slots - self._num_running

    def submit(self, spec):
        self._num_running += 1
        if self._free_since:
            self.idle_s.append(time.monotonic() - self._free_since.pop(0))
        evaluate = self._evaluator.evaluate
        threading.Thread(target=lambda: self._results.put(evaluate(spec))).start()

    def next_finished(self, *, timeout_s):
        try:
            results = [
                self._results.get(timeout=timeout_s) if timeout_s else self._results.get_nowait()
            ]
        except queue.Empty:
            return []
        while not self._results.empty():
            results.append(self._results.get())
        self._num_running -= len(results)
        self._free_since += [time.monotonic()] * len(results)
        return results

    def close(self):
        pass


@pytest.mark.slow
def test_a_slow_sampler_proposes_ahead_while_the_workers_are_busy(tmp_path):
    backends = []

    def make_backend(evaluator):
        backends.append(Threads(evaluator, num_slots=2))
        return backends[0]

    task = small_task(20, evaluator=ClosedForm(0.3), make_sampler=Slow(0.1))
    search(task, tmp_path / "run", make_backend=make_backend)

    # On demand each slot would wait 0.1 s or more for its ask.
    assert statistics.median(backends[0].idle_s) < 0.05


@pytest.mark.slow
def test_a_sampler_that_keeps_the_workers_waiting_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("nas.engine.pace.WINDOW_S", 1.0)
    view = RecordingView()
    task = small_task(40, evaluator=ClosedForm(0.05), make_sampler=Slow(0.05, compute))

    search(task, tmp_path / "run", make_backend=Threads, view=view)

    assert len(view.messages) == 1
    assert "the sampler is the bottleneck" in view.messages[0]


def test_objectives_have_the_directions_that_the_tests_count_on():
    assert [o.direction for o in OBJECTIVES] == ["maximize", "minimize"]
    assert SearchSpace(SMALL).num_architectures() == NUM_SMALL

"""How many null trials a second, and how much of the driver's time each costs?

    python -m experiments.engine.throughput

The whole loop on 2 local workers (ask with NSGA-II over 20 parameters, static cost from a cache,
dispatch, tell, durable record) against Ray Tune with OptunaSearch and reused actors, and against
plain Optuna with its own storages, all in one go. Null trials: the evaluation returns at once.
"""

import contextlib
import logging
import os
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna

from experiments.engine.parts import Silent, describe_machine, write_results
from experiments.smoke import make_parser, run_experiment
from nas.engine.loop import run_search
from nas.engine.stopping import Stopping
from nas.engine.task import SearchTask
from nas.execution.inline import InlineBackend
from nas.execution.ray_backend import RayBackend
from nas.execution.ray_cluster import RaySettings
from nas.execution.ray_local import LocalRay
from nas.objective import objective_for
from nas.record.run_folder import RunFolder
from nas.sampling.distributions import flat_distributions
from nas.space.space import SearchSpace
from nas.trial import TrialResult, TrialSpec, TrialState

RESULTS = Path(__file__).parent / "results"
NUM_WORKERS = 2
TUNE = "Ray Tune + OptunaSearch, reuse_actors"
SPACE = {
    **{f"choice_{i:02}": {"choice": [1, 2, 3, 4, 5]} for i in range(10)},
    **{f"number_{i:02}": {"int": [1, 10]} for i in range(10)},
}
OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def evaluate_null(values: Any) -> tuple[float, float]:
    """Return an accuracy and a size at once."""
    size = float(sum(values.values()))
    return size / (size + 50.0) - 0.01 * float(values["choice_00"]), size


class Null:
    """An evaluator that returns at once."""

    def static_costs(self, architecture: Any) -> dict[str, float]:
        """Return the size."""
        return {"size_bytes": evaluate_null(architecture)[1]}

    def prepare(self) -> None:
        """Do nothing."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Return at once."""
        accuracy, size = evaluate_null(spec.architecture)
        metrics = {"accuracy": accuracy, "size_bytes": size}
        return TrialResult(spec.number, spec.attempt, TrialState.COMPLETE, metrics)


def nsga2(seed: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of all rivals."""
    return optuna.samplers.NSGAIISampler(seed=seed, population_size=50)


class Clock:
    """Wall time and this process's CPU time of a part of a run."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, float, float]] = []

    def mark(self, num_done: int) -> None:
        """Note the time at so many trials."""
        self.marks.append((num_done, time.perf_counter(), _cpu_s()))

    def between(self, first: int, last: int) -> tuple[float, float]:
        """Return trials a second and CPU ms a trial between two marks."""
        (n0, t0, c0), (n1, t1, c1) = self.marks[first], self.marks[last]
        return (n1 - n0) / (t1 - t0), 1000 * (c1 - c0) / (n1 - n0)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run_ours(
    num_trials: int,
    folder: Path,
    *,
    make_backend: Callable[[Any], Any],
    url: str | None = None,
    make_sampler: Callable[[int], Any] = nsga2,
    marks: tuple[int, ...] = (),
) -> Clock:
    """Run our loop with everything on record; marks at the first trial, at `marks`, at the end."""
    clock = Clock()

    class Marking(Silent):
        num_done = 0

        def trial_finished(self, *_: Any) -> None:
            self.num_done += 1
            if self.num_done == 1 or self.num_done in marks:
                clock.mark(self.num_done)

    task = SearchTask(
        SearchSpace(SPACE), Null(), OBJECTIVES, make_sampler, stopping=Stopping(num_trials)
    )
    folder.mkdir(parents=True)
    summary = run_search(
        task,
        run_folder=RunFolder(folder),
        make_backend=make_backend,
        view=Marking(),
        publish=lambda _: clock.mark(num_trials),  # everything is on disk then
        storage_url=url,
    )
    if summary.is_interrupted:  # the search ends in order, but marks are missing
        raise SystemExit(f"interrupted after {len(summary.records)} of {num_trials} trials")
    return clock


def on_ray(evaluator: Any) -> RayBackend:
    """Start workers."""
    return RayBackend(evaluator, RaySettings(num_workers=NUM_WORKERS))


def run_tune(num_trials: int) -> tuple[float, float]:
    """Run Ray Tune with OptunaSearch and reused actors; trials/s and driver CPU ms a trial."""
    from ray import tune
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    clock = Clock()

    class Marking(tune.Callback):  # type: ignore[misc]  # Ray is untyped here
        num_done = 0

        def on_trial_complete(self, *_: Any, **__: Any) -> None:
            self.num_done += 1
            clock.mark(self.num_done)

    class Trainable(tune.Trainable):  # type: ignore[misc]  # as above
        def setup(self, config: dict[str, Any]) -> None:
            self.values = config

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.values = new_config
            return True

        def step(self) -> dict[str, Any]:
            accuracy, size = evaluate_null(self.values)
            return {"accuracy": accuracy, "size": size, "done": True}

    searcher = OptunaSearch(
        space=flat_distributions(SearchSpace(SPACE)),
        metric=["accuracy", "size"],
        mode=["max", "min"],
        sampler=nsga2(0),
    )
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            Trainable,
            tune_config=tune.TuneConfig(
                num_samples=num_trials,
                search_alg=ConcurrencyLimiter(searcher, max_concurrent=NUM_WORKERS),
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=folder,
                verbose=0,
                callbacks=[Marking()],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        results = tuner.fit()
    assert len(results) == num_trials
    # The first trials of the two actors wait for these to start, as ours do.
    return clock.between(NUM_WORKERS, -1)


def run_plain(num_trials: int, storage: Any) -> tuple[float, float]:
    """Run Optuna's own ask and tell, in this process, without workers."""
    study = optuna.create_study(
        storage=storage, directions=["maximize", "minimize"], sampler=nsga2(0)
    )
    flat = flat_distributions(SearchSpace(SPACE))
    began_s, cpu_s = time.perf_counter(), _cpu_s()
    for _ in range(num_trials):
        trial = study.ask(flat)
        study.tell(trial, evaluate_null(trial.params))
    seconds, cpu_s = time.perf_counter() - began_s, _cpu_s() - cpu_s
    return num_trials / seconds, 1000 * cpu_s / num_trials


def plain_storages(folder: Path) -> dict[str, Any]:
    """Return name -> one of Optuna's storages; PostgreSQL if NAS_POSTGRES_URL names one."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    storages: dict[str, Any] = {
        "optuna, in memory": None,
        "optuna, journal file": JournalStorage(JournalFileBackend(str(folder / "plain.journal"))),
        "optuna, SQLite": RDBStorage(f"sqlite:///{folder}/plain.db"),
    }
    if url := os.environ.get("NAS_POSTGRES_URL"):
        storages["optuna, PostgreSQL"] = RDBStorage(url)
    return storages


def measure(
    num_trials: int, num_repeats: int, folder: Path, *, num_rivals: int
) -> list[dict[str, Any]]:
    """Measure all rivals, in turn, so that a busy machine hits all alike."""
    rates: dict[str, list[tuple[float, float]]] = {}
    for repeat in range(num_repeats):
        place = folder / str(repeat)
        ours: dict[str, dict[str, Any]] = {
            "nas, Ray workers": {"make_backend": on_ray},
            "nas, inline": {"make_backend": InlineBackend},
            "nas, Ray workers, SQLite mirror": {
                "make_backend": on_ray,
                "url": f"sqlite:///{folder}/mirror{repeat}.db",
            },
        }
        if url := os.environ.get("NAS_POSTGRES_URL"):
            ours["nas, Ray workers, PostgreSQL mirror"] = {"make_backend": on_ray, "url": url}
        for number, (name, options) in enumerate(ours.items()):
            run_folder = place / f"run{number}-{os.getpid()}-{repeat}"
            clock = run_ours(num_trials, run_folder, **options)
            rates.setdefault(name, []).append(clock.between(0, -1))
            _show(name, rates[name][-1])
        rates.setdefault(TUNE, []).append(run_tune_alone(num_rivals))
        _show(TUNE, rates[TUNE][-1])
        for name, storage in plain_storages(place).items():
            num = min(num_trials, 5 * num_rivals if "memory" in name else 3 * num_rivals // 10)
            rates.setdefault(name, []).append(run_plain(num, storage))
            _show(name, rates[name][-1])
    return [
        {
            "engine": name,
            "trials_per_s_median": round(statistics.median(r for r, _ in pairs), 1),
            "trials_per_s_min": round(min(r for r, _ in pairs), 1),
            "trials_per_s_max": round(max(r for r, _ in pairs), 1),
            "driver_cpu_ms_per_trial": round(statistics.median(c for _, c in pairs), 2),
            "repeats": len(pairs),
        }
        for name, pairs in rates.items()
    ]


def run_tune_alone(num_trials: int) -> tuple[float, float]:
    """Run Ray Tune on a Ray of its own."""
    # As ours: once a process has used a token, Ray without one refuses it.
    cluster = LocalRay({"num_cpus": NUM_WORKERS, "log_to_driver": False})
    try:
        return run_tune(num_trials)
    finally:
        cluster.close()


def _show(name: str, rate: tuple[float, float]) -> None:
    print(f"{name:45} {rate[0]:8.1f} trials/s {rate[1]:8.2f} ms driver CPU", flush=True)


def main(words: Sequence[str]) -> int:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--rivals", type=int, default=200, help="trials of Ray Tune, the slowest")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS / "throughput.csv")
    options = parser.parse_args(words)
    quiet()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options.trials, options.repeats, Path(folder), num_rivals=options.rivals)
    by_name = {row["engine"]: row["trials_per_s_median"] for row in rows}
    ratio = by_name["nas, Ray workers"] / by_name[TUNE]
    print(f"nas on Ray workers runs {ratio:.0f} times as many as Ray Tune")
    write_results(options.results, [{**row, "machine": describe_machine()} for row in rows])
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Run tens of trials, once."""
    results = ["--results", str(folder / "throughput.csv")]
    yield ["--trials", "20", "--rivals", "6", "--repeats", "1", *results]


def quiet() -> None:
    """Silence what would drown the figures."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("ray").setLevel(logging.ERROR)
    with contextlib.suppress(ImportError):
        import ray.tune.logger  # noqa: F401
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

"""A real `nas search` under kills and signals on one machine: does the run folder keep all?

    python -m experiments.engine.kills --faults 200

Each fault is one command, forked from this process, in the same run folder as the one before. It
is killed at a file operation of a drawn kind (taking the folder, saving weights, writing the
record, removing weights, publishing), or it gets a signal at a drawn moment. After each fault the
record must hold all that it held, each trial once, and the weights of all members of its front.
Trainings are false: a closed form, a few milliseconds, weights that name their network.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture
from nas.cli.main import main as nas
from nas.engine import publishing
from nas.objective import objective_for
from nas.report.front import front_records
from nas.study.journal import holds_study, load_records
from nas.trial import TrialRecord, TrialResult, TrialSpec, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
NUM_TRIALS = 60  # of one run; then another one begins
TRIAL_S = 0.004
PATIENCE_S = 120.0
# Kind -> the audit events at which a command dies, and what their path has in it.
WINDOWS: Mapping[str, tuple[tuple[str, ...], str, int]] = {
    "killed while it takes the folder": (("open", "os.mkdir", "os.rename"), "", 12),
    "killed while it saves weights": (("os.rename",), "/models/", 8),
    "killed while it writes the record": (("open",), "study.journal", 12),
    "killed while it removes weights": (("shutil.rmtree", "os.rmdir", "os.remove"), "models", 9),
    "killed right after it removed weights": (("os.rmdir",), "", 3),
    "killed while it publishes": (("os.rename",), ".csv", 4),
    "killed anywhere": (("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"), "", 150),
}
SIGNALS = {
    "SIGKILL": signal.SIGKILL,
    "SIGINT": signal.SIGINT,
    "SIGTERM": signal.SIGTERM,
    "SIGHUP": signal.SIGHUP,
    "SIGSTOP and SIGCONT": signal.SIGSTOP,
}


class FalseTraining:
    """Judges by a closed form, and brings the network's identity as its weights."""

    brings_weights = True

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        """Return the size."""
        values = enumerate(architecture.values())
        return {"size_bytes": 1.0 + sum(4**i * int(v) for i, v in values)}

    def prepare(self) -> None:
        """Do nothing."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Wait a little, and return what the closed form gives."""
        time.sleep(TRIAL_S)
        costs = self.static_costs(spec.architecture)
        shake = int(spec.architecture.id[:6], 16) / 0xFFFFFF
        accuracy = 0.5 * costs["size_bytes"] / (costs["size_bytes"] + 300.0) + 0.5 * shake
        metrics = {**costs, "accuracy": accuracy}
        weights = spec.architecture.id.encode()
        return TrialResult(
            spec.number, spec.attempt, TrialState.COMPLETE, metrics, weights=weights
        )


def words_of(run: Path) -> list[str]:
    """Return the command line of the search, to be begun or gone on with."""
    return [
        "search",
        "--config-dir",
        str(run.parent / "conf"),
        f"name={run.name}",
        f"run_folder={run}",
        f"resume={str((run / 'config.yaml').is_file()).lower()}",
        "search_space=kills",
        "evaluation=kills",
        "sampler=random",
        "execution=inline",
        "ui=plain",
        "trust=true",  # the evaluation is none that the search comes with
        f"stopping.num_trials={NUM_TRIALS}",
    ]


def write_choices(conf: Path) -> None:
    """Write what the command line names."""
    genes = "".join(f"  g{i}: {{choice: [0, 1, 2, 3]}}\n" for i in range(6))
    space = f"_target_: nas.space.space.SearchSpace\nparameters:\n{genes}"
    evaluation = "_target_: experiments.engine.kills.FalseTraining\n"
    for group, text in (("search_space", space), ("evaluation", evaluation)):
        (conf / group).mkdir(parents=True)
        (conf / group / "kills.yaml").write_text(text)


def start(run: Path, *, output: Path, prepare: Callable[[], None]) -> int:
    """Fork a command and return its process."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with output.open("ab", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        publishing.PUBLISH_EVERY_S = 0.05
        prepare()
        status = nas(words_of(run))
        sys.stdout.flush()
    finally:
        os._exit(status)


def die_at(events: tuple[str, ...], part: str, *, count: int, run: Path) -> None:
    """Kill this process when the so-many-th of some events concerns the run folder."""
    left = count

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event not in events:
            return
        # What rmtree does below a folder it names relative to that.
        text = " ".join(str(a) for a in arguments if isinstance(a, str | Path))
        is_ours = str(run) in text or (event in ("os.remove", "os.rmdir") and "/" not in text)
        if is_ours and (part in text or event in ("os.remove", "os.rmdir")):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)


def strike(name: str, run: Path, *, output: Path, chance: random.Random) -> int:
    """Run one command with one fault and return how it ended, as `os.waitpid` says."""
    if name in WINDOWS:
        events, part, most = WINDOWS[name]
        count = chance.randint(1, most)
        child = start(
            run, output=output, prepare=lambda: die_at(events, part, count=count, run=run)
        )
        return wait(child)
    child = start(run, output=output, prepare=lambda: None)
    time.sleep(chance.uniform(0.0, 1.2))
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        return status
    os.kill(child, SIGNALS[name])
    if SIGNALS[name] == signal.SIGSTOP:
        time.sleep(chance.uniform(0.1, 0.8))
        os.kill(child, signal.SIGCONT)
    return wait(child)


def wait(child: int) -> int:
    """Wait for a process and return its status."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"a command did not end within {PATIENCE_S} s")


def check(run: Path, before: Mapping[int, TrialRecord]) -> dict[int, TrialRecord]:
    """Compare a run folder with what it held before a fault; return what it holds now.

    Raises:
        AssertionError: a trial is lost, doubled or changed, or a member lacks its weights.
    """
    journal = run / "study.journal"
    if not holds_study(journal):
        assert not before, "the record is gone"
        return {}
    records = load_records(journal)
    assert [r.number for r in records] == list(range(len(records))), "numbers have gaps"
    assert len({r.architecture.id for r in records}) == len(records), "a network came twice"
    ended = {r.number: r for r in records if r.state is not TrialState.RUNNING}
    for number, record in before.items():
        assert ended.get(number) == record, f"trial {number} is lost or changed"
    for record in ended.values():
        assert record.state is TrialState.COMPLETE, f"{record} failed"
    for member in front_records(records, OBJECTIVES):
        place = run / "models" / str(member.number) / "weights.safetensors"
        assert place.is_file(), f"member {member.number} has no weights"
        assert place.read_bytes() == member.architecture.id.encode(), "weights of another"
    return ended


def wreak(num_faults: int, seed: int, folder: Path) -> Counter[str]:
    """Strike so often, each kind before any comes again; return how often a fault hit a command.

    Raises:
        AssertionError: something is lost, doubled or without weights, or a command cannot go on.
    """
    chance = random.Random(seed)
    write_choices(folder / "conf")
    kinds = [*WINDOWS, *SIGNALS]
    order: list[str] = []
    while len(order) < num_faults:
        order += chance.sample(kinds, len(kinds))
    hits: Counter[str] = Counter()
    output, index = folder / "output", 0
    run, ended = folder / "run-0", dict[int, TrialRecord]()
    for name in order[:num_faults]:
        if len(ended) == NUM_TRIALS:
            index += 1
            shutil.rmtree(run)
            run, ended = folder / f"run-{index}", {}
        status = strike(name, run, output=output, chance=chance)
        is_hit = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 130
        hits[name] += is_hit or name == "SIGSTOP and SIGCONT"
        told = output.read_text(errors="replace")[-2000:]
        assert is_hit or os.WEXITSTATUS(status) == 0, (
            f"{name}: status {status}; {sorted(p.name for p in run.iterdir())}\n{told}"
        )
        ended = check(run, ended)
    assert wait(start(run, output=output, prepare=lambda: None)) == 0, output.read_text()[-2000:]
    assert len(check(run, ended)) == NUM_TRIALS, "the last run is not complete"
    return hits


def main(words: Sequence[str]) -> int:
    """Parse the command line, strike and report."""
    parser = make_parser(__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(words)
    began_s = time.monotonic()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="nas-kills-") as folder:
        hits = wreak(options.faults, options.seed, Path(folder))
    for name, count in hits.items():
        print(f"{count:4} hit: {name}")
    print(
        f"{options.faults} faults, {hits.total()} of them hit a living command, in "
        f"{time.monotonic() - began_s:.0f} s: 0 trials lost, 0 doubled, 0 members without weights"
    )
    return 0


def small(_: Path) -> Iterator[list[str]]:
    """Strike a few times."""
    yield ["--faults", "3", "--seed", "0"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

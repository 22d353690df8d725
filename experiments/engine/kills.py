"""A real `nas search` under kills and signals on one machine: does the run folder keep all?

    python -m experiments.engine.kills --faults 200
    python -m experiments.engine.kills --faults 200 --rungs

Each fault is one command, forked from this process, in the same run folder as the one before. It
is killed at a file operation of a drawn kind (between the lease and the files, saving weights,
writing the record, removing weights, publishing, repairing), or it gets signals at a drawn moment.
After each fault the record must hold all that it held, each trial once, and the weights of all
members of its front; a run that is complete holds the weights of no others.
Trainings are false: a closed form, a few milliseconds, weights that name their network. With
`--rungs` trials train in steps, and no step that is on record may be trained again.
"""

import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from experiments.engine.false_rungs import SHARES, RungCheck
from experiments.engine.imported import IMPORTED
from experiments.engine.parts import describe_machine, write_results
from experiments.engine.windows import (
    REPAIR,
    RUNG_WINDOWS,
    SIGNALS,
    WINDOWS,
    Window,
    die_in,
    told,
)
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
        "fidelity=kills",
        "sampler=random",
        "execution=inline",
        "ui=plain",
        "trust=true",  # the evaluation is none that the search comes with
        f"stopping.num_trials={NUM_TRIALS}",
    ]


def write_choices(conf: Path, *, rungs: bool) -> None:
    """Write what the command line names."""
    genes = "".join(f"  g{i}: {{choice: [0, 1, 2, 3]}}\n" for i in range(6))
    space = f"_target_: nas.space.space.SearchSpace\nparameters:\n{genes}"
    trained = "kills.FalseTraining", "false_rungs.FalseRungs"
    evaluation = f"_target_: experiments.engine.{trained[rungs]}\n"
    fidelity = f"kind: rungs\nshares: {list(SHARES)}\n" if rungs else "kind: full\n"
    choices = {"search_space": space, "evaluation": evaluation, "fidelity": fidelity}
    for group, text in choices.items():
        (conf / group).mkdir(parents=True)
        (conf / group / "kills.yaml").write_text(text)


def start(
    words: Sequence[str], *, output: Path, prepare: Callable[[], None] = lambda: None
) -> int:
    """Fork a command and return its process."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with output.open("wb", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        publishing.PUBLISH_EVERY_S = 0.05
        prepare()
        status = nas(words)
        sys.stdout.flush()
    finally:
        os._exit(status)


def strike(name: str, run: Path, *, output: Path, chance: random.Random, within_s: float) -> int:
    """Run one command with one fault and return how it ended, as `os.waitpid` says.

    Args:
        name: of the fault.
        run: the run folder.
        output: a file for what the command says.
        chance: draws the moment.
        within_s: signals come before that.
    """
    if name in WINDOWS or name in RUNG_WINDOWS:
        window = {**WINDOWS, **RUNG_WINDOWS}[name]
        count = chance.randint(1, window.most)
        words = words_of(run)
        if name == REPAIR:
            words = ["repair", f"run={run}"]
            damage(run, output=output, chance=chance)
        return wait(
            start(words, output=output, prepare=lambda: die_in(window, count=count, run=run))
        )
    child = start(words_of(run), output=output)
    time.sleep(chance.uniform(0.0, within_s))
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        return status
    for number in SIGNALS[name]:
        os.kill(child, number)
    if SIGNALS[name] == (signal.SIGSTOP,):
        time.sleep(chance.uniform(0.1, 0.8))
        os.kill(child, signal.SIGCONT)
    return wait(child)


def damage(run: Path, *, output: Path, chance: random.Random) -> None:
    """Put a line that is none between two of the record; no trial is lost by that."""
    journal = run / "study.journal"
    if not holds_study(journal):
        window = Window(("open",), ("study.journal",), 1)
        prepare = partial(die_in, window, count=10, run=run)
        wait(start(words_of(run), output=output, prepare=prepare))
    lines = journal.read_bytes().split(b"\n")
    lines.insert(chance.randint(1, len(lines) - 1), chance.choice([b"", b"\0" * 40, b"{garbage"]))
    journal.write_bytes(b"\n".join(lines))


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
        assert record.failure is None, f"{record} failed"
    for member in front_records(records, OBJECTIVES):
        place = run / "models" / str(member.number) / "weights.safetensors"
        assert place.is_file(), f"member {member.number} has no weights"
        assert place.read_bytes() == member.architecture.id.encode(), "weights of another"
    return ended


def check_is_tidy(run: Path) -> None:
    """Make sure that a run, brought to its end, keeps the weights of its members alone.

    Raises:
        AssertionError: others are left, or some are missing.
    """
    members = front_records(load_records(run / "study.journal"), OBJECTIVES)
    kept = {place.name for place in (run / "models").iterdir()}
    assert kept == {str(m.number) for m in members}, f"{kept} are kept"
    checkpoints = run / "checkpoints"
    left = [p.name for p in checkpoints.iterdir()] if checkpoints.is_dir() else []
    assert not left, f"checkpoints of {left} are left"


def undisturbed_s(run: Path, output: Path) -> float:
    """Return how long a command takes that nothing happens to."""
    for name in IMPORTED:
        importlib.import_module(name)
    began_s = time.monotonic()
    status = wait(start(words_of(run), output=output))
    assert status == 0, told("undisturbed", status, run, output)
    return time.monotonic() - began_s


def wreak(
    num_faults: int, seed: int, folder: Path, *, rungs: bool = False
) -> tuple[Counter[str], Counter[str]]:
    """Strike so often, each kind before any comes again; return how often, and how often it hit.

    Raises:
        AssertionError: something is lost, doubled or without weights, or a command cannot go on.
    """
    chance = random.Random(seed)
    write_choices(folder / "conf", rungs=rungs)
    kinds = [*WINDOWS, *(RUNG_WINDOWS if rungs else ()), *SIGNALS]
    order: list[str] = []
    while len(order) < num_faults:
        order += chance.sample(kinds, len(kinds))
    struck, hits = Counter[str](), Counter[str]()
    output, index, began_s = folder / "output", 0, time.monotonic()
    within_s = undisturbed_s(folder / "undisturbed", output)
    run, ended = folder / "run-0", dict[int, TrialRecord]()
    steps = RungCheck(run)
    for name in order[:num_faults]:
        if len(ended) == NUM_TRIALS:
            status = wait(start(words_of(run), output=output))  # cut short, it may have left some
            assert status == 0, told("the end", status, run, output)
            check_is_tidy(run)
            index += 1
            shutil.rmtree(run)
            run, ended = folder / f"run-{index}", {}
            steps = RungCheck(run)
        status = strike(name, run, output=output, chance=chance, within_s=within_s)
        is_hit = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 130
        is_hit |= name == "SIGSTOP and SIGCONT"
        struck[name] += 1
        hits[name] += is_hit
        assert is_hit or status == 0, told(name, status, run, output)
        if name == REPAIR:  # whoever repairs and is cut short repairs again
            status = wait(start(["repair", f"run={run}"], output=output))
            assert status == 0, told(name, status, run, output)
        ended = check(run, ended)
        if rungs:
            steps.check()
        print(
            f"{time.monotonic() - began_s:6.0f} s  fault {struck.total():3}: {name}"
            f"{'' if is_hit else ' (too late)'}; {len(ended)} trials on record"
            f"{f', {steps.num_rungs} rungs' if rungs else ''}",
            flush=True,
        )
    status = wait(start(words_of(run), output=output))
    assert status == 0, told("the end", status, run, output)
    assert len(check(run, ended)) == NUM_TRIALS, "the last run is not complete"
    check_is_tidy(run)
    return struck, hits


def main(words: Sequence[str]) -> int:
    """Parse the command line, strike and report."""
    parser = make_parser(__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--rungs", action="store_true", help="trials train in steps")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--results", type=Path, default=None)
    options = parser.parse_args(words)
    began_s = time.monotonic()
    machine = f"seed {options.seed}; {describe_machine()}"
    print(machine, flush=True)
    with tempfile.TemporaryDirectory(prefix="nas-kills-") as folder:
        struck, hits = wreak(options.faults, options.seed, Path(folder), rungs=options.rungs)
    minutes = round((time.monotonic() - began_s) / 60, 1)
    kinds = ["lost", "doubled", "without_weights", *["trained_twice"] * options.rungs]
    lost = dict.fromkeys(kinds, 0)  # else it had raised
    rows = [{"fault": name, "struck": struck[name], "hit": hits[name], **lost} for name in struck]
    rows.append({"fault": "all", "struck": struck.total(), "hit": hits.total(), **lost})
    for row in rows:
        print(row)
    print(
        f"{struck.total()} faults, {hits.total()} of them hit a living command, in {minutes} min: "
        f"0 trials lost, 0 doubled, 0 members without weights"
        f"{', 0 rungs trained twice' if options.rungs else ''}"
    )
    if options.results is not None:
        write_results(
            options.results, [{**row, "minutes": minutes, "machine": machine} for row in rows]
        )
    return 0


def small(_: Path) -> Iterator[list[str]]:
    """Strike a few times."""
    yield ["--faults", "3", "--seed", "0"]
    yield ["--faults", "3", "--seed", "1", "--rungs"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

"""A real `nas search` under kills and signals on one machine: does the run folder keep all?

    python -m experiments.engine.kills --faults 200
    python -m experiments.engine.kills --faults 200 --kind rungs
    python -m experiments.engine.kills --faults 200 --kind text

Each fault is one command, forked from this process, in the same run folder as the one before. It
is killed at a file operation of a drawn kind (between the lease and the files, saving weights,
writing the record, removing weights, publishing, repairing), or it gets signals at a drawn moment.
After each fault the record must hold all that it held, each trial once, and the weights of all
members of its front; a run that is complete holds the weights of no others.
Trainings are false: a closed form, a few milliseconds, weights that name their network. Of the
kind `rungs` they are in steps, and no step that is on record may be trained again. Of the kind
`text` tiny language models are trained on a text, whose tokens are written anew for each run.
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

from experiments.engine.false_rungs import RungCheck
from experiments.engine.imported import IMPORTED
from experiments.engine.killed_searches import KilledSearch, false_search, text_search
from experiments.engine.parts import describe_machine, write_results
from experiments.engine.windows import (
    REPAIR,
    SIGNALS,
    Window,
    die_in,
    told,
)
from experiments.smoke import make_parser, run_experiment
from nas.cli.main import main as nas
from nas.engine import publishing
from nas.report.front import front_records
from nas.study.journal import holds_study, load_records
from nas.trial import TrialRecord, TrialState

KINDS = ("false", "rungs", "text")
PATIENCE_S = 120.0


def words_of(run: Path, search: KilledSearch) -> list[str]:
    """Return the command line of the search, to be begun or gone on with."""
    return [
        "search",
        "--config-dir",
        str(run.parent / "conf"),
        f"name={run.name}",
        f"run_folder={run}",
        f"resume={str((run / 'config.yaml').is_file()).lower()}",
        *search.words,
        "sampler=random",
        "execution=inline",
        "ui=plain",
        "trust=true",  # the evaluation may be none that the search comes with
        f"stopping.num_trials={search.num_trials}",
    ]


def begin(
    run: Path,
    search: KilledSearch,
    *,
    output: Path,
    prepare: Callable[[], None] = lambda: None,
    words: Sequence[str] = (),
) -> int:
    """Fork the search, or what other words say, and return its process."""

    def ready() -> None:
        os.environ.update(search.environment(run))
        prepare()

    return start(words or words_of(run, search), output=output, prepare=ready)


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


def strike(
    name: str,
    run: Path,
    search: KilledSearch,
    *,
    output: Path,
    chance: random.Random,
    within_s: float,
) -> int:
    """Run one command with one fault and return how it ended, as `os.waitpid` says.

    Args:
        name: of the fault.
        run: the run folder.
        search: what is searched in it.
        output: a file for what the command says.
        chance: draws the moment.
        within_s: signals come before that.
    """
    if name in search.windows:
        window = search.windows[name]
        words = []
        if name == REPAIR:
            words = ["repair", f"run={run}"]
            damage(run, search, output=output, chance=chance)
        prepare = partial(die_in, window, count=chance.randint(1, window.most), run=run)
        return wait(begin(run, search, output=output, prepare=prepare, words=words))
    child = begin(run, search, output=output)
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


def damage(run: Path, search: KilledSearch, *, output: Path, chance: random.Random) -> None:
    """Put a line that is none between two of the record; no trial is lost by that."""
    journal = run / "study.journal"
    if not holds_study(journal):
        window = Window(("open",), ("study.journal",), 1)
        prepare = partial(die_in, window, count=10, run=run)
        wait(begin(run, search, output=output, prepare=prepare))
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


def check(
    run: Path, search: KilledSearch, before: Mapping[int, TrialRecord]
) -> dict[int, TrialRecord]:
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
    for member in front_records(records, search.objectives):
        place = run / "models" / str(member.number) / "weights.safetensors"
        assert place.is_file(), f"member {member.number} has no weights"
        assert search.holds(place.read_bytes(), member), "weights of another"
    return ended


def check_is_tidy(run: Path, search: KilledSearch) -> None:
    """Make sure that a run, brought to its end, keeps the weights of its members alone.

    Raises:
        AssertionError: others are left, or some are missing.
    """
    members = front_records(load_records(run / "study.journal"), search.objectives)
    kept = {place.name for place in (run / "models").iterdir()}
    assert kept == {str(m.number) for m in members}, f"{kept} are kept"
    checkpoints = run / "checkpoints"
    left = [p.name for p in checkpoints.iterdir()] if checkpoints.is_dir() else []
    assert not left, f"checkpoints of {left} are left"


def undisturbed_s(run: Path, search: KilledSearch, output: Path) -> float:
    """Return how long a command takes that nothing happens to."""
    for name in IMPORTED:
        importlib.import_module(name)
    began_s = time.monotonic()
    status = wait(begin(run, search, output=output))
    assert status == 0, told("undisturbed", status, run, output)
    return time.monotonic() - began_s


def wreak(
    num_faults: int, seed: int, folder: Path, *, kind: str = "false"
) -> tuple[Counter[str], Counter[str]]:
    """Strike so often, each kind before any comes again; return how often, and how often it hit.

    Raises:
        AssertionError: something is lost, doubled or without weights, or a command cannot go on.
    """
    chance = random.Random(seed)
    conf, rungs = folder / "conf", kind == "rungs"
    search = text_search(conf) if kind == "text" else false_search(conf, rungs=rungs)
    kinds = [*search.windows, *SIGNALS]
    order: list[str] = []
    while len(order) < num_faults:
        order += chance.sample(kinds, len(kinds))
    struck, hits = Counter[str](), Counter[str]()
    output, index, began_s = folder / "output", 0, time.monotonic()
    within_s = undisturbed_s(folder / "undisturbed", search, output)
    run, ended = folder / "run-0", dict[int, TrialRecord]()
    steps = RungCheck(run)
    for name in order[:num_faults]:
        if len(ended) == search.num_trials:
            status = wait(begin(run, search, output=output))  # cut short, it may have left some
            assert status == 0, told("the end", status, run, output)
            check_is_tidy(run, search)
            index += 1
            shutil.rmtree(run)
            run, ended = folder / f"run-{index}", {}
            steps = RungCheck(run)
        status = strike(name, run, search, output=output, chance=chance, within_s=within_s)
        is_hit = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 130
        is_hit |= name == "SIGSTOP and SIGCONT"
        struck[name] += 1
        hits[name] += is_hit
        assert is_hit or status == 0, told(name, status, run, output)
        if name == REPAIR:  # whoever repairs and is cut short repairs again
            status = wait(begin(run, search, output=output, words=["repair", f"run={run}"]))
            assert status == 0, told(name, status, run, output)
        ended = check(run, search, ended)
        if rungs:
            steps.check()
        print(
            f"{time.monotonic() - began_s:6.0f} s  fault {struck.total():3}: {name}"
            f"{'' if is_hit else ' (too late)'}; {len(ended)} trials on record"
            f"{f', {steps.num_rungs} rungs' if rungs else ''}",
            flush=True,
        )
    status = wait(begin(run, search, output=output))
    assert status == 0, told("the end", status, run, output)
    assert len(check(run, search, ended)) == search.num_trials, "the last run is not complete"
    check_is_tidy(run, search)
    return struck, hits


def main(words: Sequence[str]) -> int:
    """Parse the command line, strike and report."""
    parser = make_parser(__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--kind", choices=KINDS, default="false", help="of the trainings")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--results", type=Path, default=None)
    options = parser.parse_args(words)
    began_s = time.monotonic()
    machine = f"seed {options.seed}; {describe_machine()}"
    print(machine, flush=True)
    with tempfile.TemporaryDirectory(prefix="nas-kills-") as folder:
        struck, hits = wreak(options.faults, options.seed, Path(folder), kind=options.kind)
    rungs = options.kind == "rungs"
    minutes = round((time.monotonic() - began_s) / 60, 1)
    kinds = ["lost", "doubled", "without_weights", *["trained_twice"] * rungs]
    lost = dict.fromkeys(kinds, 0)  # else it had raised
    rows = [{"fault": name, "struck": struck[name], "hit": hits[name], **lost} for name in struck]
    rows.append({"fault": "all", "struck": struck.total(), "hit": hits.total(), **lost})
    for row in rows:
        print(row)
    print(
        f"{struck.total()} faults, {hits.total()} of them hit a living command, in {minutes} min: "
        f"0 trials lost, 0 doubled, 0 members without weights"
        f"{', 0 rungs trained twice' if rungs else ''}"
    )
    if options.results is not None:
        write_results(
            options.results, [{**row, "minutes": minutes, "machine": machine} for row in rows]
        )
    return 0


def small(_: Path) -> Iterator[list[str]]:
    """Strike a search of the kind with the most state once."""
    yield ["--faults", "1", "--seed", "1", "--kind", "rungs"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

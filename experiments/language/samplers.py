"""Which sampler finds the best front of small language models with the fewest trainings?

    python -m experiments.language.samplers TEXT FOLDER [--trials 30] [--tokens 40000] [--seeds 2]

Real searches of `decoder_lm` on one text, character level, from the command line: `frontier`, TPE
and NSGA-II (with a population of a third of the trials), each with as many trainings of as many
tokens. Networks reach from 3,000 to a million parameters, all can be had, so no sampler has to
learn what is allowed. All trials go to FOLDER/samplers.csv; a search whose trials stand there is
not made again, and one whose run is in FOLDER goes on. What is told is the share of the volume of
the front of all trials of all searches, sizes by their logarithm.
"""

import csv
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.smoke import make_parser, run_experiment
from nas.cli.main import main as nas
from nas.objective import objective_for
from nas.pareto.yardstick import yardstick_from
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records

SAMPLERS = ("frontier", "tpe", "nsga2")
COLUMNS = ("sampler", "seed", "trial", "size_bytes", "bits_per_byte", "seconds")
OBJECTIVES = (objective_for("bits_per_byte"), objective_for("size_bytes"))

Row = Mapping[str, str]


def search(
    text: Path, run: Path, *, sampler: str, seed: int, trials: int, tokens: int
) -> list[tuple[str | int | float, ...]]:
    """Search, or go on with a search; return a row for each trial, in order."""
    words = ["search", "preset=small_lm", "data=text", f"data.path={text}", f"sampler={sampler}"]
    words += ["data.tokenizer=character", "execution=inline", "ui=none", f"run_folder={run}"]
    words += [f"seed={seed}", f"training.tokens={tokens}", "constraints.num_params.max=null"]
    words += [f"stopping.num_trials={trials}", "stopping.time_limit_s=null"]
    words += ["search_space.parameters.width.choice=[16,24,32,48,64,96]"]
    words += ["search_space.parameters.context.choice=[64]", "data.context=64"]
    if sampler == "nsga2":
        words.append(f"sampler.population_size={max(2, trials // 3)}")
    nas([*words, f"resume={'true' if run.is_dir() else 'false'}"])
    records = load_records(RunFolder.open(run).study_journal)
    return [
        (sampler, seed, place, r.metrics["size_bytes"], r.metrics["bits_per_byte"],
         round(r.metrics["seconds"], 2))
        for place, r in enumerate(records)
        if "bits_per_byte" in r.metrics
    ]  # fmt: skip


def shares(rows: Sequence[Row], after: int) -> dict[str, list[float]]:
    """Return the share of the whole volume after some trials, one for each seed, by sampler."""
    points = np.array([[float(r["bits_per_byte"]), float(r["size_bytes"])] for r in rows])
    yardstick = yardstick_from([points], OBJECTIVES)
    assert yardstick is not None, "there are rows"
    scaled = yardstick.on_scale(points)
    found: dict[str, list[float]] = {}
    for sampler, seed in dict.fromkeys((r["sampler"], r["seed"]) for r in rows):
        own = [
            (r["sampler"], r["seed"]) == (sampler, seed) and int(r["trial"]) < after for r in rows
        ]
        found.setdefault(sampler, []).append(yardstick.share(scaled[np.array(own)]))
    return found


def main(words: Sequence[str]) -> int:
    """Search what is not there yet, and tell the shares."""
    parser = make_parser(__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--tokens", type=int, default=40_000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    asked = parser.parse_args(words)
    asked.folder.mkdir(parents=True, exist_ok=True)
    place = asked.folder / "samplers.csv"
    known = list(csv.DictReader(place.open())) if place.is_file() else []
    made: dict[tuple[str, int], list[tuple[str | int | float, ...]]] = {}
    for row in known:
        key = row["sampler"], int(row["seed"])
        made.setdefault(key, []).append(tuple(row[name] for name in COLUMNS))
    for key in [(sampler, seed) for seed in range(asked.seeds) for sampler in asked.samplers]:
        if len(made.get(key, [])) >= asked.trials:
            continue
        sampler, seed = key
        made[key] = search(
            asked.text,
            asked.folder / f"{sampler}-{seed}",
            sampler=sampler,
            seed=seed,
            trials=asked.trials,
            tokens=asked.tokens,
        )
        with place.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *(row for own in made.values() for row in own)])
    rows = list(csv.DictReader(place.open()))
    for after in sorted({max(1, asked.trials * part // 3) for part in (1, 2, 3)}):
        for sampler, found in shares(rows, after).items():
            every = " ".join(f"{share:.3f}" for share in found)
            print(f"{after} trials, {sampler}: {statistics.mean(found):.3f} ({every})")
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Search a text of a few words, for a few steps."""
    text = folder / "text.txt"
    text.write_text("to be or not to be, that is the question\n" * 400)
    words = ["--trials", "3", "--tokens", "2048", "--seeds", "1"]
    yield [str(text), str(folder / "searches"), *words]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

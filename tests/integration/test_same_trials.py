"""The same command proposes the same networks as it did when `same_trials.json` was recorded.

Trainings end with other accuracies on other kinds of CPU, since sums are taken in another order.
From the first one that differs on, a search knows other things, and is not compared.

Record again, only where proposals are meant to change:
`python tests/integration/test_same_trials.py`
"""

import csv
import itertools
import json
import random
import sys
import tempfile
from pathlib import Path

import pytest

from nas.cli.main import main

RECORDED = Path(__file__).parent / "same_trials.json"
KINDS = ("a", "b", "c", "d", None)
TABLE = (
    "preset=table",
    "table.path=t.csv",
    "table.parameters=[m0,m1,m2,m3,m4]",
    "table.quality=acc",
    "table.size=params",
)
DIGITS = ("execution=inline", "training.epochs=1", "stopping.num_trials=6")
# Each search is one or more commands of a run; a later one goes on with it.
SEARCHES = {
    "table": [(*TABLE, "stopping.num_trials=40", "seed=1")],
    "table_facts_identity": [
        (*TABLE, "table.facts=[macs]", "table.identity=net", "stopping.num_trials=40", "seed=2")
    ],
    "table_constraint": [
        (*TABLE, "+constraints.params.max=1500", "stopping.num_trials=30", "seed=3")
    ],
    "table_three_objectives": [
        (
            *TABLE,
            "table.facts=[macs]",
            "objectives=[quality,params,macs]",
            "stopping.num_trials=30",
            "seed=4",
        )
    ],
    "table_resumed": [
        (*TABLE, "stopping.num_trials=20", "seed=5"),
        ("resume=true", "stopping.num_trials=40"),
    ],
    "table_tpe": [(*TABLE, "sampler=tpe", "stopping.num_trials=40", "seed=6")],
    "table_nsga2": [(*TABLE, "sampler=nsga2", "stopping.num_trials=60", "seed=7")],
    "table_random": [(*TABLE, "sampler=random", "stopping.num_trials=30", "seed=8")],
    "table_gp": [(*TABLE, "sampler=gp", "stopping.num_trials=15", "seed=9")],
    "digits": [(*DIGITS, "seed=1")],
    "digits_vit_constraint": [
        (*DIGITS, "search_space=vit", "constraints.size_bytes.max=200000", "seed=2")
    ],
    "digits_macs": [(*DIGITS, "search_space=resnet", "objectives=accuracy_macs", "seed=3")],
    "digits_resumed": [
        (*DIGITS, "stopping.num_trials=3", "seed=4"),
        ("resume=true", "stopping.num_trials=6"),
    ],
}

QUICK = ("table_three_objectives", "table_resumed", "table_random")  # others take longer
LONG = ("digits_vit_constraint", "digits_macs", "digits_resumed")


def marked(name):
    marks = {**dict.fromkeys(QUICK, ()), **dict.fromkeys(LONG, pytest.mark.long)}
    return pytest.param(name, marks=marks.get(name, pytest.mark.slow))


def write_table(path):
    """Write 780 networks of one to five layers, with a quality that shakes."""
    chance = random.Random(0)
    weights = {"a": 1.0, "b": 2.5, "c": 4.0, "d": 5.5}
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["m0", "m1", "m2", "m3", "m4", "acc", "params", "macs", "net"])
        for length in range(1, 6):
            for layers in itertools.product("abcd", repeat=length):
                size = sum(weights[kind] * (i + 1) for i, kind in enumerate(layers))
                quality = 90 * size / (size + 20) + chance.uniform(-4, 4)
                row = [*layers, *[""] * (5 - length), round(quality, 3)]
                counts = "".join(f"n{layers.count(kind)}" for kind in "abcd")
                writer.writerow([*row, int(100 * size), int(7 * size + 3 * length), counts])


def trials(folder):
    """Return the id of each network, and its accuracy where networks were trained."""
    with (folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [[row["architecture_id"], row.get("accuracy")] for row in rows]


def comparable(found, recorded):
    """Return the ids of both that were proposed while all accuracies were the recorded ones."""
    pairs = list(zip(found, recorded, strict=True))
    count = next((n for n, (a, b) in enumerate(pairs, 1) if a[1] != b[1]), len(pairs))
    return [a[0] for a, _ in pairs[:count]], [b[0] for _, b in pairs[:count]]


def searched(name, folder):
    """Run the search's commands in a folder and return its trials."""
    write_table(folder / "t.csv")
    for words in SEARCHES[name]:
        assert main(["search", *words, "ui=none", f"name={name}"]) == 0
    return trials(folder / "runs" / name)


@pytest.mark.parametrize("name", [marked(name) for name in SEARCHES])
def test_a_search_proposes_what_it_proposed_before(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    found = searched(name, tmp_path)
    proposed, before = comparable(found, json.loads(RECORDED.read_text())[name])
    assert len(before) >= 2
    assert proposed == before


@pytest.mark.slow
def test_a_warm_search_proposes_what_it_proposed_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert warm(tmp_path) == json.loads(RECORDED.read_text())["table_warm"]


def warm(folder):
    searched("table", folder)
    words = (*TABLE, "warm_start=[runs/table]", "stopping.num_trials=20", "seed=9")
    assert main(["search", *words, "ui=none", "name=warm"]) == 0
    return trials(folder / "runs/warm")


def record():
    """Record what each search proposes now."""
    import os

    found = {}
    for name in [*SEARCHES, "table_warm"]:
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            folder = Path(place)
            found[name] = warm(folder) if name == "table_warm" else searched(name, folder)
            os.chdir("/")
    RECORDED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(record())

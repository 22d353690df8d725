"""`preset=table` from the command line to the run folder, on a table of variable length."""

import csv
import html
import itertools
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet
import pytest

from nas.cli.main import main
from nas.study.journal import load_records

# One to three layers of two kinds; how many there are is told by the empty cells alone.
NETWORKS = [kinds for length in (1, 2, 3) for kinds in itertools.product("ab", repeat=length)]


@pytest.fixture
def words(tmp_path, monkeypatch):
    """Overrides that search the table, each time in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    rows = [(*kinds, *[None] * (3 - len(kinds))) for kinds in NETWORKS]
    columns = {f"m{i}": [row[i] for row in rows] for i in range(3)}
    columns["acc"] = [10.0 * len(kinds) + kinds.count("b") for kinds in NETWORKS]
    columns["params"] = [100 * len(kinds) + kinds.count("b") for kinds in NETWORKS]
    columns["macs"] = [7 * params for params in columns["params"]]
    # The order of layers does not matter here: equal counts are one network.
    columns["net"] = [f"{len(kinds)}{kinds.count('b')}" for kinds in NETWORKS]
    pa.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    return [
        "preset=table",
        "table.path=t.parquet",
        "table.parameters=[m0,m1,m2]",
        "table.quality=acc",
        "table.size=params",
        "table.identity=net",
        "table.facts=[macs]",
        "ui=none",
        "run_folder=run",
    ]


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("sampler", ["frontier", "random", "tpe", "nsga2", "brute_force"])
def test_every_sampler_finds_each_network_once(words, tmp_path, sampler):
    status = main(["search", *words, f"sampler={sampler}", "stopping.num_trials=50"])

    trials = read(tmp_path / "run/trials.csv")
    found = [tuple(row[f"param.m{i}"] for i in range(3)) for row in trials]
    counts = sorted((sum(map(bool, kinds)), kinds.count("b")) for kinds in found)
    assert status == 0
    # 2 + 3 + 4 distinct networks among the 14 rows.
    assert counts == [(n, b) for n in (1, 2, 3) for b in range(n + 1)]


def test_a_search_that_goes_on_asks_for_what_it_would_have_asked_for(words, tmp_path):
    words = [word for word in words if "run_folder" not in word]
    main(["search", *words, "name=whole", "stopping.num_trials=9"])
    main(["search", *words, "name=parts", "stopping.num_trials=5"])
    main(["search", "name=parts", "resume=true", "stopping.num_trials=9", "ui=none"])

    whole, parts = (read(tmp_path / f"runs/{name}/trials.csv") for name in ("whole", "parts"))
    assert [row["architecture_id"] for row in whole] == [row["architecture_id"] for row in parts]


@pytest.fixture
def rung_words(words):
    """Overrides of a search in steps: a tenth of the training shows half of the accuracy."""
    table = pyarrow.parquet.read_table("t.parquet")
    half = [0.5 * acc for acc in table["acc"].to_pylist()]
    pyarrow.parquet.write_table(table.append_column("early", [half]), "t.parquet")
    return [
        *words,
        "fidelity=rungs",
        "table.rungs=[{quality: early, cost: 0.1}]",
        "stopping.num_trials=9",
    ]


@pytest.mark.parametrize("sampler", ["frontier", "random", "tpe", "nsga2"])
def test_a_table_is_searched_in_steps_and_the_early_results_stand_in_columns(
    rung_words, tmp_path, sampler
):
    status = main(["search", *rung_words, f"sampler={sampler}"])

    trials = read(tmp_path / "run/trials.csv")
    whole = [row for row in trials if row["state"] == "complete"]
    assert status == 0
    assert {row["state"] for row in trials} <= {"complete", "stopped"}
    assert len(whole) > 0
    assert all(row["rung"] == ("1.0" if row in whole else "0.1") for row in trials)
    assert all(float(row["at_0.1.quality"]) == 0.5 * float(row["acc"]) for row in whole)
    front = read(tmp_path / "run/front.csv")
    assert {row["trial"] for row in front} <= {row["number"] for row in whole}
    assert 'id="curves-chart"' in (tmp_path / "run/report.html").read_text()


def test_rungs_without_early_results_are_refused_before_the_run(words, tmp_path, capsys):
    status = main(["search", *words, "fidelity=rungs"])

    assert status != 0
    assert "fidelity=rungs needs results of cheaper trainings" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_frontier_decider_is_refused_with_another_sampler(rung_words, capsys):
    status = main(["search", *rung_words, "sampler=random", "fidelity.decider=frontier"])

    assert status != 0
    assert "fidelity.decider=frontier needs sampler=frontier" in capsys.readouterr().err


def test_further_columns_are_objectives(words, tmp_path):
    status = main(
        ["search", *words, "objectives.metrics=[quality,params,macs]", "stopping.num_trials=8"]
    )

    assert status == 0
    assert len(read(tmp_path / "run/trials.csv")) == 8


def test_trials_say_the_costs_and_the_quality_under_both_names(words, tmp_path):
    main(["search", *words, "sampler=frontier", "stopping.num_trials=5"])

    for row in read(tmp_path / "run/trials.csv"):
        kinds = [row[f"param.m{i}"] for i in range(3) if row[f"param.m{i}"]]
        params = 100 * len(kinds) + kinds.count("b")
        assert float(row["params"]) == params
        assert float(row["macs"]) == 7 * params
        assert float(row["quality"]) == float(row["acc"]) == 10 * len(kinds) + kinds.count("b")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_look_up_may_be_an_evaluation_of_a_ray_worker(words, tmp_path):
    more = ["sampler=random", "execution=ray", "execution.num_workers=2", "stopping.num_trials=50"]

    status = main(["search", *words, *more])

    trials = read(tmp_path / "run/trials.csv")
    assert status == 0
    assert len(trials) == 9  # all networks of the table
    assert all(float(row["quality"]) == float(row["acc"]) for row in trials)


def test_parallel_workers_on_the_simulated_clock_repeat_themselves(words, tmp_path):
    more = ["sampler=frontier", "table.num_workers=3", "stopping.num_trials=6", "seed=4"]

    main(["search", *words, *more])
    main(["search", *words, *more, "run_folder=again"])

    columns = ("number", "architecture_id", "quality")
    first, second = (
        [[row[name] for name in columns] for row in read(tmp_path / folder / "trials.csv")]
        for folder in ("run", "again")
    )
    assert first == second


def test_neither_driver_nor_worker_of_a_table_waits_for_torch():
    program = (
        "import sys; import nas.engine.loop, nas.execution.ray_backend, nas.execution.ray_worker; "
        "import nas.evaluation.tabular, search_spaces.table; sys.exit('torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert done.returncode == 0


CODES = ["007", "7", "1e5", "10:20", "2024-01-02", "TRUE", "NA", " a", "a\nb", "1.0", "1"]


@pytest.fixture
def code_words(words, tmp_path):
    """Overrides that search a CSV file whose parameter and identity are codes."""
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "acc", "params", "id"])
        writer.writerows((code, i, 10 + i, code) for i, code in enumerate(CODES))
    return [
        "preset=table",
        "table.path=t.csv",
        "table.parameters=[code]",
        "table.quality=acc",
        "table.size=params",
        "table.identity=id",
        "ui=none",
    ]


def test_codes_come_back_as_written_in_the_record_the_tables_and_the_page(code_words, tmp_path):
    main(["search", *code_words, "name=run", "stopping.num_trials=4"])
    status = main(["search", "name=run", "resume=true", "stopping.num_trials=50", "ui=none"])

    folder = tmp_path / "runs/run"
    records = load_records(folder / "study.journal")
    page = html.unescape((folder / "report.html").read_text())
    assert status == 0
    assert sorted(record.architecture["code"] for record in records) == sorted(CODES)
    for name in ("trials.csv", "front.csv"):  # quality and size rise together: all on the front
        assert sorted(row["param.code"] for row in read(folder / name)) == sorted(CODES)
    assert [code for code in CODES if code not in page] == []


def test_a_run_whose_column_reads_otherwise_now_is_refused(words, tmp_path, capsys):
    def write(cells):
        numbers = list(range(len(cells)))
        content = {"flag": cells, "acc": numbers, "params": numbers}
        pa.parquet.write_table(pa.table(content), tmp_path / "u.parquet")

    columns = ["table.parameters=[flag]", "table.quality=acc", "table.size=params"]
    write([True, False])
    main(["search", "preset=table", "table.path=u.parquet", *columns, "ui=none", "name=run"])
    journal = (tmp_path / "runs/run/study.journal").read_bytes()
    write(["true", "false"])

    status = main(["search", "name=run", "resume=true", "stopping.num_trials=9", "ui=none"])

    assert status == 2
    assert "the data are not those that run 'run' was begun with" in capsys.readouterr().err
    assert (tmp_path / "runs/run/study.journal").read_bytes() == journal

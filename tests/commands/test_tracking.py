"""A search and a finish with a tracker, by whole command lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_of_a_tracker_is_imported_unless_it_is_chosen():
    code = (
        "import sys, nas.cli.search, nas.cli.tracking, nas.assemble.tracking;"
        "print(sorted({'mlflow', 'wandb', 'tensorboard', 'tensorboardX'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert done.stdout == "[]\n"


def test_a_tracker_that_is_not_installed_is_refused_before_anything_begins(
    nas, launch_folder, table_words, monkeypatch
):
    monkeypatch.setitem(sys.modules, "wandb", None)

    status, _, error = nas("search", *table_words, "name=w", "tracking=wandb")

    assert status == 2
    assert "pip install 'nas[wandb]'" in error
    assert not (launch_folder / "runs/w").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tracking=mlfow"], "mlflow"),
        (["tracking=tensorboard", "tracking.project=3"], "tracking.project must be"),
        (["tracking.place=x"], "write tracking=mlflow tracking.place=x"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_tracker_is_refused(nas, launch_folder, table_words, words, told):
    status, _, error = nas("search", *table_words, *words)

    assert status == 2
    assert told in error


@pytest.mark.filterwarnings("ignore")  # of what MLflow uses
def test_mlflow_has_configuration_numbers_front_and_files(nas, launch_folder, table_words):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    place = f"sqlite:///{launch_folder}/mlflow.db"
    words = ["execution=inline", "tracking=mlflow", f"tracking.place={place}", "ui=none"]

    status, _, error = nas("search", *table_words, "name=m", *words)

    assert (status, error) == (0, "")
    client = mlflow.tracking.MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("nas")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "m"
    assert run.info.status == "FINISHED"
    assert run.data.params["stopping.num_trials"] == "5"
    assert len(client.get_metric_history(run.info.run_id, "quality")) == 5
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"config.yaml", "front.csv", "trials.csv", "report.html"} <= files


@pytest.mark.filterwarnings("ignore")  # of what MLflow uses
def test_a_search_that_goes_on_stays_one_run(nas, launch_folder, table_words):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    place = f"sqlite:///{launch_folder}/mlflow.db"  # MLflow keeps a store by its address
    words = [*table_words, "name=m", "execution=inline", "ui=none", "tracking=mlflow"]
    words.append(f"tracking.place={place}")
    nas("search", *words)

    status, _, error = nas("search", *words, "resume=true", "stopping.num_trials=7")

    assert (status, error) == (0, "")
    client = mlflow.tracking.MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("nas")
    (run,) = client.search_runs([experiment.experiment_id])
    assert len(client.get_metric_history(run.info.run_id, "quality")) == 7

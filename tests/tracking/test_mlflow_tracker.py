import pytest

from nas.tracking.mlflow_tracker import MlflowTracker
from nas.tracking.tracker import TrackedRun

pytest.importorskip("mlflow", reason="MLflow is not installed: pip install 'nas[mlflow]'")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what MLflow uses


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where MLflow puts the files of a local store
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def run(tmp_path):
    settings = {"seed": 3, "constraints.latency_ms@pi5.max": 20, "search_space.text": "x" * 9000}
    return TrackedRun("first", tmp_path, settings | {f"many.{n}": n for n in range(250)})


def of(store, run_id):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=store), MlflowClient(tracking_uri=store).get_run(run_id)


def test_a_run_has_its_settings_numbers_files_and_end(store, run, tmp_path):
    (tmp_path / "front.csv").write_text("trial,accuracy\n")
    tracker = MlflowTracker(store, "mine")

    run_id = tracker.start(run)
    tracker.numbers({"accuracy": 0.5, "latency_ms@pi5": 7}, step=0)
    tracker.numbers({"accuracy": 0.75}, step=1)
    tracker.file(tmp_path / "front.csv", "front.csv")
    tracker.file(tmp_path / "front.csv", "finish/trial-3/front.csv")
    tracker.close(is_failed=False)

    client, kept = of(store, run_id)
    assert kept.data.params["seed"] == "3"
    assert kept.data.params["constraints.latency_ms_pi5.max"] == "20"
    assert len(kept.data.params) == 253
    assert [m.value for m in client.get_metric_history(run_id, "accuracy")] == [0.5, 0.75]
    assert kept.data.metrics["latency_ms_pi5"] == 7
    assert kept.info.status == "FINISHED"
    assert kept.info.run_name == "first"
    assert client.get_experiment(kept.info.experiment_id).name == "mine"
    assert [file.path for file in client.list_artifacts(run_id)] == ["finish", "front.csv"]
    (file,) = client.list_artifacts(run_id, "finish/trial-3")
    assert file.path == "finish/trial-3/front.csv"


def test_a_run_that_goes_on_stays_one_run(store, run, tmp_path):
    first = MlflowTracker(store, "mine")
    run_id = first.start(run)
    first.close(is_failed=True)
    again = MlflowTracker(store, "mine")

    assert of(store, run_id)[1].info.status == "FAILED"
    assert again.start(TrackedRun("first", tmp_path, {"seed": 4}, run_id)) == run_id
    assert of(store, run_id)[1].info.status == "RUNNING"

"""MLflow: a run in an experiment of its tracking server, or of its database on this machine."""

import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path

from nas.tracking.tracker import TrackedRun

_PER_CALL = 100  # parameters that MLflow takes at once
_LONGEST = 500  # characters of a parameter
_FOREIGN = re.compile(r"[^\w./ -]")  # what MLflow takes in no name


class MlflowTracker:
    """Writes to an MLflow tracking store.

    Args:
        place: URI of a server, or a database; None for what MLflow itself is set to
            (MLFLOW_TRACKING_URI).
        project: the experiment; made where there is none.
    """

    def __init__(self, place: str | None, project: str) -> None:
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of each table it makes
        self._client = MlflowClient(tracking_uri=place)
        self._project = project
        self._run_id = ""

    def start(self, run: TrackedRun) -> str:
        """Begin a run, or go on with it."""
        if run.known_as is not None:
            self._run_id = run.known_as
            self._client.update_run(self._run_id, status="RUNNING")
            return self._run_id
        found = self._client.get_experiment_by_name(self._project)
        experiment = self._client.create_experiment(self._project) if found is None else None
        tags = {"nas.run_folder": str(run.folder)}
        begun = self._client.create_run(
            experiment or found.experiment_id, run_name=run.name, tags=tags
        )
        self._run_id = begun.info.run_id
        self._settings(run.settings)
        return self._run_id

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """Write numbers of a step, in one call."""
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        metrics = [Metric(_named(k), float(v), now_ms, step) for k, v in values.items()]
        self._client.log_batch(self._run_id, metrics=metrics)

    def file(self, path: Path, name: str) -> None:
        """Copy a file to the artifacts of the run."""
        folder = str(Path(name).parent)
        self._client.log_artifact(self._run_id, str(path), None if folder == "." else folder)

    def close(self, *, is_failed: bool) -> None:
        """End the run."""
        self._client.set_terminated(self._run_id, "FAILED" if is_failed else "FINISHED")

    def _settings(self, settings: Mapping[str, object]) -> None:
        from mlflow.entities import Param

        params = [Param(_named(key), str(value)[:_LONGEST]) for key, value in settings.items()]
        for start in range(0, len(params), _PER_CALL):
            self._client.log_batch(self._run_id, params=params[start : start + _PER_CALL])


def _named(text: str) -> str:
    return _FOREIGN.sub("_", text)

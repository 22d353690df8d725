"""Weights & Biases: a run of a project; WANDB_MODE=offline keeps it on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.tracking.tracker import TrackedRun


class WandbTracker:
    """Writes to Weights & Biases.

    Args:
        place: the entity, a user or a team; None for the default of the account.
        project: the project; made where there is none.
    """

    def __init__(self, place: str | None, project: str) -> None:
        import wandb

        self._wandb: Any = wandb
        self._entity, self._project = place, project
        self._run: Any = None

    def start(self, run: TrackedRun) -> str:
        """Begin a run, or go on with it."""
        self._run = self._wandb.init(
            entity=self._entity,
            project=self._project,
            name=run.name,
            id=run.known_as,
            resume="allow",
            dir=str(run.folder),
            config=dict(run.settings),
        )
        # Trials end in any order, and its own steps only ever grow.
        self._run.define_metric("*", step_metric="trial")
        return str(self._run.id)

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """Write numbers of a step."""
        self._run.log({**values, "trial": step})

    def file(self, path: Path, name: str) -> None:
        """Upload a file with the run, as an artifact named by its folder."""
        kind = name.partition("/")[0] if "/" in name else "report"
        artifact = self._wandb.Artifact(f"{kind}-{path.name}-{self._run.id}", type=kind)
        artifact.add_file(str(path), name=name)
        self._run.log_artifact(artifact)

    def close(self, *, is_failed: bool) -> None:
        """End the run, once everything is uploaded."""
        self._run.finish(exit_code=1 if is_failed else 0)

"""`nas dashboard`: a run's study in the browser, by optuna-dashboard; it may still be running."""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.commands import DASHBOARD
from nas.cli.flags import parse_settings
from nas.errors import ConfigError, ExecutionError, RunFolderError
from nas.exit_status import ExitStatus

if TYPE_CHECKING:
    from nas.record.run_folder import RunFolder
    from nas.study.dashboard import Overlay

_FILES = ("report.html", "front.png", "front.csv", "trials.csv", "config.yaml")
_OF_A_TRIAL = ("weights.safetensors", "architecture.json")
_EVERY_S = 30.0  # notes are made anew no more often than this


def run(words: Sequence[str]) -> int:
    """Serve one run's study until Ctrl-C."""
    settings = parse_settings(words, DASHBOARD)
    port = settings["port"]
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ConfigError(f"port must be from 1 to 65535, but got {port[:40]!r}")
    from nas.record.run_folder import RunFolder

    folder = RunFolder.open(Path(settings["run"]))
    if not folder.study_journal.is_file():
        raise RunFolderError(f"{folder.path} has no study.journal yet; wait for its first trial")
    from nas.study.dashboard import STUDY_PAGE, serve, shown_app, writing_app
    from nas.study.journal import load_study

    load_study(folder.study_journal)  # tells of damage before the browser shows half of it
    host, number = settings["host"], int(port)
    writes = settings["write"] == "true"
    journal = folder.study_journal
    app = writing_app(journal) if writes else shown_app(journal, Look(folder).now)
    print(f"http://{host}:{number}{STUDY_PAGE}  (Ctrl-C ends it)", flush=True)
    if writes:
        told = "What is done there changes the run; its bin icon deletes the study."
        print(f"warning: {told}", file=sys.stderr)
    try:
        serve(app, host=host, port=number)
    except OSError as error:
        raise ExecutionError(
            f"port {port} cannot be used ({error}); give another port=..."
        ) from error
    return ExitStatus.DONE


class Look:
    """What a run's study is shown with: names, notes, files; made anew while the run grows.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: "RunFolder") -> None:
        self._folder = folder
        self._size, self._made_s = -1, -_EVERY_S
        self._shown: Overlay | None = None

    def now(self) -> "Overlay":
        """Return it."""
        size = self._folder.study_journal.stat().st_size
        is_due = time.monotonic() - self._made_s >= _EVERY_S
        if self._shown is None or (size != self._size and is_due):
            self._shown = shown_of(self._folder)
            self._size, self._made_s = size, time.monotonic()
        return self._shown


def shown_of(folder: "RunFolder") -> "Overlay":
    """Return the names of a run's objectives, what its study and its front say, their files."""
    from nas.cli.run_view import RunView
    from nas.report.tables import knee_sentence
    from nas.report.values import format_value, heading_of
    from nas.study.dashboard import Overlay

    view = RunView.open(str(folder.path))
    goals = view.objectives
    heads = [*(heading_of(o.metric) for o in goals), "trial", "architecture"]
    rows = [
        [*(format_value(o.metric, r.metrics.get(o.metric)) for o in goals), str(r.number),
         _literal(r.describe())]
        for r in view.front
    ]  # fmt: skip
    table = "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
    sentence = knee_sentence(view.records, goals, floors=view.floors)
    return Overlay(
        metric_names=[objective.metric for objective in goals],
        note=f"**{_literal(folder.name)}**. {sentence}\n\n{table if rows else ''}\n",
        trial_notes={r.number: f"On the front.\n\n{_literal(r.describe())}" for r in view.front},
        files=_existing(folder.path, _FILES),
        trial_files={
            record.number: _existing(folder.model_dir(record.number), _OF_A_TRIAL)
            for record in view.front
        },
    )


def _existing(folder: Path, names: Sequence[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


def _literal(text: str) -> str:
    """Return a text so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)

"""Shows a study in a browser, by optuna-dashboard: to look at, unless told otherwise.

What optuna-dashboard would write is refused twice: by the server, which takes no request but those
that read, and by the storage, which appends nothing to the journal. Names of objectives, notes and
files are laid over the study as it is shown; none of them is in the journal.
"""

import copy
import json
import mimetypes
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, BinaryIO, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import optuna_dashboard
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study._frozen import FrozenStudy

STUDY_PAGE = "/dashboard/studies/0"  # a journal of nas holds one study
_READS = ("GET", "HEAD")
_REFUSED = "this view cannot change the run; nas dashboard write=true serves one that can"
_METRIC_NAMES = "study:metric_names"  # as Optuna's set_metric_names keeps them


@dataclass(frozen=True)
class Overlay:
    """What is laid over a study.

    Attributes:
        metric_names: of the objectives, in their order.
        note: of the study, in Markdown.
        trial_notes: number of a trial -> its note, in Markdown.
        files: of the study.
        trial_files: number of a trial -> its files.
    """

    metric_names: Sequence[str] = ()
    note: str = ""
    trial_notes: Mapping[int, str] = field(default_factory=dict)
    files: Sequence[Path] = ()
    trial_files: Mapping[int, Sequence[Path]] = field(default_factory=dict)

    def attributes(self) -> dict[str, Any]:
        """Return it as attributes of the study, in the form that optuna-dashboard reads."""
        found: dict[str, Any] = {_METRIC_NAMES: list(self.metric_names)}
        for number, note in ((None, self.note), *self.trial_notes.items()):
            place = "dashboard:" if number is None else f"dashboard:{number}:"
            found |= {f"{place}note_ver": 1, f"{place}note_str:0": note}
        for path in self.files:
            found[f"artifacts:{_id_of(path)}"] = _about(path)
        for number, paths in self.trial_files.items():
            for path in paths:
                found[f"dashboard:artifacts:{number}:{_id_of(path)}"] = _about(path)
        return found

    def all_files(self) -> dict[str, Path]:
        """Return all files by their id."""
        listed = [*self.files, *(path for paths in self.trial_files.values() for path in paths)]
        return {_id_of(path): path for path in listed}


Look: TypeAlias = Callable[[], Overlay]


class ReadOnlyJournal(JournalFileBackend):
    """A journal that is read and never written."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Refuse."""
        del logs
        raise PermissionError(_REFUSED)


class ShownStorage(JournalStorage):
    """A study as it is recorded, with something laid over it.

    Args:
        journal: the file.
        look: returns what is laid over it now.
    """

    def __init__(self, journal: Path, look: Look) -> None:
        super().__init__(ReadOnlyJournal(str(journal)))
        self._look = look

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attributes of the study and those laid over them."""
        return {**super().get_study_system_attrs(study_id), **self._look().attributes()}

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return the study with what is laid over it."""
        shown = [copy.copy(study) for study in super().get_all_studies()]
        for study in shown:
            study.system_attrs = {**study.system_attrs, **self._look().attributes()}
        return shown


class RunFiles:
    """Files of a run as artifacts; they are read and never written.

    Args:
        look: returns what is laid over the study now.
    """

    def __init__(self, look: Look) -> None:
        self._look = look

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open a file; one that has gone meanwhile is empty."""
        path = self._look().all_files().get(artifact_id)
        return BytesIO() if path is None or not path.is_file() else path.open("rb")

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Refuse."""
        del artifact_id, content_body
        raise PermissionError(_REFUSED)

    def remove(self, artifact_id: str) -> None:
        """Refuse."""
        del artifact_id
        raise PermissionError(_REFUSED)


def shown_app(journal: Path, look: Look) -> WSGIApplication:
    """Return the dashboard of a study that it cannot change."""
    storage, files = ShownStorage(journal, look), RunFiles(look)
    return _reading_only(optuna_dashboard.wsgi(storage, artifact_store=files))


def writing_app(journal: Path) -> WSGIApplication:
    """Return the dashboard of a study with everything that it can do to it, deleting included."""
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return _opening_on_the_study(optuna_dashboard.wsgi(storage))


def serve(app: WSGIApplication, *, host: str, port: int) -> None:
    """Serve until Ctrl-C.

    Raises:
        OSError: the port cannot be used.
    """
    with make_server(host, port, app, _Server, _Handler) as server:
        server.serve_forever()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: a browser asks every few seconds."""


def _reading_only(app: WSGIApplication) -> WSGIApplication:
    opened = _opening_on_the_study(app)

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in _READS:
            return opened(environ, start)
        start("403 Forbidden", [("Content-Type", "application/json")])
        return [json.dumps({"reason": _REFUSED}).encode()]

    return answer


def _opening_on_the_study(app: WSGIApplication) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").rstrip("/") not in ("", "/dashboard"):
            return app(environ, start)
        start("302 Found", [("Location", STUDY_PAGE)])
        return [b""]

    return answer


def _id_of(path: Path) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, str(path)))


def _about(path: Path) -> str:
    kind, encoding = mimetypes.guess_type(path.name)
    told = {
        "artifact_id": _id_of(path),
        "filename": path.name,
        "mimetype": kind or "application/octet-stream",
        "encoding": encoding,
    }
    return json.dumps(told)

import io
import json
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas.cli.dashboard import Look
from nas.record.run_folder import RunFolder
from nas.study.dashboard import STUDY_PAGE, ShownStorage, shown_app, writing_app
from nas.study.journal import load_records


class Browser:
    """Asks an application as a browser does."""

    def __init__(self, app):
        self._app = app

    def ask(self, path, *, method="GET", body=None):
        content = b"" if body is None else json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "wsgi.input": io.BytesIO(content),
            "CONTENT_LENGTH": str(len(content)),
            "CONTENT_TYPE": "application/json",
        }
        setup_testing_defaults(environ)
        told = {}

        def start(status, headers, error=None):
            told["status"], told["headers"] = int(status.split()[0]), dict(headers)

        answer = self._app(environ, start)
        content = b"".join(answer)
        getattr(answer, "close", lambda: None)()
        return told["status"], told["headers"], content


@pytest.fixture
def browser(table_run):
    folder = RunFolder.open(table_run)
    return Browser(shown_app(folder.study_journal, Look(folder).now))


def test_it_opens_on_the_study(browser):
    for path in ("/", "/dashboard", "/dashboard/"):
        status, headers, _ = browser.ask(path)
        assert (status, headers["Location"]) == (302, STUDY_PAGE)


def test_the_study_has_names_a_note_and_files(browser, table_run):
    status, _, content = browser.ask("/api/studies/0")

    study = json.loads(content)
    assert status == 200
    assert study["name"] == "t"
    assert study["objective_names"] == ["quality", "bytes"]
    assert "Knee" in study["note"]["body"]
    files = {file["filename"]: file["artifact_id"] for file in study["artifacts"]}
    assert {"report.html", "front.csv"} <= set(files)
    _, headers, content = browser.ask(f"/artifacts/0/{files['front.csv']}")
    assert content == (table_run / "front.csv").read_bytes()
    assert headers["Content-Type"] == "text/csv"


def test_trials_of_the_front_say_so(browser, table_run):
    trials = json.loads(browser.ask("/api/studies/0")[2])["trials"]

    front = [trial["number"] for trial in trials if "On the front" in trial["note"]["body"]]
    best = max(load_records(table_run / "study.journal"), key=lambda r: r.metrics["quality"])
    assert best.number in front


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/api/studies/0", {}),
        ("POST", "/api/studies/0/rename", {"study_name": "x"}),
        ("POST", "/api/studies", {"study_name": "x", "directions": ["minimize"]}),
        ("PUT", "/api/studies/0/note", {"body": "x", "version": 2}),
        ("POST", "/api/trials/0/tell", {"state": "Fail"}),
    ],
    ids=["delete", "rename", "create", "note", "tell"],
)
def test_nothing_that_a_browser_asks_for_changes_the_run(browser, table_run, method, path, body):
    before = (table_run / "study.journal").read_bytes()

    status, _, content = browser.ask(path, method=method, body=body)

    assert status == 403
    assert "nas dashboard write=true" in json.loads(content)["reason"]
    assert (table_run / "study.journal").read_bytes() == before


def test_the_storage_itself_refuses_too(table_run):
    folder = RunFolder.open(table_run)
    storage = ShownStorage(folder.study_journal, Look(folder).now)
    before = folder.study_journal.read_bytes()

    with pytest.raises(PermissionError, match="cannot change the run"):
        storage.delete_study(0)

    assert folder.study_journal.read_bytes() == before


def test_trials_that_begin_meanwhile_are_shown(table_run):
    folder = RunFolder.open(table_run)
    storage = ShownStorage(folder.study_journal, Look(folder).now)
    first = len(storage.get_all_trials(0))
    backend = JournalFileBackend(str(table_run / "study.journal"))
    optuna.load_study(study_name="t", storage=JournalStorage(backend)).ask()

    assert len(storage.get_all_trials(0)) == first + 1


def test_what_is_asked_for_with_write_is_done(table_run):
    browser = Browser(writing_app(table_run / "study.journal"))

    body = {"body": "mine", "version": 1}
    status, _, _ = browser.ask("/api/studies/0/note", method="PUT", body=body)

    assert status == 204
    assert json.loads(browser.ask("/api/studies/0")[2])["note"]["body"] == "mine"


def test_a_word_that_is_neither_true_nor_false_is_refused(nas, table_run):
    status, _, error = nas("dashboard", "runs/t", "write=yes")

    assert status == 2
    assert "write must be one of true, false, but got 'yes'" in error

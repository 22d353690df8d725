import threading

from nas.tracking.background import Background
from nas.tracking.tracker import TrackedRun


class Notebook:
    """Takes everything down in a list; fails at a number that is asked for."""

    def __init__(self, fails_at=None):
        self.told, self._fails_at, self.threads = [], fails_at, set()

    def start(self, run):
        self.told.append(("start", run.name))
        return "id 7"

    def numbers(self, values, *, step):
        if step == self._fails_at:
            raise ConnectionError("the server\nis gone")
        self.threads.add(threading.current_thread().name)
        self.told.append((step, dict(values)))

    def file(self, path, name):
        self.told.append(("file", name))

    def close(self, *, is_failed):
        self.told.append(("close", is_failed))


def test_all_is_handed_on_in_order_by_another_thread(tmp_path):
    notebook, said, ids = Notebook(), [], []
    background = Background(notebook, said.append)

    background.start(TrackedRun("a", tmp_path, {}), ids.append)
    background.numbers({"x": 1.0, "y": float("nan")}, step=0)
    background.file(tmp_path / "f", "f")
    background.close(is_failed=False)

    assert notebook.told == [("start", "a"), (0, {"x": 1.0}), ("file", "f"), ("close", False)]
    assert notebook.threads == {"tracking"}
    assert (ids, said) == (["id 7"], [])


def test_a_tracker_that_fails_is_told_of_once_and_left_alone(tmp_path):
    notebook, said = Notebook(fails_at=1), []
    background = Background(notebook, said.append)

    for step in range(4):
        background.numbers({"x": 1.0}, step=step)
    background.close(is_failed=False)

    assert [step for step, _ in notebook.told] == [0]
    assert said == [
        "warning: the tracker lacks a part of this run: ConnectionError: the server is gone"
    ]

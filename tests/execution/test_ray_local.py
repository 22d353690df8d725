"""Where a local Ray keeps its files: in private, with a short path, whatever TMPDIR says."""

import stat
import tempfile
from pathlib import Path

import pytest

from nas.execution import ray_local
from nas.execution.ray_local import MAX_FOLDER_BYTES, make_folder


@pytest.fixture
def short():
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s") as folder:
        yield Path(folder)


def test_a_short_tmpdir_is_used(short):
    folder = make_folder({"TMPDIR": str(short)})

    assert folder.parent == short.resolve()


@pytest.mark.parametrize(
    "name",
    ["x" * 60, "no-such-folder", "file", "with blank", "ümlaut"],
    ids=["long", "absent", "a file", "blank", "not ASCII"],
)
def test_a_tmpdir_of_no_use_is_replaced_by_one_with_a_short_path(short, name):
    (short / "file").touch()
    for folder in ("x" * 60, "with blank", "ümlaut"):
        (short / folder).mkdir()

    folder = make_folder({"TMPDIR": str(short / name)})
    try:
        assert short not in folder.parents
        assert len(str(folder)) <= MAX_FOLDER_BYTES
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not list(folder.iterdir())
    finally:
        folder.rmdir()


@pytest.mark.parametrize("relative", [".", "tmp", "../tmp"])
def test_a_relative_tmpdir_is_replaced(relative):
    folder = make_folder({"TMPDIR": relative})
    folder.rmdir()

    assert folder.is_absolute()


def test_rays_socket_fits_into_the_longest_folder():
    """sockaddr_un of macOS, the shorter one, holds 104 bytes with the final zero."""
    socket = "/r/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"

    assert MAX_FOLDER_BYTES + len(socket) <= 103


def failure(line, said, *, seconds, folder):
    logs = folder / "r/session_2026/logs"
    logs.mkdir(parents=True)
    (logs / "raylet.err").write_text(said)
    return ray_local._failure(RuntimeError(line), folder, seconds=seconds)


def test_a_start_that_timed_out_is_tried_again_and_one_with_another_cause_is_not(tmp_path):
    gave_up = "The current node timed out during startup."
    waited = "Check failed: has_value() Timed out waiting for file port"
    late = failure(gave_up, waited, seconds=31.0, folder=tmp_path / "a")
    full = failure(gave_up, "write: No space left on device", seconds=31.0, folder=tmp_path / "b")
    soon = failure(gave_up, waited, seconds=3.0, folder=tmp_path / "c")

    assert isinstance(late, ray_local.SlowStartError)
    assert "Timed out waiting for file port" in str(late)
    assert not isinstance(full, ray_local.SlowStartError)
    assert "No space left on device" in str(full)
    assert not isinstance(soon, ray_local.SlowStartError)

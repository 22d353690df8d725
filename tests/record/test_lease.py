import contextlib
import errno
import fcntl
import os
import threading
import time

import pytest

from nas.errors import RunFolderError
from nas.record.lease import Lease


def test_a_lease_is_held_by_one_alone_until_it_is_given_back(tmp_path):
    held = Lease(tmp_path / "run" / ".lease")

    with pytest.raises(RunFolderError, match=rf"another search writes .*{os.getpid()}"):
        Lease(tmp_path / "run" / ".lease")

    held.release()
    Lease(tmp_path / "run" / ".lease").release()


def test_two_never_hold_a_lease_whose_file_is_taken_back_again_and_again(tmp_path):
    path = tmp_path / "run" / ".lease"
    until_s = time.monotonic() + 1.0
    inside, together, taken = [], [], []

    def take() -> None:
        while time.monotonic() < until_s:
            try:
                lease = Lease(path)
            except RunFolderError:
                continue
            inside.append(1)
            together.append(len(inside))
            taken.append(1)
            inside.pop()
            path.unlink()  # as a refused command does
            with contextlib.suppress(OSError):
                path.parent.rmdir()
            lease.release()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) > 20
    assert set(together) == {1}


def test_a_lease_cannot_stand_on_a_folder(tmp_path):
    (tmp_path / ".lease").mkdir()

    with pytest.raises(RunFolderError, match="no file"):
        Lease(tmp_path / ".lease")


def test_a_disk_without_locks_is_refused_with_a_remedy(tmp_path, monkeypatch):
    def without_locks(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without_locks)

    with pytest.raises(RunFolderError, match=r"gives no locks .*choose another run_folder"):
        Lease(tmp_path / "run" / ".lease")

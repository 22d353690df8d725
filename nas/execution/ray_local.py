"""A Ray of our own on this machine: where it keeps its files, whom it listens to, how it ends.

It listens on the loopback address alone, asks for a token that only this process and its workers
know, and keeps its files in a private folder with a path short enough for sockets. A second
process (`ray_watch`) ends all of it and removes the folder once this process is gone.
"""

import contextlib
import ipaddress
import logging
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nas.errors import ExecutionError
from nas.execution import ray_watch
from nas.execution.ray_token import reread_environment, set_variables

_LOG = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
MARK = "NAS_RAY_MARK"
# A socket's path has at most 107 bytes (103 on macOS), and Ray adds up to 66:
# /r/session_YYYY-MM-DD_hh-mm-ss_uuuuuu_PID/sockets/plasma_store
MAX_FOLDER_BYTES = 37
# Ray passes paths through command lines that it splits itself.
_PLAIN_PATH = re.compile(r"/[\w./+-]*", re.ASCII)
# Words of those log lines that say why a process ended; the other lines are stacks.
_CAUSE = re.compile(
    "too many open|no space left|permission denied|cannot allocate|already in use|check failed:",
    re.IGNORECASE,
)
# Less room than this does not hold the logs of Ray's start.
PROBE_BYTES = 2**20
# Ray gives its own processes half a minute to start, however busy the machine is. After a failure
# that took so long, and that tells no other cause, it is tried again.
SLOW_S, MAX_STARTS = 20.0, 3
# Ending takes a second; past this the watcher goes on by itself.
END_S = 12.0


class SlowStartError(ExecutionError):
    """Ray's processes did not start in the time that Ray gives them."""


def start_local_ray(options: Mapping[str, Any], *, environment: Mapping[str, str]) -> "LocalRay":
    """Start a local Ray; on a busy machine try again.

    Args:
        options: further options of `ray.init`.
        environment: environment variables that its workers have from their start.

    Raises:
        ExecutionError: it cannot start here, or other machines could reach it.
    """
    for _ in range(MAX_STARTS - 1):
        try:
            return LocalRay(options, environment=environment)
        except SlowStartError:
            _LOG.warning("this machine is busy: Ray did not start in time, and is started again")
    return LocalRay(options, environment=environment)


class LocalRay:
    """The running local Ray, to be closed once.

    Args:
        options: further options of `ray.init`.
        environment: environment variables that its workers have from their start.

    Raises:
        SlowStartError: it did not start in time.
        ExecutionError: it cannot start here, or other machines could reach it.
    """

    def __init__(
        self, options: Mapping[str, Any], *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.environment = dict(environment or {})
        self._folder = make_folder()
        mark = secrets.token_hex(16)
        try:
            self._watcher = _start_watcher(f"{MARK}={mark}", self._folder)
        except OSError:
            self._folder.rmdir()
            raise
        try:
            self._start(mark, options)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End Ray with all that it started and remove its files."""
        import ray

        try:
            ray.shutdown()
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired, BrokenPipeError):
                self._watcher.communicate(b"end\n", timeout=END_S)

    def _start(self, mark: str, options: Mapping[str, Any]) -> None:
        import ray

        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        with set_variables({**self.environment, **token, MARK: mark}), _own_address_is_loopback():
            reread_environment()
            began_s = time.monotonic()
            try:
                # Without an address Ray would join any cluster of this machine, a dying one too.
                ray.init(
                    address="local",
                    include_dashboard=False,
                    _node_ip_address=LOOPBACK,
                    _temp_dir=str(self._folder / "r"),  # Ray opens its own folder to all
                    **options,
                )
            except Exception as error:  # Ray raises plain ones too
                raise _failure(error, self._folder, seconds=time.monotonic() - began_s) from error
        addresses = {str(node["NodeManagerAddress"]) for node in ray.nodes()}
        if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
            raise ExecutionError(
                f"Ray {ray.__version__} listens at {', '.join(sorted(addresses))}, where other "
                "machines may reach it, although it was told to listen on this machine alone; "
                "install another version of Ray, or take execution=inline"
            )


def make_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Make an empty folder, private to the user, for Ray's sockets, logs and spilled objects.

    It lies where RAY_TMPDIR or TMPDIR say if that can be used and is short enough, else in /tmp.

    Raises:
        ExecutionError: no place can be written.
    """
    named = [environment[name] for name in ("RAY_TMPDIR", "TMPDIR") if environment.get(name)]
    for place in (*named, "/tmp", "/var/tmp", "/dev/shm"):
        folder = _try_place(place)
        if folder is not None:
            if named and place != named[0]:
                _LOG.info("Ray's files lie in %s: it cannot use %s", folder, named[0])
            return folder
    raise ExecutionError(
        "Ray found no place for its files: none of "
        f"{', '.join(dict.fromkeys((*named, '/tmp', '/var/tmp', '/dev/shm')))} is a folder with a "
        "short path that can be written; set TMPDIR to one, or take execution=inline"
    )


def _try_place(place: str) -> Path | None:
    """Make the folder there, or return None where it would be of no use."""
    if not _PLAIN_PATH.fullmatch(place):
        return None
    place = os.path.realpath(place)  # as /proc shows it to the watcher
    if not _PLAIN_PATH.fullmatch(place) or len(place) + 17 > MAX_FOLDER_BYTES:  # /nas-ray-xxxxxxxx
        return None
    try:
        folder = Path(tempfile.mkdtemp(prefix="nas-ray-", dir=place))  # mode 0700
    except OSError:
        return None
    try:
        (folder / "probe").write_bytes(bytes(PROBE_BYTES))  # a full disk still makes folders
        (folder / "probe").unlink()
    except OSError:
        with contextlib.suppress(OSError):
            (folder / "probe").unlink(missing_ok=True)
            folder.rmdir()
        return None
    return folder


def _start_watcher(mark: str, folder: Path) -> subprocess.Popen[bytes]:
    script = str(Path(ray_watch.__file__).resolve())
    return subprocess.Popen(
        [sys.executable, "-I", "-S", script, str(os.getpid()), mark, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # Ctrl-C and a closed terminal are for the driver
    )


@contextlib.contextmanager
def _own_address_is_loopback() -> Iterator[None]:
    """Let Ray take the loopback address for its own.

    Told to take 127.0.0.1, newer versions of Ray look for an address that others can reach,
    unless clusters are off, as they are on macOS and Windows.
    """
    from ray._private import ray_constants

    before = getattr(ray_constants, "ENABLE_RAY_CLUSTER", True)
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _failure(error: Exception, folder: Path, *, seconds: float) -> ExecutionError:
    """Return what to raise where Ray gave up after some seconds."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    said = _last_words(folder)
    more = f" ({said})" if said else ""
    is_slow = seconds >= SLOW_S and (not said or "timed out" in said.lower())
    return (SlowStartError if is_slow else ExecutionError)(
        f"Ray could not start on this machine: {line}{more}; execution=inline needs no Ray"
    )


def _last_words(folder: Path) -> str:
    """Return the line of Ray's own error logs that says why one of its processes ended, if any."""
    for name in ("gcs_server.err", "raylet.err"):
        for log in folder.glob(f"r/session_2*/logs/{name}"):
            with contextlib.suppress(OSError):
                for line in log.read_text(errors="replace").splitlines():
                    if cause := _CAUSE.search(line):
                        said = line[cause.start() :].partition(" *** ")[0]
                        return "".join(c for c in said if c.isprintable())[:200]
    return ""

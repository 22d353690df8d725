"""A MariaDB server of a test's own, on the loopback interface."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from parts.processes import wait_until

PROGRAMS = ("mariadbd", "mariadb-install-db", "my_print_defaults", "mariadb")


def is_installed() -> bool:
    """Say whether all programs of a server are here; some lie in folders of the administrator."""
    return all(_find(program) for program in PROGRAMS)


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class Server:
    """A server that can be killed and started again; as root it runs as the user nobody.

    Args:
        folder: an empty folder that every user can reach.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user = "nobody" if os.geteuid() == 0 else str(os.environ.get("USER", "nobody"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if os.geteuid() == 0:
            shutil.chown(folder, self._user)
        install = [_find("mariadb-install-db"), f"--user={self._user}", "--skip-test-db"]
        install += [f"--datadir={folder}/data", "--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, capture_output=True)
        self.start()
        self._say("create database nas character set utf8mb4")
        self._say("create user nas@'127.0.0.1' identified by 'secret'")
        self._say("grant all on nas.* to nas@'127.0.0.1'")

    @property
    def url(self) -> str:
        return f"mysql://nas:secret@127.0.0.1:{self.port}/nas"

    def start(self) -> None:
        command = [_find("mariadbd"), "--no-defaults", f"--user={self._user}"]
        command += [f"--datadir={self._folder}/data", f"--socket={self._folder}/socket"]
        command += ["--bind-address=127.0.0.1", f"--port={self.port}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: self._say("select 1", check=False) == 0, timeout_s=60)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)

    def _say(self, statement: str, *, check: bool = True) -> int:
        command = [_find("mariadb"), "--no-defaults", f"--socket={self._folder}/socket", "-uroot"]
        done = subprocess.run([*command, "-e", statement], check=check, capture_output=True)
        return done.returncode

"""Does a cluster ask who calls? Ray's token, which its nodes and its drivers share (Ray 2.52).

A token is looked for where Ray looks: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, then
~/.ray/auth_token. It is shown to a cluster that asks for one. See docs/cluster/README.md.
"""

import contextlib
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from nas.errors import ExecutionError

_LOG = logging.getLogger(__name__)

MODE = "RAY_AUTH_MODE"
ASK_S = 20.0  # the longest wait for the head's answer
_QUESTION = """
import sys
from ray._private.services import canonicalize_bootstrap_address
from ray._raylet import GcsClient
GcsClient(address=canonicalize_bootstrap_address(sys.argv[1]))
"""
_GUIDE = (
    "the file ~/.ray/auth_token of the cluster's head must lie here too, or RAY_AUTH_TOKEN hold "
    "the token; docs/cluster/README.md says how"
)


class Answer(Enum):
    """What a head says to a stranger."""

    WELCOME = "welcome"
    REFUSED = "refused"
    NONE = "none"


def has_token(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether this user has a token that is not empty."""
    if environment.get("RAY_AUTH_TOKEN", "").strip():
        return True
    named = environment.get("RAY_AUTH_TOKEN_PATH")
    try:
        path = Path(named) if named else Path.home() / ".ray" / "auth_token"
        return bool(path.read_text().strip())
    except (OSError, RuntimeError, UnicodeDecodeError):  # RuntimeError: there is no home
        return False


def knows_tokens() -> bool:
    """Say whether the installed Ray has tokens at all (from 2.52)."""
    import ray

    return hasattr(ray._raylet, "AuthenticationTokenLoader")


@contextlib.contextmanager
def shown_token(address: str) -> Iterator[None]:
    """Have Ray show the token within, if the cluster asks for one.

    A driver that shows one to a cluster without could not start workers: it would ask for the
    token in turn.

    Raises:
        ExecutionError: the token is missing or wrong, or RAY_AUTH_MODE forbids what is needed.
    """
    if not knows_tokens():
        _warn_of_old_ray()
        yield
    elif "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:  # a submitted job has its cluster's mode
        yield
    else:
        with set_variables({MODE: _choose_mode(address)}):
            reread_environment()
            yield


def _choose_mode(address: str) -> str:
    wanted = os.environ.get(MODE)
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if named and wanted != "disabled" and not has_token():  # Ray would end this process
        raise ExecutionError(f"RAY_AUTH_TOKEN_PATH={named} is no readable file with a token")
    usual = wanted or ("token" if has_token() else "disabled")
    if "://" in address:
        return usual
    answer = _ask(address, mode="disabled")
    if answer is Answer.WELCOME:
        return _judge_open(wanted)
    if answer is Answer.REFUSED:
        return _judge_closed(wanted, address)
    return usual


def _judge_open(wanted: str | None) -> str:
    if wanted == "token":
        raise ExecutionError(
            "it asks for no token, and RAY_AUTH_MODE=token is set here; start it with "
            "RAY_AUTH_MODE=token on all nodes, or set RAY_AUTH_MODE=disabled if nobody else "
            "reaches its network"
        )
    if wanted is None:
        _LOG.warning(
            "this cluster asks for no token: whoever reaches its ports can run code there. Start "
            "it with RAY_AUTH_MODE=token (docs/cluster/README.md); RAY_AUTH_MODE=disabled ends "
            "this warning"
        )
    return "disabled"


def _judge_closed(wanted: str | None, address: str) -> str:
    if not has_token():
        raise ExecutionError(f"it wants a token, and this machine has none: {_GUIDE}")
    if wanted == "disabled":
        raise ExecutionError(f"it wants a token, but {MODE}=disabled shows none: unset {MODE}")
    if _ask(address, mode="token") is Answer.REFUSED:
        raise ExecutionError(f"it wants another token than the one of this machine: {_GUIDE}")
    return "token"


def _warn_of_old_ray() -> None:
    import ray

    _LOG.warning(
        "Ray %s knows no tokens: whoever reaches the cluster's ports can run code there. "
        "Install Ray 2.52 or newer on all nodes, or keep its network closed",
        ray.__version__,
    )


def _ask(address: str, *, mode: str) -> Answer:
    """Ask the head in a process of its own whether it takes us.

    Ray itself would repeat the question for 20 seconds, and then not say what was wrong.
    """
    command = [sys.executable, "-P", "-W", "ignore", "-c", _QUESTION, address]
    environment = {**os.environ, MODE: mode}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as asked:
        assert asked.stderr is not None
        said, end_s = b"", time.monotonic() + ASK_S
        try:
            while select.select([asked.stderr], [], [], max(0.0, end_s - time.monotonic()))[0]:
                part = os.read(asked.stderr.fileno(), 65536)
                said += part
                if b"unauthenticated" in said.lower():
                    return Answer.REFUSED
                if not part:
                    is_done = asked.wait(timeout=ASK_S) == 0
                    return Answer.WELCOME if is_done else Answer.NONE
        finally:
            asked.kill()
    return Answer.NONE


@contextlib.contextmanager
def set_variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within, for processes that start there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def reread_environment() -> None:
    """Have Ray read the mode and the token again, which it keeps from its first start."""
    import ray

    if knows_tokens():
        inner: Any = ray._raylet
        inner.Config.initialize("")
        inner.AuthenticationTokenLoader.instance().reset_cache()

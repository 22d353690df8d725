"""Does a cluster ask who calls? Ray's token, which its nodes and its drivers share (Ray 2.52).

A token is looked for where Ray looks: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, then
~/.ray/auth_token. Where there is one it is shown to the cluster, unless RAY_AUTH_MODE says
otherwise. See docs/cluster/README.md.
"""

import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.errors import ExecutionError

_LOG = logging.getLogger(__name__)

MODE = "RAY_AUTH_MODE"
ASK_S = 20.0  # the longest wait for the head's answer
_REFUSED = "unauthenticated"
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


def show_token() -> None:
    """Have Ray show the token when it joins a cluster, or say that no one is asked for one.

    Raises:
        ExecutionError: RAY_AUTH_TOKEN_PATH names no file with a token; Ray would end the process.
    """
    if not knows_tokens():
        import ray

        _LOG.warning(
            "Ray %s knows no tokens: whoever reaches the cluster's ports can run code there. "
            "Install Ray 2.52 or newer on all nodes, or keep its network closed",
            ray.__version__,
        )
        return
    # On a node of the cluster a submitted job is given the mode of its cluster.
    is_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
    if MODE not in os.environ and not is_job and has_token():
        os.environ[MODE] = "token"
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if path and os.environ.get(MODE, "").lower() != "disabled" and not has_token():
        raise ExecutionError(
            f"RAY_AUTH_TOKEN_PATH={path} is no readable file with a token: {_GUIDE}"
        )
    reread_environment()


def warn_if_open() -> None:
    """Say it where the cluster was joined without a token and nobody chose that."""
    if knows_tokens() and os.environ.get(MODE) is None:
        _LOG.warning(
            "this cluster asks for no token: whoever reaches its ports can run code there. Start "
            "it with RAY_AUTH_MODE=token (docs/cluster/README.md); RAY_AUTH_MODE=disabled ends "
            "this warning"
        )


def refusal(error: Exception) -> str | None:
    """Return what to do if this error says that the token is missing or wrong; else None."""
    import ray

    kind = getattr(ray.exceptions, "AuthenticationError", None)
    is_refusal = kind is not None and isinstance(error, kind)
    return _advice() if is_refusal or _REFUSED in str(error).lower() else None


def refusal_at(address: str) -> str | None:
    """Ask the head in a process of its own whether it takes our token; return what to do if not.

    Ray itself would repeat the question for 20 seconds, and then not say what was wrong.
    """
    if not knows_tokens() or "://" in address:
        return None
    command = [sys.executable, "-P", "-W", "ignore", "-c", _QUESTION, address]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as asked:
        assert asked.stderr is not None
        said, end_s = b"", time.monotonic() + ASK_S
        try:
            while select.select([asked.stderr], [], [], max(0.0, end_s - time.monotonic()))[0]:
                part = os.read(asked.stderr.fileno(), 65536)
                said += part
                if not part or _REFUSED in said.decode(errors="replace").lower():
                    break
        finally:
            asked.kill()
    return _advice() if _REFUSED in said.decode(errors="replace").lower() else None


def _advice() -> str:
    mode = os.environ.get(MODE, "")
    if not has_token():
        return f"it wants a token, and this machine has none: {_GUIDE}"
    if mode.lower() != "token":
        return f"it wants a token, but {MODE}={mode} shows none: unset {MODE}"
    return f"it wants another token than the one of this machine: {_GUIDE}"


def reread_environment() -> None:
    """Have Ray read the mode and the token again, which it keeps from its first start."""
    import ray

    if knows_tokens():
        inner: Any = ray._raylet
        inner.Config.initialize("")
        inner.AuthenticationTokenLoader.instance().reset_cache()

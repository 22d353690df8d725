"""Does a cluster ask who calls? Ray's token, which its nodes and its drivers share (Ray 2.52).

A token is looked for where Ray looks: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, then
~/.ray/auth_token. Where there is one it is shown to the cluster, unless RAY_AUTH_MODE says
otherwise. See docs/cluster/README.md.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

_LOG = logging.getLogger(__name__)

MODE = "RAY_AUTH_MODE"
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
    try:
        from ray._raylet import AuthenticationTokenLoader  # noqa: F401
    except ImportError:
        return False
    return True


def show_token() -> None:
    """Have Ray show the token when it joins a cluster, or say that no one is asked for one."""
    if not knows_tokens():
        import ray

        _LOG.warning(
            "Ray %s knows no tokens: whoever reaches the cluster's ports can run code there. "
            "Install Ray 2.52 or newer on all nodes, or keep its network closed",
            ray.__version__,
        )
        return
    # On a node of the cluster a submitted job is given the mode of its cluster.
    if MODE not in os.environ and "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        if has_token():
            os.environ[MODE] = "token"
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
    """Return what to do if the cluster wants another token than it was shown; else None."""
    import ray

    kind = getattr(ray.exceptions, "AuthenticationError", None)
    text = str(error)
    is_refusal = kind is not None and isinstance(error, kind)
    if not is_refusal and not any(word in text for word in ("Unauthenticated", "UNAUTHENTICATED")):
        return None
    if has_token() and os.environ.get(MODE, "").lower() == "token":
        return f"it wants another token than this machine's: {_GUIDE}"
    if has_token():
        return f"it wants a token, and RAY_AUTH_MODE={os.environ.get(MODE)} shows none: unset it"
    return f"it wants a token, and this machine has none: {_GUIDE}"


def reread_environment() -> None:
    """Have Ray read the mode and the token again, which it keeps from its first start."""
    try:
        from ray._raylet import AuthenticationTokenLoader, Config
    except ImportError:  # a Ray without tokens
        return
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()

"""Can the Hugging Face hub be reached? Asked once, in two seconds at most.

Without an answer its client tries again for most of a minute before it looks into the cache. This
module loads neither torch nor timm: that weights are not to be had is told before these are.
"""

import functools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants

_WAIT_S = 1.5
_PORTS = {"http": 80, "https": 443}


@contextmanager
def hub_or_cache() -> Iterator[None]:
    """Let the hub's client use its cache alone while the hub cannot be reached."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not is_reachable(_server())
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def is_told_offline() -> bool:
    """Say whether only the cache is used now."""
    return bool(constants.HF_HUB_OFFLINE)


def unavailable(name: str, why: str = "") -> str:
    """Return what to do where published weights cannot be had.

    Args:
        name: of timm's model.
        why: they cannot; by default, because the hub cannot be reached.
    """
    why = why or "they are not in the cache, and the Hugging Face hub cannot be reached."
    return (
        f"the published weights of {name} cannot be had: {why} Fetch them once where there is a "
        f"network, copy the Hugging Face cache here (HF_HOME), give a folder with "
        f"{name}.safetensors as search_space.pretrained, or set search_space.pretrained=false"
    )


def is_surely_unavailable(name: str) -> bool:
    """Say whether weights are neither in a cache nor to be had from the network.

    Which file a name stands for, only timm knows; so a cache that might hold it counts as one that
    does, as one with models of others than timm.

    Args:
        name: of timm's model.
    """
    kept = [path.name for path in Path(constants.HF_HUB_CACHE).glob("models--*")]
    stem = f"models--timm--{name.partition('.')[0]}"
    if any(not k.startswith("models--timm--") or k.startswith(stem) for k in kept):
        return False
    if any(_torch_checkpoints().glob("*")):
        return False
    return bool(constants.HF_HUB_OFFLINE) or not is_reachable(_server())


def _torch_checkpoints() -> Path:
    """Return where torch keeps what timm fetches from elsewhere than the hub."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{cache}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


@functools.cache
def is_reachable(server: tuple[str, int], *, wait_s: float = _WAIT_S) -> bool:
    """Say whether a server takes connections; in a thread, since looking up its name may hang."""
    answers: list[bool] = []

    def connect() -> None:
        try:
            with socket.create_connection(server, timeout=wait_s):
                answers.append(True)
        except OSError:
            answers.append(False)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(wait_s)
    return answers == [True]


def _server() -> tuple[str, int]:
    """Return host and port of the hub, or of the proxy on the way to it."""
    hub = urlsplit(constants.ENDPOINT)
    proxy = getproxies().get(hub.scheme)
    place = urlsplit(proxy if not proxy or "//" in proxy else f"//{proxy}") if proxy else hub
    return place.hostname or "", place.port or _PORTS.get(place.scheme, 443)

"""Can the Hugging Face hub be reached? Asked once, in two seconds at most.

Without an answer its client tries again for most of a minute before it looks into the cache.
"""

import functools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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

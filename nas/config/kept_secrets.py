"""Which secrets does a command lack, because run folders do not keep them?

A record has a mask in their place. It is not handed on: what takes it would fail with other words,
or take it for the secret. The password of `storage.url` is looked for in places of its own
(`nas.study.database_url`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from nas.config.validator import join
from nas.secrets import MASK, is_masked

_ELSEWHERE = "storage"


def missing_secrets(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each plain value that holds a mask, with what to do."""
    return [
        f"{name} is missing: it is or holds a secret, and run folders keep {MASK} in its place; "
        "give it again on the command line"
        for name in _masked({k: v for k, v in values.items() if k != _ELSEWHERE}, path="")
    ]


def _masked(node: Any, *, path: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _masked(value, path=join(path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _masked(value, path=f"{path}[{index}]")
    elif isinstance(node, str) and is_masked(node):
        yield path

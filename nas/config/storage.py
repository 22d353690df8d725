"""Does `storage.url` name a database that a copy of the study can go to?"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.config.validator import show
from nas.secrets import masked_url

_DATABASES = re.compile(r"sqlite:///|(postgresql|mysql)(\+\w+)?://")
_URL_EXAMPLE = "write sqlite:///studies.db or postgresql://user@host/database"


def storage_faults(values: Mapping[str, Any]) -> list[str]:
    """Return why no study can be kept there, as far as that is known without asking."""
    node = values.get("storage")
    url = node.get("url") if isinstance(node, Mapping) else None
    if not isinstance(url, str):
        return []
    if url.rstrip("/") in ("sqlite:", "postgresql:", "mysql:", "postgresql", "mysql"):
        return [f"storage.url {show(url)} names no database; {_URL_EXAMPLE}"]
    if ":memory:" in url:
        return [f"storage.url {show(masked_url(url))} is gone with the command; {_URL_EXAMPLE}"]
    if url.startswith("sqlite:///"):
        return _sqlite_faults(url)
    if _DATABASES.match(url):
        return []
    allowed = "sqlite:///studies.db or postgresql://user@host/database"
    advice = "null keeps the study in the run folder alone"
    # What has no shape of a URL may still hold a password.
    got = masked_url(url) if "://" in url else f"{url.partition(':')[0]}:..."
    return [f"storage.url must be like {allowed}, but got {show(got)}; {advice}"]


def _sqlite_faults(url: str) -> list[str]:
    """Return why a file of SQLite cannot be there."""
    file = Path(url.removeprefix("sqlite:///").partition("?")[0])
    if not url.startswith("sqlite:///") or (file.absolute().parent.is_dir() and not file.is_dir()):
        is_odd = url.startswith("sqlite:///") and file.exists() and not file.is_file()
        return [f"storage.url {show(url)} is no ordinary file; {_URL_EXAMPLE}"] if is_odd else []
    what = "is a folder" if file.is_dir() else f"has no folder {file.absolute().parent}"
    return [f"storage.url {show(url)} {what}; {_URL_EXAMPLE}"]

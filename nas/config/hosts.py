"""Which other machines, and which files of this one, would settings connect to?"""

import ipaddress
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

_OF_RAY = ("auto", "local")
# What a URL of a database may ask for beside its host; others may name hosts and files.
_HARMLESS_FOR_FILES = frozenset({"timeout", "password"})  # SQLite ignores a password
_HARMLESS = frozenset({"charset", "sslmode", "connect_timeout", "application_name"})


def leads_to(values: Mapping[str, Any]) -> dict[str, str]:
    """Return each setting that reaches out of this machine or into a file that is no study."""
    found = {}
    address = _value(values, "execution", "address")
    if isinstance(address, str) and address not in _OF_RAY and not _is_here(_host(address)):
        found["execution.address"] = f"the cluster {address!r}"
    url = _value(values, "storage", "url")
    if isinstance(url, str) and (what := _of_database(url)):
        found["storage.url"] = what
    place = _value(values, "tracking", "place")
    if isinstance(place, str) and not _is_near(place):
        found["tracking.place"] = f"the tracker at {place!r}"
    return found


def _value(values: Mapping[str, Any], place: str, key: str) -> Any:
    node = values.get(place)
    return node.get(key) if isinstance(node, Mapping) else None


def _is_near(place: str) -> bool:
    """Say whether a tracker's place is a server of this machine, or a folder below this one."""
    scheme, has_scheme, rest = place.partition("://")
    if has_scheme and scheme not in ("file", "sqlite"):
        return _is_here(_host(place))
    rest = rest.removeprefix("/") if scheme == "sqlite" else rest
    path = Path(rest if has_scheme else place.removeprefix("file:"))
    return not path.is_absolute() and ".." not in path.parts


def _host(address: str) -> str:
    host = address.rpartition("//")[2].partition("/")[0]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _of_database(url: str) -> str | None:
    import sqlalchemy

    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return "a database by a URL that cannot be read"
    if parsed.drivername.partition("+")[0] == "sqlite":
        return _of_file(parsed.database, has_options=bool(set(parsed.query) - _HARMLESS_FOR_FILES))
    own_host = parsed.query.get("host")
    is_socket = isinstance(own_host, str) and own_host.startswith("/")
    strange = set(parsed.query) - _HARMLESS - ({"host"} if is_socket else set())
    if strange or (parsed.host and not _is_here(parsed.host)):
        return f"the database {parsed.render_as_string(hide_password=True)}"
    return None


def _of_file(name: str | None, *, has_options: bool) -> str | None:
    """Say which file a record would have written, where that is no database of studies."""
    if not name or name == ":memory:":
        return None
    if has_options or name.startswith("file:"):
        return f"the file {name} with options"
    path = Path(name)
    if path.is_file() and not path.is_symlink():
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            try:
                opened.execute("SELECT 1 FROM studies LIMIT 1")
            except sqlite3.DatabaseError:
                return f"{path.absolute()}, which is no database of studies"
            return None
    return f"{path.absolute()}, which is no database of studies"


def _is_here(host: str) -> bool:
    """Say whether a name or an address means this machine."""
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""What Linux's /proc says of processes: who descends from whom, who listens where."""

import ipaddress
import socket
import sys
from pathlib import Path

_LISTENS = "0A"


def descendants(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        children.setdefault(_parent(pid), []).append(pid)
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def with_in_environment(entry: str) -> set[int]:
    """Return the living processes that were started with this NAME=value."""
    return {pid for pid in _pids() if entry.encode() in _read(pid, "environ") and _lives(pid)}


def listening(pids: list[int]) -> dict[str, set[int]]:
    """Return IP address -> processes of these that listen there on any TCP port."""
    owner = {inode: pid for pid in pids for inode in _sockets(pid)}
    found: dict[str, set[int]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and fields[9] in owner:
                address = _address(fields[1].partition(":")[0])
                found.setdefault(address, set()).add(owner[fields[9]])
    return found


def _address(digits: str) -> str:
    """Return an address of /proc/net/tcp: groups of four bytes in the machine's order."""
    groups = [bytes.fromhex(digits[i : i + 8]) for i in range(0, len(digits), 8)]
    packed = b"".join(group[::-1] if sys.byteorder == "little" else group for group in groups)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    address = ipaddress.ip_address(socket.inet_ntop(family, packed))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _sockets(pid: int) -> set[str]:
    inodes = set()
    try:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            target = str(handle.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    except OSError:  # it ended
        pass
    return inodes


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it ended
        return b""


def _fields(pid: int) -> list[bytes]:
    return _read(pid, "stat").rpartition(b")")[2].split() or [b"Z", b"0"]


def _parent(pid: int) -> int:
    return int(_fields(pid)[1])


def _lives(pid: int) -> bool:
    return _fields(pid)[0] not in (b"Z", b"X")

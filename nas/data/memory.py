"""How much memory may a process still take?"""

import os
from pathlib import Path

_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of a container, new and old
_USED = ("memory.current", "memory/memory.usage_in_bytes")


def free_bytes() -> int:
    """Return what is free here, or within the container; what is built in where none tells."""
    within = _of_container()
    return _of_machine() if within is None else min(_of_machine(), within)


def _of_machine() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:  # no Linux
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _of_container() -> int | None:
    for limit, used in zip(_LIMITS, _USED, strict=True):
        try:
            allowed = int(Path("/sys/fs/cgroup", limit).read_text())
            return max(0, allowed - int(Path("/sys/fs/cgroup", used).read_text()))
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
    return None

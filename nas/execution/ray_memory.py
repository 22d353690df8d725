"""Whose fault is a node that ran out of memory? What Ray's memory monitor says of those it ended.

The monitor may end several workers at once, the greedy one and its neighbours (Ray 2.60). Its
message lists them with the memory that each used; the trial of the largest is to blame.
"""

import re

# "Selected to kill: (Actor(...): ..., pid=29374, actual memory used=1.75GB, worker ID=...)"
_KILLED = re.compile(r"Selected to kill: .*?pid=(\d+), actual memory used=([\d.]+)GB")


def memory_of_killed(message: str) -> dict[int, float]:
    """Return process id -> GB of memory for the workers that a monitor ended.

    Empty where the message does not say, as in other versions of Ray.
    """
    return {int(pid): float(used) for pid, used in _KILLED.findall(message)}


def is_to_blame(pid: int, message: str) -> bool:
    """Say whether no other worker that was ended with this one used more memory.

    Where the message does not say, any of these trials may be to blame.
    """
    used = memory_of_killed(message)
    return pid not in used or used[pid] >= max(used.values())

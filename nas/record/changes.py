"""What is other here than where a run ran? Line by line, for people who repeat it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nas.record.environment import Environment

_COMPARED = ("python", "platform", "cpu", "num_cpus", "cuda_visible_devices")


def changed_environment(before: Mapping[str, Any], now: Environment) -> list[str]:
    """Return a line for each difference that may change results.

    Args:
        before: what environment.json of the run says; empty if nothing is known.
        now: of this process.
    """
    if not before:
        return ["the run does not say on what it ran"]
    here = asdict(now)
    lines = [_line(name, before.get(name), here[name]) for name in _COMPARED]
    old, new = before.get("packages", {}), here["packages"]
    lines += [_line(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    lines.append(_line("accelerators", _names(before.get("devices")), _names(here["devices"])))
    lines.append(_line("commit", _commit(before.get("checkout")), _commit(here["checkout"])))
    return [line for line in lines if line]


def _line(name: str, before: object, now: object) -> str:
    if before == now:
        return ""
    was, is_now = ("absent" if value is None else value for value in (before, now))
    return f"{name} was {was} and is now {is_now}"


def _names(devices: Any) -> str:
    return ", ".join(str(device["name"]) for device in devices or ()) or "none"


def _commit(checkout: Any) -> str | None:
    if not checkout:
        return None
    return str(checkout["commit"])[:12] + (" with changes" if checkout["is_dirty"] else "")

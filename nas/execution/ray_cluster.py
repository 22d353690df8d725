"""The cluster: join it or start one, say how many trials fit, bring the user's code there."""

import contextlib
import copy
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from nas.errors import ExecutionError
from nas.execution.ray_kept import kept_ray
from nas.execution.ray_local import LocalRay, start_local_ray
from nas.execution.ray_token import shown_token

KNOCK_S = 5.0  # the longest wait for a cluster's first answer
# Waits before joining again. The process that serves a new client of Ray is forked from one that
# has threads of gRPC, and now and then ends at once (gRPC's own check fails; Ray 2.60).
JOIN_AGAIN_S = (1.0, 4.0)

# Signals whose handlers `ray.init` replaces, or may.
_REPLACED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Shares of a CPU or GPU add up with rounding errors.
_TOLERANCE = 1e-6
# Of the user's packages code and settings travel, not the weights and data beside them. (A list of
# what to take, by negation, would make Ray leave out everything.)
_HEAVY = (
    *("*.safetensors", "*.pt", "*.pth", "*.ckpt", "*.bin", "*.onnx", "*.pte", "*.pkl", "*.h5"),
    *("*.npy", "*.npz", "*.parquet", "*.csv", "*.arrow", "*.zip", "*.gz", "*.tar", "*.tgz"),
    *("*.png", "*.jpg", "*.jpeg", "*.mp4", "*.journal", "*.db"),
)


@dataclass(frozen=True)
class RaySettings:
    """What to ask of Ray.

    Attributes:
        address: a running cluster ("auto" or host:port), or None for a local Ray of our own.
        num_workers: trials that run at once; None for as many as the resources allow at any time.
        cpus_per_trial: cores that a trial reserves, and its number of threads.
        gpus_per_trial: GPUs that a trial reserves; fractions share one.
        resources: custom resources that a trial reserves.
        start_timeout_s: how long to wait for a node that could hold a worker.
    """

    address: str | None = None
    num_workers: int | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)
    start_timeout_s: float = 120.0

    @property
    def needs(self) -> dict[str, float]:
        """Resource -> amount that a trial reserves, under Ray's names."""
        asked = {"CPU": self.cpus_per_trial, "GPU": self.gpus_per_trial, **self.resources}
        return {name: float(amount) for name, amount in asked.items() if amount > 0}

    def describe_needs(self) -> str:
        """Return the needs for people."""
        return ", ".join(f"{name} {amount:g}" for name, amount in self.needs.items())


def require_ray() -> None:
    """Import Ray.

    Raises:
        ExecutionError: something that it imports fails.
    """
    try:
        import_module("ray")
    except Exception as error:
        hint = (
            "; the package amdsmi fails without AMD's library: pip uninstall amdsmi"
            if "amd_smi" in str(error)
            else ""
        )
        raise ExecutionError(
            f"Ray cannot be imported: {type(error).__name__}: {error}{hint}; "
            "execution=inline needs no Ray"
        ) from error


def connect(
    settings: RaySettings, environment: Mapping[str, str] | None = None
) -> LocalRay | None:
    """Join the cluster, or start a local Ray; return the latter, where it is ours.

    Args:
        settings: what to ask of Ray.
        environment: environment variables of the workers of a local Ray.

    Raises:
        ExecutionError: no cluster answers, or Ray cannot start here.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Otherwise workers without a share of a GPU see all of them (Ray 2.5x).
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    import ray

    kept = kept_ray()
    if ray.is_initialized():
        return None if kept is None else kept.local
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = settings.address or os.environ.get("RAY_ADDRESS")
    with _own_handlers():
        if address is not None:
            _join(address, options)
            return None
        local = start_local_ray(options, environment=environment or {})
    if kept is not None:
        kept.local = local
    return local


@contextlib.contextmanager
def _own_handlers() -> Iterator[None]:
    """Keep the handlers of signals, which `ray.init` replaces; SIGTERM is Ctrl-C meanwhile.

    Workers are waited for after that, for seconds, and a signal must end the command in order.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in _REPLACED}
    try:
        yield
    except SystemExit as error:  # Ray's answer to SIGTERM
        raise KeyboardInterrupt from error
    finally:
        for number, handler in previous.items():
            if handler is not None:  # None: it was not set by Python
                signal.signal(number, handler)


def runtime_env(
    environment: Mapping[str, str], *, local: LocalRay | None
) -> dict[str, Any] | None:
    """Return what gives workers their environment variables; None where Ray's usual ones do.

    Those of a local Ray have its own. For others Ray needs an agent of its, which starts slowly.
    """
    has_them = not environment or (local is not None and local.environment == environment)
    return None if has_them else {"env_vars": dict(environment)}


def _join(address: str, options: dict[str, Any]) -> None:
    import ray

    modules = users_modules()
    # A submitted job has its working folder on every node already.
    if modules and "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        options["runtime_env"] = {"py_modules": modules, "excludes": list(_HEAVY)}
    try:
        _knock(address)
        with _told_of(address), shown_token(address):
            for wait_s in JOIN_AGAIN_S:
                try:
                    ray.init(address=address, **copy.deepcopy(options))  # Ray changes them
                    return
                except ConnectionAbortedError:
                    time.sleep(wait_s)
            ray.init(address=address, **options)
    except ExecutionError:
        raise
    except Exception as error:  # where a node starts too slowly Ray raises a plain Exception
        raise ExecutionError(_unreachable(address, error)) from error


@contextlib.contextmanager
def _told_of(address: str) -> Iterator[None]:
    try:
        yield
    except ExecutionError as error:
        raise ExecutionError(
            f"the Ray cluster at execution.address={address} cannot be joined: {error}"
        ) from error


def _unreachable(address: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return (
        f"no Ray cluster answers at execution.address={address} ({lines[0]}); start one with "
        "'ray start --head', give its host:port, or leave execution.address out for a local Ray"
    )


def users_modules() -> list[str]:
    """Return the files and folders of modules that lie in the launch folder: the user's own code.

    What is installed is taken to be installed on every node, and so is `nas`.
    """
    launch = Path.cwd().resolve()
    places = (
        _place(module)
        for name, module in list(sys.modules.items())
        if "." not in name and not name.startswith("_") and name not in ("nas", "search_spaces")
    )
    return sorted({str(place) for place in places if place and _lies_in(place, launch)})


def _place(module: ModuleType) -> Path | None:
    paths = list(getattr(module, "__path__", None) or ())
    if paths:
        return Path(paths[0])
    file = getattr(module, "__file__", None)
    return None if file is None or not file.endswith(".py") else Path(file)


def _lies_in(place: Path, folder: Path) -> bool:
    parts = place.resolve().parts
    is_installed = {"site-packages", "dist-packages"} & set(parts)
    return not is_installed and parts[: len(folder.parts)] == folder.parts


def import_paths() -> list[str]:
    """Return where this process finds modules, the launch folder last."""
    return [*(path for path in sys.path if path), str(Path.cwd())]


def num_fitting(settings: RaySettings) -> int:
    """Return how many trials fit on the living nodes, whoever uses them now."""
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    return sum(fitting_on(node["Resources"], settings.needs) for node in nodes)


def fitting_on(have: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """Return how many trials fit on one node.

    A share of a GPU cannot be put together from two GPUs: with 0.4 each, two GPUs hold four.

    >>> fitting_on({"CPU": 8.0, "GPU": 2.0}, {"CPU": 1.0, "GPU": 0.4})
    4
    """
    if not needs:
        return int(have.get("CPU", 1.0))
    fits = []
    for name, need in needs.items():
        offered = have.get(name, 0.0)
        if name == "GPU" and need < 1:
            fits.append(int(offered + _TOLERANCE) * int(1 / need + _TOLERANCE))
        else:
            fits.append(int(offered / need + _TOLERANCE))
    return min(fits)


def offer(settings: RaySettings) -> str:
    """Return for people what the living nodes have of what a trial needs."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    lines = [
        ", ".join(f"{name} {node.get(name, 0.0):g}" for name in settings.needs) for node in nodes
    ]
    return "; ".join(f"node {i}: {line}" for i, line in enumerate(lines, start=1)) or "no node"


def num_idle_gpus(settings: RaySettings) -> int:
    """Return the GPUs of the living nodes if trials ask for none; 0 if they ask for some."""
    import ray

    if settings.gpus_per_trial > 0:
        return 0
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return int(sum(node.get("GPU", 0.0) for node in nodes))


def living_nodes() -> set[str]:
    """Return the ids of the nodes that are alive as far as the head knows."""
    import ray

    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


def _knock(address: str) -> None:
    """Make sure that something listens at host:port; Ray itself would try for two minutes.

    Raises:
        ConnectionError: nothing does.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()
    except OSError as error:
        raise ConnectionError(f"nothing listens there: {error}") from error

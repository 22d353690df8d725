"""On what did a run run? Versions, machine, devices, commit and command line, kept as JSON.

Nothing is imported to be asked for its version, and CUDA is asked through `nvidia-smi`: a driver
process that opened a CUDA context itself would hold memory that its workers need.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nas.errors import RunFolderError
from nas.files import write_text
from nas.record.aside import set_aside
from nas.record.reading import is_there, read_json
from nas.secrets import masked_words

PACKAGES = (
    "nas",
    "torch",
    "torchvision",
    "timm",
    "optuna",
    "ray",
    "hydra-core",
    "numpy",
    "scipy",
    "moocore",
    "scikit-learn",
    "pyarrow",
)
_COMMAND_LIMIT_S = 10.0  # a network file system or a sleeping GPU may make git or nvidia-smi wait


@dataclass(frozen=True)
class Device:
    """An accelerator.

    Attributes:
        name: as its driver calls it.
        memory_bytes: all of its memory; 0 where the driver does not say.
        driver: version of the driver.
    """

    name: str
    memory_bytes: int
    driver: str


@dataclass(frozen=True)
class Checkout:
    """The git state of the folder that a command was started in.

    Attributes:
        commit: full hash; empty before the first commit.
        is_dirty: tracked files differ from the commit, or untracked ones are there.
        diff_bytes: size of the difference to the commit, of tracked files.
        num_untracked: files that git neither tracks nor ignores.
    """

    commit: str
    is_dirty: bool
    diff_bytes: int
    num_untracked: int


@dataclass(frozen=True)
class Environment:
    """What one command ran on.

    Attributes:
        started: time in UTC, ISO 8601.
        command: the command line, word by word, without passwords.
        launch_folder: where it was started.
        python: version of the interpreter.
        packages: package -> version; absent where it is not installed.
        platform: operating system and architecture.
        host: name of the machine.
        cpu: model of the processor.
        num_cpus: logical processors that this process may use.
        memory_bytes: memory of the machine, or of the container where that is less.
        devices: the accelerators; `CUDA_VISIBLE_DEVICES` is not applied.
        cuda_visible_devices: that variable, or None where it is not set.
        checkout: git state, or None where the launch folder is no checkout.
    """

    started: str
    command: tuple[str, ...]
    launch_folder: str
    python: str
    packages: dict[str, str]
    platform: str
    host: str
    cpu: str
    num_cpus: int
    memory_bytes: int
    devices: tuple[Device, ...]
    cuda_visible_devices: str | None
    checkout: Checkout | None


def collect_environment(
    *, command: Sequence[str] | None = None, launch_folder: Path | None = None
) -> Environment:
    """Look at this process and this machine.

    Args:
        command: the command line; that of this process by default.
        launch_folder: where it was started; the working folder by default.
    """
    folder = launch_folder if launch_folder is not None else Path.cwd()
    return Environment(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=masked_words(sys.argv if command is None else command),
        launch_folder=str(folder),
        python=platform.python_version(),
        packages=versions_of(PACKAGES),
        platform=platform.platform(),
        host=platform.node(),
        cpu=_cpu_model(),
        num_cpus=_num_cpus(),
        memory_bytes=_memory_bytes(),
        devices=find_devices(),
        cuda_visible_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
        checkout=find_checkout(folder),
    )


def write_environment(path: Path, environment: Environment) -> None:
    """Write `environment` as JSON; where the file is there already, append it to `resumes`.

    So the file says on what the run began, and on what each later command went on with it. A
    broken one is moved aside.
    """
    entry = asdict(environment)
    first = read_environment(path)
    if not first and is_there(path):
        set_aside(path)
    content = first | {"resumes": [*first["resumes"], entry]} if first else entry | {"resumes": []}
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_environment(path: Path) -> dict[str, Any]:
    """Return what `write_environment` wrote; empty where the file is absent or broken."""
    try:
        content = read_json(path, remedy="nas repair moves it aside")
    except RunFolderError:
        return {}
    if not _is_whole(content):
        return {}
    resumes = [_without_secrets(entry) for entry in content["resumes"]]
    return {**_without_secrets(content), "resumes": resumes}


def _without_secrets(entry: Any) -> Any:
    """Return what one command ran on; earlier versions kept passwords in its words."""
    words = entry.get("command") if isinstance(entry, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return entry
    return {**entry, "command": list(masked_words(words))}


def _is_whole(content: object) -> bool:
    """Say whether a text is one that `write_environment` wrote."""
    if not isinstance(content, dict) or not isinstance(content.get("resumes"), list):
        return False
    devices, checkout = content.get("devices"), content.get("checkout")
    if not isinstance(devices, list) or not isinstance(checkout, dict | None):
        return False
    sizes = [content.get("memory_bytes", 0), (checkout or {}).get("diff_bytes", 0)]
    return (
        isinstance(content.get("packages"), dict)
        and all(isinstance(entry, dict) for entry in content["resumes"])
        and all(isinstance(device, dict) and "name" in device for device in devices)
        and (not checkout or {"commit", "is_dirty"} <= set(checkout))
        and all(isinstance(size, int | float) for size in sizes)
    )


def find_devices() -> tuple[Device, ...]:
    """Return the machine's CUDA devices; empty without `nvidia-smi`."""
    query = "--query-gpu=name,memory.total,driver_version"
    return parse_devices(_output("nvidia-smi", query, "--format=csv,noheader,nounits") or "")


def num_visible_gpus() -> int:
    """Return how many of the machine's CUDA devices this process may use."""
    return count_visible(len(find_devices()), os.environ.get("CUDA_VISIBLE_DEVICES"))


def count_visible(number: int, visible: str | None) -> int:
    """Return how many of so many devices `CUDA_VISIBLE_DEVICES` shows; None where it is not set.

    CUDA reads its names, numbers or identifiers, up to the first that is no device.

    >>> count_visible(8, None), count_visible(8, "0,3"), count_visible(8, "2,-1,3")
    (8, 2, 1)
    >>> count_visible(8, ""), count_visible(8, "GPU-8932f937"), count_visible(1, "0,1")
    (0, 1, 1)
    """
    if visible is None:
        return number
    shown = 0
    for name in map(str.strip, visible.split(",")):
        is_none = not name or name.startswith("-") or (name.isdecimal() and int(name) >= number)
        if is_none:
            break
        shown += 1
    return min(shown, number)


def parse_devices(text: str) -> tuple[Device, ...]:
    """Read lines of name, memory in MiB, driver version.

    >>> parse_devices("NVIDIA H200, 143771, 570.86.15")
    (Device(name='NVIDIA H200', memory_bytes=150754820096, driver='570.86.15'),)
    """
    devices = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 3:
            mebibytes = int(fields[1]) if fields[1].isdigit() else 0  # "[N/A]" on shared memory
            devices.append(Device(fields[0], mebibytes * 2**20, fields[2]))
    return tuple(devices)


def find_checkout(folder: Path) -> Checkout | None:
    """Return the git state of `folder`, or None where it is no checkout or git is absent."""
    inside = _output("git", "rev-parse", "--is-inside-work-tree", folder=folder)
    if inside is None or inside.strip() != "true":
        return None
    commit = _output("git", "rev-parse", "--verify", "--quiet", "HEAD", folder=folder)
    status = _output("git", "status", "--porcelain", folder=folder) or ""
    diff = _output("git", "diff", "HEAD", "--binary", folder=folder) or ""
    return Checkout(
        commit=(commit or "").strip(),
        is_dirty=bool(status.strip()),
        diff_bytes=len(diff.encode(errors="surrogateescape")),
        num_untracked=sum(line.startswith("??") for line in status.splitlines()),
    )


def _output(program: str, *arguments: str, folder: Path | None = None) -> str | None:
    """Return what a program prints, or None where it is absent, fails or takes too long."""
    if shutil.which(program) is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments],
            cwd=folder,
            capture_output=True,
            timeout=_COMMAND_LIMIT_S,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout.decode(errors="surrogateescape")


def versions_of(packages: Sequence[str]) -> dict[str, str]:
    """Return package -> version of those that are installed."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _num_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        container = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return machine
    return min(machine, int(container)) if container.isdigit() else machine

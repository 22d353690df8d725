"""Measure the networks of this folder on this device, and write measured.csv.

    python measure.py                 one thread, every network in turns
    python measure.py --threads 1,4   each network with 1 and with 4 threads
    python measure.py --help

It needs Python 3.8 or later and ONNX Runtime (pip install onnxruntime), nothing else. The networks
take turns, in a new order each round, so that a device that warms up or is busy for a moment slows
all of them and not one. Calls at the begin of each turn do not count. A network whose turns differ
by too much gets further turns, and is marked as noisy if that does not help.

Close other programs, plug the device in, and leave it alone while this runs.
"""

from __future__ import annotations

import argparse
import csv
import glob
import hashlib
import json
import os
import platform
import random
import subprocess
import sys
import time
from typing import Any, Callable

FIELDS = [
    *("network", "sha256", "threads", "latency_ms", "low_ms", "high_ms", "fastest_ms"),
    *("turns", "calls", "noisy", "peak_memory_bytes", "energy_j", "temperature_c", "clock_mhz"),
    *("runtime", "machine", "system", "python", "measured_at"),
]
WARM_UP_CALLS = 3  # the first calls choose kernels and take memory
MIN_CALLS, MAX_CALLS = 5, 500  # of a turn
NOISY = 0.05  # the middle half of the turns spans more than this share of their median
SLOWED = 1.05  # later turns take this much longer than earlier ones
RAPL = "/sys/class/powercap/intel-rapl:*/energy_uj"  # joules of the processor; often root only
CLOCKS = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq"


def main() -> int:
    """Measure all networks of the folder."""
    options = read_options()
    if options.peak:
        say(json.dumps(peak_of(options.peak, options.threads[0])))
        return 0
    paths = sorted(glob.glob(os.path.join(options.folder, "networks", "*.onnx")))
    out = os.path.join(options.folder, options.out)
    problem = what_is_missing(paths, out, options)
    if problem:
        say(problem)
        return 2
    paths = [path for path in paths if can_run(path)]
    if not paths:
        return 2
    rows = []
    for threads in options.threads:
        say("%d networks, %d thread(s)" % (len(paths), threads))
        rows += measure_all(paths, threads, options)
    write(rows, out)
    return 0


def what_is_missing(paths: list[str], out: str, options: argparse.Namespace) -> str:
    """Return why nothing can be measured, before an hour is spent on it; or ""."""
    if not paths:
        return "there are no networks/*.onnx in %s; name the folder: --folder DIR" % options.folder
    try:
        import onnxruntime  # type: ignore[import-untyped] # noqa: F401
    except ImportError as error:
        return "ONNX Runtime is missing (%s): pip install onnxruntime" % error
    try:
        with open(out + ".part", "w"):
            pass
        os.remove(out + ".part")
    except OSError as error:
        return "%s cannot be written (%s); name another file: --out FILE" % (out, error)
    return ""


def can_run(path: str) -> bool:
    """Say whether a network runs here; tell why where it does not."""
    try:
        session_of(path, 1)()
    except Exception as error:  # noqa: BLE001 - whatever the runtime raises
        first = (str(error) or type(error).__name__).splitlines()[0]
        say("%s is left out, it does not run here: %s" % (os.path.basename(path), first[:300]))
        return False
    return True


def read_options() -> argparse.Namespace:
    """Return what the command line says."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--folder", default=here, help="with networks/; default: that of this file"
    )
    parser.add_argument("--threads", default="1", type=whole_numbers, help="such as 1 or 1,4")
    parser.add_argument(
        "--turns", default=9, type=whole_number, help="of each network, at least; default 9"
    )
    parser.add_argument(
        "--most-turns", default=21, type=whole_number, help="of a noisy one; default 21"
    )
    parser.add_argument("--seconds", default=0.1, type=float, help="of a turn; default 0.1")
    parser.add_argument("--out", default="measured.csv", help="file to write, in the folder")
    parser.add_argument("--peak", default="", help=argparse.SUPPRESS)  # used by this script itself
    return parser.parse_args()


def whole_number(text: str) -> int:
    """Return a whole number from 1 on."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("%r is no whole number from 1 on" % text)
    return int(text)


def whole_numbers(text: str) -> list[int]:
    """Return the numbers of a list such as 1,4."""
    return [whole_number(part.strip()) for part in text.split(",")]


def measure_all(
    paths: list[str], threads: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Return the rows of all networks; they take turns in a new order each round."""
    turns: dict[str, list[dict[str, Any]]] = {path: [] for path in paths}
    order = random.Random(0)
    for number in range(max(options.turns, options.most_turns)):
        open_ones = [p for p in paths if number < options.turns or spread_of(turns[p]) > NOISY]
        order.shuffle(open_ones)
        for place, path in enumerate(open_ones):
            turns[path].append(take_turn(path, threads, options.seconds))
            say("\rround %d: %d of %d   " % (number + 1, place + 1, len(open_ones)), end="")
        if not open_ones:
            break
    say("")
    warn_if_slowed(turns)
    return [row_of(path, threads, turns[path]) for path in paths]


def take_turn(path: str, threads: int, seconds: float) -> dict[str, Any]:
    """Return what a few calls of one network took."""
    call = session_of(path, threads)
    for _ in range(WARM_UP_CALLS):
        call()
    times: list[float] = []
    joules = energy_j()
    while len(times) < MIN_CALLS or (sum(times) < seconds and len(times) < MAX_CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    used = energy_j()
    spent = None if joules is None or used is None or used <= joules else used - joules
    return {
        "ms": 1000 * median(times),
        "calls": len(times),
        "energy_j": None if spent is None else spent / len(times),
        "temperature_c": temperature_c(),
        "clock_mhz": clock_mhz(),
    }


def session_of(path: str, threads: int) -> Callable[[], object]:
    """Return what runs a network once on random numbers."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    shape = [size if isinstance(size, int) and size > 0 else 1 for size in given.shape]
    images = numpy.random.RandomState(0).rand(*shape).astype(numpy.float32)
    return lambda: session.run(None, {given.name: images})


def row_of(path: str, threads: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of a network."""
    import onnxruntime

    times = sorted(turn["ms"] for turn in turns)
    is_noisy = spread_of(turns) > NOISY
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return {
        "network": os.path.splitext(os.path.basename(path))[0],
        "sha256": digest,
        "threads": threads,
        "latency_ms": "%.6g" % median(times),
        "low_ms": "%.6g" % quantile(times, 0.25),
        "high_ms": "%.6g" % quantile(times, 0.75),
        "fastest_ms": "%.6g" % times[0],
        "turns": len(turns),
        "calls": sum(turn["calls"] for turn in turns),
        "noisy": "yes" if is_noisy else "no",
        "peak_memory_bytes": peak_memory_bytes(path, threads),
        "energy_j": number_or_nothing([turn["energy_j"] for turn in turns], median, "%.6g"),
        "temperature_c": number_or_nothing([turn["temperature_c"] for turn in turns], max, "%.1f"),
        "clock_mhz": number_or_nothing([turn["clock_mhz"] for turn in turns], min, "%.0f"),
        "runtime": "onnxruntime %s" % onnxruntime.__version__,
        "machine": machine(),
        "system": "%s %s" % (platform.system(), platform.release()),
        "python": platform.python_version(),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def warn_if_slowed(turns: dict[str, list[dict[str, Any]]]) -> None:
    """Say so where all networks together became slower: a hot device, or other work on it."""
    ratios = []
    for found in turns.values():
        half = len(found) // 2
        if half:
            early = median([turn["ms"] for turn in found[:half]])
            ratios.append(median([turn["ms"] for turn in found[half:]]) / early)
    if ratios and median(ratios) > SLOWED:
        say(
            "the device became %.0f %% slower while it was measured: let it cool down, close "
            "other programs, and measure again" % (100 * (median(ratios) - 1))
        )


def peak_memory_bytes(path: str, threads: int) -> object:
    """Return by how much loading and running a network raises a new process's memory, or ""."""
    words = [sys.executable, os.path.abspath(__file__), "--peak", path, "--threads", str(threads)]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout.decode())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return ""
    return "" if found is None else found


def peak_of(path: str, threads: int) -> int | None:
    """Return by how much this process's memory grows by one network."""
    import numpy  # noqa: F401 - what importing takes does not count
    import onnxruntime  # noqa: F401

    before = highest_memory()
    session_of(path, threads)()
    after = highest_memory()
    return None if before is None or after is None else after - before


def highest_memory() -> int | None:
    """Return the peak of this process so far; None where only other systems than Linux tell."""
    try:
        with open("/proc/self/status") as status:
            return 1024 * next(int(line.split()[1]) for line in status if "VmHWM" in line)
    except (OSError, StopIteration):
        return None


def energy_j() -> float | None:
    """Return what the processor's meter shows; None where there is none or it may not be read."""
    found = [read_number(path) for path in glob.glob(RAPL)]
    known = [number for number in found if number is not None]
    return 1e-6 * sum(known) if known and len(known) == len(found) else None


def temperature_c() -> float | None:
    """Return the hottest place that the system tells of."""
    zones = glob.glob("/sys/class/thermal/thermal_zone*/temp")
    found = [number for number in map(read_number, zones) if number is not None]
    return max(found) / 1000 if found else None


def clock_mhz() -> float | None:
    """Return the clock of the quickest core at the moment."""
    found = [number for number in map(read_number, glob.glob(CLOCKS)) if number is not None]
    return max(found) / 1000 if found else None


def read_number(path: str) -> float | None:
    """Return the number in a file of the system; None where it cannot be read."""
    try:
        with open(path) as file:
            return float(file.read())
    except (OSError, ValueError):
        return None


def machine() -> str:
    """Return what the device is called."""
    for path in ("/proc/device-tree/model", "/sys/firmware/devicetree/base/model"):
        try:
            with open(path) as file:
                return file.read().strip("\0\n ")
        except OSError:
            pass
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return "%s %s" % (platform.machine(), names[0]) if names else platform.machine()


def spread_of(turns: list[dict[str, Any]]) -> float:
    """Return what the middle half of the turns spans, as a share of their median."""
    times = sorted(turn["ms"] for turn in turns)
    return (quantile(times, 0.75) - quantile(times, 0.25)) / median(times)


def median(values: list[float]) -> float:
    """Return the middle value."""
    return quantile(sorted(values), 0.5)


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which a share of ordered values lies."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def number_or_nothing(
    values: list[float | None], function: Callable[[list[float]], float], shown: str
) -> str:
    """Return a number of those that are known, as text; nothing where none is."""
    known = [value for value in values if value is not None]
    return shown % function(known) if known else ""


def write(rows: list[dict[str, Any]], path: str) -> None:
    """Write the table, whole or not at all."""
    with open(path + ".part", "w", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        table.writerows(rows)
    os.replace(path + ".part", path)
    noisy = [row["network"] for row in rows if row["noisy"] == "yes"]
    say("%s: %d rows, %d of them noisy" % (path, len(rows), len(noisy)))


def say(text: str, end: str = "\n") -> None:
    """Tell of the progress."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

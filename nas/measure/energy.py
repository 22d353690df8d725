"""How much energy does a stretch of work take, where a meter can be read?

Meters: RAPL, the counters of Intel and AMD processors (Linux shows them as files, to root alone on
many systems); NVML, those of NVIDIA GPUs since Volta; and what the package zeus reads beside
these, Apple silicon, Jetson and AMD GPUs. All count for the whole machine, idle power and other
people's work included. Nothing is estimated from data sheets: where
no meter can be read there is no number, and the reason is said.
"""

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

RAPL_FOLDER = Path("/sys/class/powercap")
_J_PER_KWH = 3.6e6
_APPLE_PARTS = ("cpu_total_mj", "dram_mj", "gpu_mj", "gpu_sram_mj", "ane_mj")


@dataclass(frozen=True)
class Meter:
    """A counter of energy that only rises, but for starting again at `wraps_at`.

    Attributes:
        name: what it counts, for people.
        read_joules: returns the count.
        wraps_at: joules at which the count starts again; infinite if it does not.
    """

    name: str
    read_joules: Callable[[], float]
    wraps_at: float = math.inf

    def between(self, before_joules: float, now_joules: float) -> float:
        """Return the joules between two counts; right if it wrapped once at most.

        A counter that should not wrap and fell was set to 0, as a new driver does.
        """
        used = now_joules - before_joules
        if used >= 0:
            return used
        return used + self.wraps_at if math.isfinite(self.wraps_at) else now_joules


@dataclass(frozen=True)
class EnergyUse:
    """What a stretch of work took.

    Attributes:
        joules: of all meters; NaN where none can be read.
        seconds: wall time.
        meters: their names; empty where none can be read.
        why_unknown: why there is no number; empty if there is one.
    """

    joules: float = math.nan
    seconds: float = 0.0
    meters: tuple[str, ...] = ()
    why_unknown: str = ""

    @property
    def kwh(self) -> float:
        """Kilowatt hours; NaN where no meter can be read."""
        return self.joules / _J_PER_KWH

    def carbon_g(self, *, grid_g_per_kwh: float) -> float:
        """Return grams of CO2 equivalent for a grid's intensity, which the user states."""
        return self.kwh * grid_g_per_kwh

    def describe(self, *, grid_g_per_kwh: float | None = None) -> str:
        """Return one sentence for people."""
        if math.isnan(self.joules):
            return f"Energy is not known: {self.why_unknown}."
        carbon = ""
        if grid_g_per_kwh is not None:
            grams = self.carbon_g(grid_g_per_kwh=grid_g_per_kwh)
            carbon = f", {grams:.3g} g of CO2 at {grid_g_per_kwh:g} g a kWh"
        return (
            f"{self.joules:,.0f} J ({self.kwh:.3g} kWh){carbon} in {self.seconds:,.0f} s, of the "
            f"whole machine by {' and '.join(self.meters)}."
        )


@dataclass(frozen=True)
class Meters:
    """The meters of this machine.

    Attributes:
        readable: those that can be read now.
        why_none: for each kind of meter that cannot, why.
    """

    readable: tuple[Meter, ...] = ()
    why_none: tuple[str, ...] = field(default=())


def find_meters(rapl_folder: Path = RAPL_FOLDER) -> Meters:
    """Look for meters that can be read."""
    found, reasons = _rapl_meters(rapl_folder)
    gpus, gpu_reasons = _gpu_meters()
    others, other_reasons = _zeus_meters()
    return Meters((*found, *gpus, *others), (*reasons, *gpu_reasons, *other_reasons))


class EnergyWatch:
    """Adds up what meters count from now on.

    A counter that starts again is followed if it is read once in each of its rounds; those of
    processors take minutes. Not to be asked from two threads at once.

    Args:
        meters: what to read; those that `find_meters` finds by default.
    """

    def __init__(self, meters: Meters | None = None) -> None:
        self._meters = find_meters() if meters is None else meters
        self._started_s = time.monotonic()
        self._counts = [meter.read_joules() for meter in self._meters.readable]
        self._joules = 0.0

    def so_far(self) -> EnergyUse:
        """Return what was used since the start."""
        for index, meter in enumerate(self._meters.readable):
            count = meter.read_joules()
            self._joules += meter.between(self._counts[index], count)
            self._counts[index] = count
        names = tuple(meter.name for meter in self._meters.readable)
        return EnergyUse(
            joules=self._joules if names else math.nan,
            seconds=time.monotonic() - self._started_s,
            meters=names,
            why_unknown="" if names else "; ".join(self._meters.why_none),
        )


def _rapl_meters(folder: Path) -> tuple[list[Meter], list[str]]:
    # intel-rapl:0 is a whole package; intel-rapl:0:0 and the like are parts of it.
    packages = sorted(p for p in folder.glob("intel-rapl:*") if p.name.count(":") == 1)
    if not packages:
        return [], [f"no processor counters in {folder}"]
    meters, reasons = [], []
    for package in packages:
        try:
            name = (package / "name").read_text().strip()
            _read_microjoules(package / "energy_uj")
            wraps_at = _read_microjoules(package / "max_energy_range_uj")
        except OSError as error:
            reasons.append(f"{package}: {error.strerror}")
            continue
        read = partial(_read_microjoules, package / "energy_uj")
        meters.append(Meter(f"RAPL {name}", read, wraps_at))
    return meters, reasons


def _read_microjoules(path: Path) -> float:
    return int(path.read_text()) / 1e6


def _gpu_meters() -> tuple[list[Meter], list[str]]:
    try:
        nvml = import_module("pynvml")
    except ImportError:
        return [], ["no GPU counters without the package nvidia-ml-py"]
    try:
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        for handle in handles:
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError as error:
        return [], [f"NVML: {error}"]

    def reader(handle: object) -> Callable[[], float]:
        return lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000.0

    return [Meter(f"NVML GPU {i}", reader(h)) for i, h in enumerate(handles)], []


def _zeus_meters() -> tuple[list[Meter], list[str]]:
    """Look for what zeus alone can read; it says so by exceptions of its own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            device = import_module("zeus.device")
            problem = import_module("zeus.device.exception").ZeusBaseSoCError
            amd = import_module("zeus.device.gpu.amd")
    except ImportError:
        return [], ["no counters of other chips without the package zeus"]
    found, reasons = [], []
    try:
        soc = device.get_soc()
        found.append(Meter(type(soc).__name__, lambda: _soc_joules(soc)))
    except problem as error:
        reasons.append(f"zeus: {error}")
    if amd.amdsmi_is_available():
        gpus = device.get_gpus().gpus
        found += [
            Meter(f"AMD GPU {index}", partial(_gpu_joules, gpu))
            for index, gpu in enumerate(gpus)
            if gpu.supports_get_total_energy_consumption()
        ]
    return found, reasons


def _soc_joules(soc: Any) -> float:
    """Return the joules of a whole chip: its total, or else the sum of its parts."""
    counted = soc.get_total_energy_consumption()
    total = getattr(counted, "total_energy_mj", None)
    if total is None:
        parts = (getattr(counted, name, None) for name in _APPLE_PARTS)
        total = sum(part for part in parts if part is not None)
    return float(total) / 1000.0


def _gpu_joules(gpu: Any) -> float:
    return float(gpu.get_total_energy_consumption()) / 1000.0

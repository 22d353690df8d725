"""`nas device`: models of devices that are not at hand, from a few networks measured there."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from nas.cli.command import Command
from nas.cli.command_of_devices import DEVICE
from nas.cli.flags import parse_flags, parse_list, parse_settings, take_bare
from nas.cli.terminal import make_console
from nas.config.launch import open_launch_folder
from nas.device.places import (
    DEVICE_JSON,
    DEVICES,
    MEASURE_PY,
    MEASURED_CSV,
    NETWORKS_JSON,
    checked_device_name,
    device_folder,
    find_device,
    known_devices,
)
from nas.errors import ConfigError
from nas.exit_status import ExitStatus
from nas.files import write_bytes

if TYPE_CHECKING:
    from nas.device.device import KnownDevice
    from nas.device.measured import Measurements

_SEED = 0
_NUM_SHOWN = 5


def new(words: Sequence[str]) -> int:
    """Write the folder that travels to a device."""
    action = _action("new")
    flags = parse_flags(words, action)
    (name,), others = take_bare(flags.overrides, action)
    folder = device_folder(name)
    numbers = [word for word in others if word.startswith("networks=")]
    overrides = tuple(word for word in others if word not in numbers)
    open_launch_folder()
    from nas.assemble.device_networks import MAX_NETWORKS, NUM_NETWORKS, make_device_folder
    from nas.config.source import ConfigSource
    from nas.device.measured import MIN_NETWORKS

    number = NUM_NETWORKS
    if numbers:
        number = _whole(numbers[-1], least=MIN_NETWORKS, most=MAX_NETWORKS)
    console = make_console()
    with console.status("drawing networks") as status:
        made = make_device_folder(
            ConfigSource(config_dir=flags.config_dir, overrides=overrides),
            folder,
            number=number,
            seed=_SEED,
            say=status.update,
        )
    print(f"{folder}: {made} networks and {MEASURE_PY}")
    print(f"copy it to the device and run there: python {MEASURE_PY}")
    print(f"then bring {MEASURED_CSV} back: nas device fit {name} {MEASURED_CSV}")
    return ExitStatus.DONE


def fit(words: Sequence[str]) -> int:
    """Learn from what was measured on a device."""
    action = _action("fit")
    (name, table), others = take_bare(words, action)
    settings = parse_settings(others, action)
    checked_device_name(name)
    starts = [find_device(other) for other in parse_list(settings.get("from", ""))]
    from nas.device.device import read_device, write_device
    from nas.device.fitting import fit_device
    from nas.device.measured import read_origin

    measured = _measured(name, Path(table), settings)
    space, input_shape = read_origin(_networks_of(name, Path(table)))
    device = fit_device(
        name,
        measured,
        start_from=[read_device(path) for path in starts],
        space=space,
        input_shape=input_shape,
    )
    folder = device_folder(name)
    kept = folder / MEASURED_CSV
    if not (kept.is_file() and kept.samefile(table)):
        write_bytes(kept, Path(table).read_bytes())
    write_device(device, folder / DEVICE_JSON)
    _say_measured(measured)
    _say_times(device, measured)
    _print_errors(device)
    print(f"{folder / DEVICE_JSON}; search with 'objectives=[accuracy,latency_ms@{name}]'")
    return ExitStatus.DONE


def show_all(words: Sequence[str]) -> int:
    """List the devices that have a model."""
    take_bare(words, _action("list"))
    names = known_devices()
    if not names:
        print(f"no device has a model in {DEVICES.absolute()}; make one with nas device new NAME")
        return ExitStatus.DONE
    from nas.device.device import OURS, read_device

    table = _table(
        "device", "predicts", "networks", "median error", "within 10 %", "measured with"
    )
    for name in names:
        device = read_device(find_device(name))
        for metric, errors in device.errors.items():
            ours = errors[OURS]
            table.add_row(
                name,
                metric,
                str(len(device.models[metric].times)),
                f"{ours.median_error:.1%}",
                f"{ours.share_close:.0%}",
                _setup(device),
            )
    make_console().print(table)
    return ExitStatus.DONE


def show(words: Sequence[str]) -> int:
    """Show how good a device's predictions are, and what takes the time."""
    (name,), _ = take_bare(words, _action("show"))
    from nas.device.device import read_device
    from nas.device.kinds import shares_by_kind

    device = read_device(find_device(name))
    print(f"{name}: {_setup(device)}")
    if device.space:
        shape = "x".join(map(str, device.input_shape)) or "unknown size"
        print(f"measured with networks of {device.space} for images of {shape}")
    if device.started_from:
        print(f"started from {', '.join(device.started_from)}")
    _print_errors(device)
    for metric, model in device.models.items():
        table = _table("operators", f"share of {metric}", "each on average")
        for kind, share, mean in shares_by_kind(model):
            table.add_row(kind, f"{share:.0%}", f"{mean:.3g}")
        make_console().print(table)
    return ExitStatus.DONE


def confirm(words: Sequence[str]) -> int:
    """Put measured times beside predicted ones."""
    action = _action("confirm")
    (name, table), others = take_bare(words, action)
    settings = parse_settings(others, action)
    path = Path(table)
    from nas.device.confirmation import confirmed
    from nas.device.device import read_device

    device = read_device(find_device(name))
    measured = _measured(name, path, settings, least=1, is_own=False)
    rows, error = confirmed(device, measured)
    shown = _table("network", "predicted", "measured", "off by")
    for row in rows:
        shown.add_row(
            row.name, f"{row.predicted:.4g} ms", f"{row.measured:.4g} ms", f"{row.off:+.1%}"
        )
    make_console().print(shown)
    _say_measured(measured)
    told = f"off by {error.median_error:.1%} for half of {len(rows)} networks"
    if len(rows) > 2:
        told += f"; rank correlation {error.rank_correlation:.3f}"
    print(told)
    return ExitStatus.DONE


def _measured(
    name: str,
    path: Path,
    settings: Mapping[str, str],
    *,
    least: int | None = None,
    is_own: bool = True,
) -> "Measurements":
    from nas.device.measured import MIN_NETWORKS, read_measured, read_networks

    if not path.is_file():
        raise ConfigError(f"there is no table {path}; run {MEASURE_PY} on the device, and name it")
    given = read_networks(_networks_of(name, path, is_own=is_own))
    threads = settings.get("threads")
    return read_measured(
        path,
        given,
        threads=None if threads is None else _whole(f"threads={threads}", least=1, most=4096),
        takes_fastest=settings.get("use") == "fastest",
        least=MIN_NETWORKS if least is None else least,
    )


def _networks_of(name: str, table: Path, *, is_own: bool = True) -> Path:
    own = device_folder(name) / NETWORKS_JSON
    return own if is_own and own.is_file() else table.parent / NETWORKS_JSON


def _say_times(device: "KnownDevice", measured: "Measurements") -> None:
    """Tell what the times amount to, for whoever has taken one unit for another."""
    from nas.device.fitting import far_off

    times = measured.values["latency_ms"]
    speeds = sorted(
        1e-6 * network.num_macs / ms for network, ms in zip(measured.networks, times, strict=True)
    )
    print(
        f"{len(times)} networks took {min(times):.3g} to {max(times):.3g} ms: half of them more "
        f"than {speeds[len(speeds) // 2]:.3g} billion multiply-accumulates a second"
    )
    for network, time, expected in far_off(device, measured)[:_NUM_SHOWN]:
        print(
            f"not believed: {network} took {time:.3g} ms where {expected:.3g} ms are expected by "
            "the others; measure it again, or take its row out"
        )


def _say_measured(measured: "Measurements") -> None:
    if measured.absent:
        names = ", ".join(measured.absent[:5]) + (" ..." if len(measured.absent) > 5 else "")
        print(f"not measured: {len(measured.absent)} networks ({names})")
    if measured.num_noisy:
        print(
            f"noisy: {measured.num_noisy} of {len(measured.names)} networks; close other programs "
            "on the device and measure again, or go on with use=fastest"
        )


def _print_errors(device: "KnownDevice") -> None:
    from nas.device.device import OURS

    for metric, errors in device.errors.items():
        number = len(device.models[metric].times)
        table = _table(
            f"{metric} of {number} networks, cross-validated",
            *("rank correlation", "within 10 %", "median error", "9 of 10 at most longer by"),
        )
        for predictor, error in errors.items():
            table.add_row(
                "operators (nas)" if predictor == OURS else predictor,
                f"{error.rank_correlation:.3f}",
                f"{error.share_close:.0%}",
                f"{error.median_error:.1%}",
                f"{error.high_error:.1%}",
            )
        make_console().print(table)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 else "right", overflow="fold")
    return table


def _setup(device: "KnownDevice") -> str:
    told = device.measured
    threads = f"{told['threads']} thread(s)" if "threads" in told else ""
    return ", ".join(part for part in (threads, told.get("runtime"), told.get("machine")) if part)


def _whole(word: str, *, least: int, most: int) -> int:
    key, _, text = word.partition("=")
    if not re.fullmatch("[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise ConfigError(f"{key} must be from {least} to {most}, but got {text[:40]!r}")
    return int(text)


def _action(name: str) -> Command:
    return next(action for action in DEVICE.actions if action.word == name)

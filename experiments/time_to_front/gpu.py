"""How fast do trials train on a GPU? One script of under ten minutes; results beside it.

python -m experiments.time_to_front.gpu check --search RUNS   does each kind of search run there?
python -m experiments.time_to_front.gpu                speed, packing, and a search by the product
python -m experiments.time_to_front.gpu --device cpu   the same where there is no GPU

Images are random: speed alone is measured. Each figure is images a second in training steps of a
batch, after a warm-up, with the device synchronised.
"""

import argparse
import csv
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front.gpu_kinds import KINDS, num_failed
from experiments.time_to_front.gpu_steps import GRAPHED, STEPS, network
from nas.cli.main import main as nas
from nas.planning.facts import DataFacts, MachineFacts
from nas.planning.training import suited_training
from nas.train.batches import TrialData
from nas.train.device import keep_freed_memory
from nas.train.loop import Training
from nas.train.recipe import MAX_EPOCHS, Recipe
from nas.train.resident import ResidentSplit

RESULTS = Path(__file__).resolve().parent / "results"
SIDES = (32, 224)
PACKED = (1, 2, 4, 8)
PLAIN, TRIAL = "plain loop", "a trial"
_WARM_UP, _BETWEEN_LOOKS = 8, 8  # steps
_STEPS_PER_EPOCH = 32  # of a trial
_START_S = 15.0  # in which all processes of a measurement have started
_COLUMNS = ("device", "what", "side", "network", "way", "processes", "images_per_s")


@dataclass(frozen=True)
class Job:
    """What is trained.

    Attributes:
        device: torch's name of it.
        side: of the images, pixels.
        name: of the network, as in `gpu_steps.network`.
        way: of `gpu_steps.STEPS`, PLAIN or TRIAL.
        batch_size: images of a step.
        seconds: to measure for.
    """

    device: str
    side: int
    name: str
    way: str
    batch_size: int
    seconds: float


class _TimeOverError(Exception):
    """The measurement has lasted long enough."""


class _Clock:
    """Counts steps; is called after each, and ends the measurement when its time is over."""

    def __init__(self, device: torch.device, *, seconds: float, start_s: float | None) -> None:
        self._device, self._seconds, self._start_s = device, seconds, start_s
        self._num_calls, self._began_s = 0, 0.0

    def __call__(self) -> None:
        """Count a step.

        Raises:
            _TimeOverError: the time is over.
        """
        self._num_calls += 1
        if self._num_calls == _WARM_UP:
            _synchronise(self._device)
            if self._start_s is not None:
                time.sleep(max(0.0, self._start_s - time.time()))
            self._began_s = time.perf_counter()
        elif self._num_calls > _WARM_UP and self.num_steps % _BETWEEN_LOOKS == 0:
            _synchronise(self._device)  # else steps queue up, and the clock runs ahead
            if time.perf_counter() - self._began_s >= self._seconds:
                raise _TimeOverError

    @property
    def num_steps(self) -> int:
        """Steps that were timed."""
        return self._num_calls - _WARM_UP

    @property
    def steps_per_s(self) -> float:
        """So far; the device has been waited for."""
        return self.num_steps / (time.perf_counter() - self._began_s)


def speed(job: Job, *, start_s: float | None = None) -> float:
    """Return images a second.

    Args:
        job: what to train.
        start_s: `time.time()` at which to begin, so that several processes do at once.
    """
    torch.manual_seed(0)
    device = torch.device(job.device)
    model = network(job.name, side=job.side).to(device)
    clock = _Clock(device, seconds=job.seconds, start_s=start_s)
    with suppress(_TimeOverError):
        if job.way == TRIAL:
            _trial(model, job).run(after_step=clock)
        else:
            step = _plain_loop(model, job) if job.way == PLAIN else _resident(model, job)
            while True:
                step()
                clock()
    return clock.steps_per_s * job.batch_size


def _trial(model: nn.Module, job: Job) -> Training:
    """Return the training of a trial as a search has it by default, on images of chance."""
    device, count = torch.device(job.device), _STEPS_PER_EPOCH * job.batch_size
    images = torch.randint(0, 256, (count, job.side, job.side, 3), dtype=torch.uint8)
    split = ResidentSplit(images.to(device), torch.randint(0, 10, (count,), device=device))
    grey = torch.full((3,), 127.0, device=device)
    data = TrialData(split, split, mean=grey, std=grey / 2, is_mirrorable=True)
    chosen = suited_training(DataFacts(count, job.side), MachineFacts(1, has_accelerator=True))
    recipe = Recipe(**chosen.settings())
    recipe = replace(recipe, batch_size=job.batch_size, epochs=MAX_EPOCHS, device=job.device)
    return Training(model.to(memory_format=torch.channels_last), data, recipe, seed=0)


def _resident(model: nn.Module, job: Job) -> Callable[[], None]:
    """Return a step on images that lie on the device, as trials take them."""
    device = torch.device(job.device)
    size = (2 * job.batch_size, job.side, job.side, 3)
    images = torch.randint(0, 256, size, dtype=torch.uint8, device=device)
    labels = torch.randint(0, 10, (2 * job.batch_size,), device=device)
    train = STEPS[job.way](model.to(memory_format=torch.channels_last), device)

    def step() -> None:
        taken = torch.randint(0, len(images), (job.batch_size,), device=device)
        train(images[taken].permute(0, 3, 1, 2).float() / 255, labels[taken])

    return step


def _plain_loop(model: nn.Module, job: Job) -> Callable[[], None]:
    """Return a step of the loop of most tutorials: a loader, and the loss read at each step."""
    device, count = torch.device(job.device), 8 * job.batch_size
    images, labels = torch.rand(count, 3, job.side, job.side), torch.randint(0, 10, (count,))
    loader = DataLoader(
        TensorDataset(images, labels),
        batch_size=job.batch_size,
        shuffle=True,
        pin_memory=device.type == "cuda",
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batches = _endless(loader)

    def step() -> None:
        images, labels = (tensor.to(device, non_blocking=True) for tensor in next(batches))
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        torch.autograd.backward(loss)
        optimizer.step()
        loss.item()

    return step


def _endless(loader: "DataLoader[tuple[torch.Tensor, ...]]") -> Iterator[Sequence[torch.Tensor]]:
    while True:
        yield from loader


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def packed(job: Job, count: int) -> float:
    """Return images a second of so many processes on one device together."""
    start_s = time.time() + _START_S * (job.seconds >= 1.0)
    words = [sys.executable, "-m", "experiments.time_to_front.gpu", "one"]
    words += ["--device", job.device, "--side", str(job.side), "--network", job.name]
    words += ["--way", job.way, "--batch", str(job.batch_size), "--seconds", str(job.seconds)]
    words += ["--start", str(start_s)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    total = 0.0
    for process in running:
        text, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"a process of {count} ended with status {process.returncode}")
        total += float(text)
    return total


def search_seconds(device: str, *, at_once: int, settings: Sequence[str], folder: Path) -> float:
    """Return the wall time of a search by the product with so many trials at once on a device."""
    began_s = time.monotonic()
    words = ["preset=smoke", f"training.device={device}", "ui=none", f"run_folder={folder}"]
    if at_once > 1 or device.startswith("cuda"):
        words += ["execution=ray", f"execution.num_workers={at_once}"]
    else:
        words.append("execution=inline")
    if device.startswith("cuda"):
        words.append(f"execution.gpus_per_trial={1 / at_once}")
    status = nas(["search", *words, *settings])
    if status:
        raise SystemExit(f"nas search ended with status {status}")
    return time.monotonic() - began_s


def main(words: Sequence[str]) -> int:
    """Measure, and write a row for each figure as it comes."""
    options = parse(words)
    if options.what == "check":
        options.search.mkdir(parents=True, exist_ok=True)
        return num_failed(options.kinds, options.settings, folder=options.search)
    keep_freed_memory()
    if options.what == "one":
        print(
            speed(_job(options, options.side, options.network, options.way), start_s=options.start)
        )
        return 0
    name = _device_name(options.device)
    options.results.mkdir(parents=True, exist_ok=True)
    with (options.results / f"gpu_{_slug(name)}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in _measured(options):
            writer.writerow([name, *row[:-1], f"{row[-1]:.1f}"])
            file.flush()
            print(*row[:-1], f"{row[-1]:.1f}", flush=True)
    return 0


def _measured(options: argparse.Namespace) -> Iterator[tuple[str, object, str, str, int, float]]:
    """Yield what, side, network, way, how many at once, and images a second or seconds."""
    ways = [way for way in (PLAIN, TRIAL, *STEPS) if _is_possible(way, options.device)]
    for side in options.sides:
        for name in options.networks:
            for way in ways:
                job = _job(options, side, name, way)
                yield "speed", side, name, way, 1, speed(job)
    for side in options.sides:
        for count in options.packed:
            job = _job(options, side, options.networks[0], TRIAL)
            yield "packing", side, job.name, job.way, count, packed(job, count)
    if options.search is not None:
        for count in options.packed:
            seconds = search_seconds(
                options.device,
                at_once=count,
                settings=options.settings,
                folder=options.search / f"run-{time.time_ns()}",
            )
            yield "search, seconds", "", "", "", count, seconds


def _is_possible(way: str, device: str) -> bool:
    return device.startswith("cuda") or way not in GRAPHED


def _job(options: argparse.Namespace, side: int, name: str, way: str) -> Job:
    return Job(options.device, side, name, way, options.batch, options.seconds)


def _device_name(device: str) -> str:
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name())
    return "CPU"


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name).lower()


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("what", nargs="?", choices=["all", "one", "check"], default="all")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sides", nargs="+", type=int, default=list(SIDES))
    parser.add_argument("--networks", nargs="+", default=["mobilenet", "resnet"])
    parser.add_argument("--packed", nargs="*", type=int, default=list(PACKED))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each figure")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    parser.add_argument("--search", type=Path, help="a folder for runs of searches")
    parser.add_argument("--settings", nargs="*", default=[], help="of that search, key=value")
    parser.add_argument("--side", type=int, default=32, help="of one")
    parser.add_argument("--network", default="mobilenet", help="of one")
    parser.add_argument("--way", choices=[PLAIN, TRIAL, *STEPS], default=TRIAL, help="of one")
    parser.add_argument("--start", type=float, help="of one: when to begin, time.time()")
    return parser.parse_args(words)


def small(folder: Path) -> Iterator[list[str]]:
    """Measure for moments on the CPU, and search with two trials."""
    tiny = ["--device", "cpu", "--sides", "32", "--networks", "mobilenet", "--packed", "1"]
    tiny += ["--batch", "4", "--seconds", "0.05", "--results", str(folder)]
    search = ["stopping.num_trials=2"]
    yield [*tiny, "--search", str(folder), "--settings", *search]
    checked = ["check", "--kinds", "inline", "--search", str(folder)]
    yield [*checked, "--settings", "training.device=cpu", "stopping.num_trials=2"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

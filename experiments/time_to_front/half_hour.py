"""What half an hour of hand-made networks reaches, against the winners of a search.

    python -m experiments.time_to_front.half_hour train FOLDER --family residual --kilobytes 100
    python -m experiments.time_to_front.half_hour compare RUN [RUN ...]

FOLDER holds CIFAR-10's mosaics (`experiments.cifar10.convert`): 10,000 training images, 5,000 to
test. `train` takes one network of about that size, for 15 minutes of CPU time, with mirror, shift
and one cycle, and adds two lines to results/half_hour.csv: one of its floats, one of the ONNX file
of 8 bits that `nas finish` would make of it. `compare` puts those lines beside the
winners that `nas finish` made of each RUN: at each size the best winner that is no larger, in
floats as the hand-made network, and the best of the files that `nas finish` ships. With several
runs it says the mean of the differences, with an interval of 95 % over runs, by Student's t.
"""

import argparse
import csv
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import t
from torch import nn

from experiments.cifar10.convert import convert
from experiments.cifar10.pretend import write_mosaics
from experiments.photos.rival import accuracy, add_row, statistics, train
from experiments.smoke import make_parser, run_experiment
from nas.export.formats.onnx_int8 import to_int8
from nas.export.onnx_files import onnx_runner, to_onnx
from nas.models.mobilenet import MobileNet
from nas.models.mobilenet_plan import MobileNetPlan, Stage
from nas.record.artefacts import read_artefacts
from nas.record.winners import read_winners
from nas.train.layout import placed

HERE = Path(__file__).parent
KILOBYTES = (25, 100, 400, 1600)
SIDE, SHIFT, CLASSES = 32, 4, 10
NUM_TEST = 5000
RATES = {"mobilenetv3": 0.006, "residual": 0.006}
BLOCKS = 2  # in each of the three stages of a residual network


def main(words: Sequence[str]) -> int:
    """Train one network, or compare."""
    parser = make_parser(__doc__)
    kinds = parser.add_subparsers(dest="what", required=True)
    one = kinds.add_parser("train")
    one.add_argument("folder", type=Path)
    one.add_argument("--family", choices=FAMILIES, required=True)
    one.add_argument("--kilobytes", type=int, required=True)
    one.add_argument("--minutes", type=float, default=15.0)
    one.add_argument("--seed", type=int, default=0)
    other = kinds.add_parser("compare")
    other.add_argument("runs", type=Path, nargs="+")
    for each in (one, other):
        each.add_argument("--results", type=Path, default=HERE / "results" / "half_hour.csv")
    options = parser.parse_args(words)
    return train_one(options) if options.what == "train" else compare(options)


def train_one(options: argparse.Namespace) -> int:
    """Train a network of about that size, and add a line to the results."""
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    arrays = convert(options.folder)
    width, model = fitted(FAMILIES[options.family], 1_000 * options.kilobytes)
    known = arrays["train_images"]
    padded = np.pad(known, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
    began_s = time.process_time()
    steps = train(
        model, torch.from_numpy(padded), torch.from_numpy(arrays["train_labels"]), side=SIDE,
        rate=RATES[options.family], until_s=began_s + 60 * options.minutes, seed=options.seed,
    )  # fmt: skip
    took_s = time.process_time() - began_s
    test = torch.from_numpy(arrays["test_images"]), torch.from_numpy(arrays["test_labels"])
    seen = statistics(torch.from_numpy(padded))
    small_bytes, small_accuracy = eight_bits(model, torch.from_numpy(known), test, seen)
    for name, size_bytes, found in (
        (options.family, size_of(model), accuracy(model, *test, seen)),
        (f"{options.family}, 8 bits", small_bytes, small_accuracy),
    ):
        row = {
            "family": name,
            "kilobytes": options.kilobytes if name in FAMILIES else round(size_bytes / 1000),
            "width": round(width, 3),
            "size_bytes": size_bytes,
            "minutes": options.minutes,
            "seed": options.seed,
            "epochs": round(steps * 64 / len(known), 1),
            "cpu_s": round(took_s, 1),
            "accuracy": round(found, 4),
        }
        add_row(options.results, row)
        print(row, flush=True)
    return 0


def eight_bits(
    model: nn.Module,
    images: torch.Tensor,
    test: tuple[torch.Tensor, torch.Tensor],
    seen: tuple[torch.Tensor, torch.Tensor],
) -> tuple[int, float]:
    """Return the bytes of the ONNX file of 8 bits, and its accuracy on the test images.

    Args:
        model: trained.
        images: (B, H, W, C) for training, of which the first 512 set the ranges of activations.
        test: images (B, H, W, C) and their classes.
        seen: mean and deviation of each channel.
    """
    mean, std = seen
    scaled = [((x.permute(0, 3, 1, 2).float() - mean) / std) for x in (images[:512], test[0])]
    batch = torch.export.Dim("batch", min=1, max=65_536)
    program = torch.export.export(model.eval(), (scaled[0],), dynamic_shapes=({0: batch},))
    file = to_int8(to_onnx(program), scaled[0].numpy())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model_int8.onnx"
        path.write_bytes(file)
        answers = onnx_runner(path, num_threads=1)(scaled[1].numpy()).argmax(1)
    return len(file), float((answers == test[1].numpy()).mean())


def fitted(make: Callable[[float], nn.Module], size_bytes: float) -> tuple[float, nn.Module]:
    """Return the width, and the network, that come nearest to a size; by bisection."""
    low, high = 0.02, 20.0
    for _ in range(30):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if size_of(make(middle)) < size_bytes else (low, middle)
    return low, placed(make(low), torch.device("cpu"))


def size_of(model: nn.Module) -> int:
    """Return the bytes of its weights, as floats."""
    return 4 * sum(parameter.numel() for parameter in model.parameters())


def mobilenetv3(width: float) -> nn.Module:
    """Return MobileNetV3-small's stages (its table 2) with three halvings, for 32 pixels."""
    rounded = [max(8, 8 * round(channels * width / 8)) for channels in (16, 16, 24, 40, 48, 96)]
    depths, strides, kernels = (1, 2, 3, 2, 3), (1, 2, 2, 1, 2), (3, 3, 5, 5, 5)
    stages = tuple(
        Stage(channels, depth, stride, kernel, 1 if number == 0 else 4, number != 1)
        for number, (channels, depth, stride, kernel) in enumerate(
            zip(rounded[1:], depths, strides, kernels, strict=True)
        )
    )
    plan = MobileNetPlan(3, CLASSES, SIDE, rounded[0], 1, stages, 6 * rounded[-1], "hard_swish")
    return MobileNet(plan)


def residual(width: float) -> nn.Module:
    """Return a residual network of three stages of basic blocks: w, 2w and 4w channels."""
    channels = [max(2, round(16 * width * factor)) for factor in (1, 2, 4)]
    layers: list[nn.Module] = [_convolution(3, channels[0]), nn.ReLU()]
    before = channels[0]
    for stage, number in enumerate(channels):
        for block in range(BLOCKS):
            layers.append(_Basic(before, number, stride=2 if stage and not block else 1))
            before = number
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES)
    )


FAMILIES: Mapping[str, Callable[[float], nn.Module]] = {
    "mobilenetv3": mobilenetv3,
    "residual": residual,
}


def _convolution(before: int, after: int, *, side: int = 3, stride: int = 1) -> nn.Module:
    convolution = nn.Conv2d(before, after, side, stride, side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


class _Basic(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, *, stride: int) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride=stride)
        self.second = _convolution(after, after)
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(
            before, after, side=1, stride=stride)  # fmt: skip

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner = self.second(torch.relu(self.first(maps)))
        return torch.relu(inner + self.shortcut(maps))


def compare(options: argparse.Namespace) -> int:
    """Print the best hand-made network of each size, and what each run has that is no larger."""
    runs = [(run.name, *rivals_of(run)) for run in options.runs]
    with options.results.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for kilobytes in sorted({int(row["kilobytes"]) for row in rows}):
        here = [row for row in rows if int(row["kilobytes"]) == kilobytes]
        largest, mean = largest_and_mean(here)
        print(f"{largest / 1000:.1f} kB, hand-made {100 * mean:.2f} %")
        for place, kind in enumerate(("floats", "files"), start=1):
            best = [best_below(largest, run[place]) for run in runs]
            for run, found in zip(runs, best, strict=True):
                print(f"  {kind}, {run[0]}: {told(found, mean)}")
            print(f"  {kind}, points more: {interval([b.accuracy - mean for b in best if b])}")
    return 0


@dataclass(frozen=True)
class Rival:
    """What a hand-made network is compared with: a winner, or one of its files."""

    name: str
    size_bytes: float
    accuracy: float


def largest_and_mean(rows: Sequence[Mapping[str, str]]) -> tuple[float, float]:
    """Return the bytes and the accuracy of the best hand-made family, the mean of its seeds."""
    families = {
        row["family"]: [float(r["accuracy"]) for r in rows if r["family"] == row["family"]]
        for row in rows
    }
    means = {family: sum(found) / len(found) for family, found in families.items()}
    best = max(means, key=lambda family: means[family])
    return max(float(r["size_bytes"]) for r in rows if r["family"] == best), means[best]


def rivals_of(run: Path) -> tuple[list[Rival], list[Rival]]:
    """Return the winners of a finished run, and the files that were made of them."""
    winners = [
        Rival(winner.name, winner.size_bytes, winner.test_mean)
        for winner in read_winners(run / "finish" / "winners.csv")
        if not winner.is_baseline
    ]
    files = [
        Rival(row.file, row.size_bytes, row.test_value)
        for row in read_artefacts(run / "finish" / "artefacts.csv")
        if not row.refused
    ]
    return winners, files


def best_below(largest: float, rivals: Sequence[Rival]) -> Rival | None:
    """Return the best that is no larger; None where none is as small."""
    fitting = [rival for rival in rivals if rival.size_bytes <= largest]
    return max(fitting, key=lambda rival: rival.accuracy, default=None)


def told(best: Rival | None, hand_made: float) -> str:
    """Return one comparison in words, with what chance makes of the test images (95 %)."""
    if best is None:
        return "none is as small"
    both = (best.accuracy, hand_made)
    half = 1.96 * math.sqrt(sum(p * (1 - p) for p in both) / NUM_TEST)
    return (
        f"{best.name} of {best.size_bytes / 1000:.1f} kB {100 * best.accuracy:.2f} % "
        f"({100 * (best.accuracy - hand_made):+.2f} ± {100 * half:.2f})"
    )


def interval(differences: Sequence[float]) -> str:
    """Return the mean of some runs' differences in points, and its interval of 95 %."""
    count = len(differences)
    if count == 0:
        return "unknown"
    mean = f"{100 * float(np.mean(differences)):+.2f} (mean of {count}"
    if count == 1:
        return f"{mean})"
    half = float(t.ppf(0.975, count - 1) * np.std(differences, ddof=1) / math.sqrt(count))
    return f"{mean} ± {100 * half:.2f})"


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: two seconds on pretended images."""
    mosaics = write_mosaics(folder / "cifar10")
    for family in FAMILIES:
        yield ["train", str(mosaics), "--family", family, "--kilobytes", "25", "--minutes", "0.02",
               "--results", str(folder / "half_hour.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

"""A network of timm, trained from scratch as a good engineer would: what a search competes with.

    python -m experiments.photos.rival FOLDER --network resnet10t --side 64 --minutes 2 --seed 0

FOLDER holds `known/<class>/*` to learn from and `unseen/<class>/*` to be judged by (see `sets`).
Reading, decoding and training take the given minutes of CPU time; the one cycle goes by that time.
The result is a line of results/rivals.csv.
"""

import csv
import math
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from experiments.smoke import make_parser, run_experiment

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B images, C channels, H height, W width

HERE = Path(__file__).parent
# Peak learning rates: the best of 0.001, 0.003 and 0.01 on the clothes in two minutes.
NETWORKS = {
    "mobilenetv3_small_050": 0.003,
    "mobilenetv4_conv_small_035": 0.003,
    "resnet10t": 0.003,
}
BATCH, MARGIN, SMOOTHING, DECAY, WARMUP = 64, 1 / 8, 0.1, 0.05, 0.2


def main(words: Sequence[str]) -> int:
    """Train one network, and add a line to the results."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=None, help="peak; default: of NETWORKS")
    parser.add_argument("--stem_stride", type=int, default=2, choices=(1, 2))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "rivals.csv")
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    began_s = time.process_time()
    torch.manual_seed(options.seed)
    margin = round(options.side * MARGIN)
    known_BHWC, labels_B = read_images(options.folder / "known", options.side + margin)
    model = make_model(options.network, int(labels_B.max()) + 1, stem_stride=options.stem_stride)
    rate = options.rate or NETWORKS[options.network]
    steps = train(model, known_BHWC, labels_B, side=options.side, rate=rate,
                  until_s=began_s + 60 * options.minutes, seed=options.seed)  # fmt: skip
    took_s = time.process_time() - began_s
    unseen_BHWC, truth_B = read_images(options.folder / "unseen", options.side)
    found = accuracy(model, unseen_BHWC, truth_B, statistics(known_BHWC))
    row = {
        "data": options.folder.name,
        "network": options.network,
        "side": options.side,
        "stem_stride": options.stem_stride,
        "rate": rate,
        "minutes": options.minutes,
        "seed": options.seed,
        "epochs": round(steps * BATCH / len(labels_B), 1),
        "cpu_s": round(took_s, 1),
        "size_bytes": 4 * sum(p.numel() for p in model.parameters()),
        "accuracy": round(found, 4),
    }
    add_row(options.results, row)
    print(row, flush=True)
    return 0


def read_images(folder: Path, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images (B, H, W, C), uint8, and the number of the class of each (B,)."""
    images, labels = [], []
    for label, place in enumerate(sorted(p for p in folder.iterdir() if p.is_dir())):
        for path in sorted(place.iterdir()):
            image = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            images.append(np.asarray(image))
            labels.append(label)
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def make_model(name: str, num_classes: int, *, stem_stride: int = 2) -> nn.Module:
    """Return a network, channels last; its first convolution may keep the size of the image."""
    model: nn.Module = timm.create_model(name, num_classes=num_classes)
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    first.stride = (stem_stride, stem_stride)
    return model.to(memory_format=torch.channels_last)


def train(
    model: nn.Module,
    known_BHWC: torch.Tensor,
    labels_B: torch.Tensor,
    *,
    side: int,
    rate: float,
    until_s: float,
    seed: int,
) -> int:
    """Train by one cycle until the process has used that much CPU time; return the steps."""
    generator = torch.Generator().manual_seed(seed)
    decaying = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decaying, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}],
        lr=rate, fused=True,
    )  # fmt: skip
    mean, std = statistics(known_BHWC)
    began_s, step = time.process_time(), 0
    model.train()
    while True:
        order = torch.randperm(len(labels_B), generator=generator)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            share = (time.process_time() - began_s) / (until_s - began_s)
            if share >= 1:
                return step
            for group in optimizer.param_groups:
                group["lr"] = rate * one_cycle(share)
            chosen = order[start : start + BATCH]
            images = crop_and_mirror(known_BHWC[chosen], side, generator)
            logits = model((images - mean) / std)
            loss = functional.cross_entropy(logits, labels_B[chosen], label_smoothing=SMOOTHING)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1


def one_cycle(share: float) -> float:
    """Return the part of the peak rate, given the part of the time that is over."""
    if share < WARMUP:
        return 0.05 + 0.95 * share / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (share - WARMUP) / (1 - WARMUP)))


def crop_and_mirror(
    images_BHWC: torch.Tensor, side: int, generator: torch.Generator
) -> torch.Tensor:
    """Return random squares of that side (B, C, H, W), half of them mirrored; channels last."""
    count, full = len(images_BHWC), images_BHWC.shape[1]
    offsets = torch.randint(0, full - side + 1, (count, 2), generator=generator)
    rows = offsets[:, :1] + torch.arange(side)
    columns = offsets[:, 1:] + torch.arange(side)
    mirrored = torch.rand(count, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    taken = images_BHWC[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None]]
    return taken.permute(0, 3, 1, 2).float()


def statistics(images_BHWC: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and deviation of each channel, (C, 1, 1)."""
    floats = images_BHWC.float()
    return floats.mean((0, 1, 2))[:, None, None], floats.std((0, 1, 2))[:, None, None]


def accuracy(
    model: nn.Module,
    images_BHWC: torch.Tensor,
    labels_B: torch.Tensor,
    statistics: tuple[torch.Tensor, torch.Tensor],
) -> float:
    """Return the share of images whose class is found."""
    model.eval()
    mean, std = statistics
    with torch.inference_mode():
        found = [
            model((block.permute(0, 3, 1, 2).float() - mean) / std).argmax(1)
            for block in torch.split(images_BHWC, BATCH)
        ]
    return float((torch.cat(found) == labels_B).float().mean())


def add_row(path: Path, row: dict[str, object]) -> None:
    """Add a line to a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: noise in two classes, half a second."""
    rng = np.random.default_rng(0)
    for number in range(2 * BATCH):
        for part in ("known", "unseen"):
            path = folder / "data" / part / str(number % 2) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    yield [str(folder / "data"), "--network", "resnet10t", "--side", "32", "--minutes", "0.05",
           "--results", str(folder / "rivals.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

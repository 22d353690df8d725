"""What is each part of the recipe worth, and each kind of block? Networks, changed settings.

    python -m experiments.photos.recipe FOLDER --side 32 --epochs 16 --settings augmentation=photo
    python -m experiments.photos.recipe FOLDER --side 64 --epochs 22 --networks depthwise fused
    python -m experiments.photos.recipe FOLDER --side 32 --epochs 14 --networks residual \
        --width 2 --pool
    python -m experiments.photos.recipe FOLDER --side 64 --seconds 200 --networks residual \
        --width 2 --pool --share 0.8 --strides 1 2 2 1

FOLDER holds `known` and `unseen` photos (see `sets`). Each network is trained on the known ones by
nas's own loop, with mirroring and the given settings of the recipe, and judged on the unseen ones;
each pair is a line of results/recipe.csv. `--averages` also judges the mean of the weights over
the last part of the training, with fresh statistics of the norms. With `--seconds` a training
ends by its CPU time, and `--share` of the known photos are learnt from. With `--turns` a network
learns for that part of the seconds by which quarter turn each photo was rotated (Gidaris et al.
2018, "Unsupervised representation learning by predicting image rotations"), and its classes from
these weights in the rest.
"""

import argparse
import copy
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from experiments.photos.rival import add_row, read_images
from experiments.smoke import make_parser, run_experiment
from nas.models.mobilenet import MobileNet
from nas.models.mobilenet_plan import MobileNetPlan, Stage
from nas.train import course
from nas.train.batches import TrialData
from nas.train.calibration import recalibrate_norms
from nas.train.device import keep_freed_memory
from nas.train.layout import placed
from nas.train.loop import Training, evaluate
from nas.train.recipe import Recipe
from nas.train.resident import ResidentSplit
from nas.train.whitening import whiten_first_convolution

HERE = Path(__file__).parent
# Width of the first stage, and blocks in each stage.
SHAPES = {"narrow": (8, 1), "middle": (16, 2), "wide": (40, 1), "deep": (12, 4)}
# Of four stages: blocks in each, their expansion, whether they weigh channels, are fused, and have
# a shortcut over two full convolutions.
BLOCKS = {
    "depthwise": (1, 3, True, False, False),
    "fused": (2, 1, False, True, False),
    "fused_wide": (1, 3, False, True, False),
    "residual": (1, 1, False, True, True),
}
_CHANNELS = (16, 24, 40, 96)
_READ: Mapping[str, Callable[[str], Any]] = {
    "augmentation": str,
    "class_weights": str,
    "optimizer": str,
    "batch_size": int,
    "whitening": "true".__eq__,
}
_MANY_EPOCHS = 2000  # more than there is time for
AVERAGED = (0.75, 0.9)  # from this share of the steps on


def main(words: Sequence[str]) -> int:
    """Train the networks, and add a line for each."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=None, help="of CPU time, for --epochs")
    parser.add_argument("--share", type=float, default=1.0, help="of the known photos")
    parser.add_argument("--turns", type=float, default=0.0, help="of the seconds, to learn turns")
    parser.add_argument(
        "--strides", type=int, nargs=4, default=None, help="of the stages of BLOCKS"
    )
    parser.add_argument("--networks", nargs="+", choices=[*SHAPES, *BLOCKS], default=list(SHAPES))
    parser.add_argument("--width", type=float, default=1.0, help="of BLOCKS, times their channels")
    parser.add_argument("--pool", action="store_true", help="behind the first convolution")
    parser.add_argument("--activation", default="hard_swish")
    parser.add_argument("--settings", nargs="*", default=[], help="of the recipe: name=value")
    parser.add_argument("--averages", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "recipe.csv")
    options = parser.parse_args(words)
    if options.turns and options.seconds is None:
        parser.error("--turns is a part of --seconds; give these, too")
    torch.set_num_threads(1)
    keep_freed_memory()
    if options.seconds is not None:
        options.epochs = _MANY_EPOCHS
        course.running_s = time.process_time  # type: ignore[attr-defined]
    data = data_of(options.folder, options.side, share=options.share, seed=options.seed)
    for name in options.networks:
        train_one(name, data, options)
    return 0


def data_of(folder: Path, side: int, *, share: float = 1.0, seed: int = 0) -> TrialData:
    """Return known and unseen images as a trial has its training and validation split."""
    known, unseen = (read_images(folder / part, side) for part in ("known", "unseen"))
    if share < 1:
        chance = torch.Generator().manual_seed(seed)
        kept = torch.randperm(len(known[1]), generator=chance)[: int(share * len(known[1]))]
        known = known[0][kept], known[1][kept]
    floats = known[0].float()
    return TrialData(
        ResidentSplit(*known), ResidentSplit(*unseen), floats.mean((0, 1, 2)),
        floats.std((0, 1, 2)), is_mirrorable=True,
    )  # fmt: skip


def recipe_of(settings: Sequence[str], epochs: int) -> Recipe:
    """Return the default recipe with settings such as `augmentation=photo`."""
    known = {item.name for item in fields(Recipe)}
    told: dict[str, Any] = {}
    for text in settings:
        name, _, value = text.partition("=")
        if name not in known:
            raise SystemExit(f"the recipe has no {name}")
        told[name] = _READ.get(name, float)(value)
    return replace(Recipe(epochs=epochs, device="cpu"), **told)


def network(name: str, options: argparse.Namespace, num_classes: int) -> MobileNet:
    """Return one of the networks."""
    side, pools = options.side, options.pool
    stride = 1 if side < 48 else 2
    if name in BLOCKS:
        depth, expansion, weighs, is_fused, is_residual = BLOCKS[name]
        channels = [2 * round(options.width * count / 2) for count in _CHANNELS]
        strides = options.strides or [1 if pools else 2, 2, 2, 2]
        stages = tuple(
            Stage(count, depth, halved, 3, expansion, weighs, is_fused, is_residual)
            for count, halved in zip(channels, strides, strict=True)
        )
        stem, head = channels[0], 2 * channels[-1]
    else:
        stem, depth = SHAPES[name]
        stages = tuple(
            Stage(stem * factor, depth, 1 if factor == 1 else 2, 3, 3, True)
            for factor in (1, 2, 4)
        )
        head = 8 * stem
    plan = MobileNetPlan(
        3, num_classes, side, stem, stride, stages, head, options.activation, pools
    )
    return MobileNet(plan)


def train_one(name: str, data: TrialData, options: argparse.Namespace) -> None:
    """Train one network; the average of its weights is a line of its own."""
    torch.manual_seed(options.seed)
    num_classes = int(data.train.labels.max()) + 1
    model = placed(network(name, options, num_classes), torch.device("cpu"))
    recipe = recipe_of(options.settings, options.epochs)
    if recipe.whitening:
        whiten_first_convolution(model, data)
    if options.turns:
        model.load_state_dict(weights_by_turns(name, data, options), strict=False)
    training = Training(
        model,
        data,
        recipe,
        seed=options.seed,
        within_s=options.seconds and (1 - options.turns) * options.seconds,
    )
    averages = {share: copy.deepcopy(model) for share in AVERAGED if options.averages}
    counts = dict.fromkeys(averages, 0)

    def average() -> None:
        for share, mean in averages.items():
            if training.step > share * training.num_steps:
                counts[share] += 1
                add_to_mean(mean, model, counts[share])

    began_s = time.process_time()
    training.run(after_step=average)
    took_s = time.process_time() - began_s
    judged: dict[str, torch.nn.Module] = {"": model}
    for share, mean in averages.items():
        recalibrate_norms(mean, data)
        judged[f"averaged from {share}"] = mean
    told = [] if options.activation == "hard_swish" else [options.activation]
    told += [f"width={options.width:g}"] if options.width != 1.0 else []
    told += ["pool"] if options.pool else []
    told += [f"share={options.share:g}"] if options.share < 1.0 else []
    told += [f"turns={options.turns:g}"] if options.turns else []
    told += [f"strides={options.strides}"] if options.strides else []
    for how, network_ in judged.items():
        score = evaluate(network_, data)
        row = {
            "data": options.folder.name,
            "side": options.side,
            "network": name,
            "size_bytes": 4 * sum(p.numel() for p in model.parameters()),
            "epochs": round(options.epochs * training.share_taken, 1),
            "settings": " ".join([*options.settings, *told, how]).strip(),
            "seed": options.seed,
            "cpu_s": round(took_s, 1),
            "accuracy": round(score.accuracy, 4),
            "loss": round(score.loss, 4),
        }
        add_row(options.results, row)
        print(row, flush=True)


def weights_by_turns(
    name: str, data: TrialData, options: argparse.Namespace
) -> dict[str, torch.Tensor]:
    """Return what a network has learnt by telling quarter turns; nothing of its classifier."""
    model = placed(network(name, options, num_classes=4), torch.device("cpu"))
    assert isinstance(data.train, ResidentSplit), "as data_of makes it"
    images, labels = data.train.images_NHWC, data.train.labels
    turned = torch.cat([torch.rot90(images, turns, (1, 2)) for turns in range(4)])
    split = ResidentSplit(turned, torch.arange(4).repeat_interleave(len(labels)))
    turns = replace(data, train=split, validation=split.head(1), is_mirrorable=False)
    recipe = recipe_of(options.settings, options.epochs)
    if recipe.whitening:
        whiten_first_convolution(model, turns)
    seconds = options.turns * options.seconds
    Training(model, turns, recipe, seed=options.seed, within_s=seconds).run()
    state = model.state_dict()
    return {key: value for key, value in state.items() if not key.startswith("classifier.")}


@torch.no_grad()
def add_to_mean(mean: torch.nn.Module, model: torch.nn.Module, count: int) -> None:
    """Make `mean` the mean of so many states of a model's weights."""
    for kept, new in zip(mean.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, 1 / count)


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: one network on noise in two classes."""
    rng = np.random.default_rng(0)
    for number in range(64):
        for part in ("known", "unseen"):
            path = folder / "data" / part / str(number % 2) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)
    yield [str(folder / "data"), "--side", "16", "--epochs", "2", "--networks", "narrow",
           "--settings", "augmentation=strong", "--averages",
           "--results", str(folder / "recipe.csv")]  # fmt: skip
    yield [str(folder / "data"), "--side", "16", "--seconds", "0.3", "--networks", "residual",
           "--settings", "whitening=true", "--share", "0.8", "--strides", "1", "2", "2", "1",
           "--pool", "--turns", "0.5", "--results", str(folder / "recipe.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

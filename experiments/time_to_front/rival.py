"""The script that a good engineer would write today: Optuna's TPE, two processes, one journal.

    python -m experiments.time_to_front.rival FILE JOURNAL --trials 64 --seed 0 --ours RUN

FILE is an npz of images (`experiments.cifar10.convert`), or `digits`. The space is that of
`nas search search_space=mobilenet`, so is the split; everything else is the usual: multivariate
TPE with two objectives and `constant_liar`, a `DataLoader`, `OneCycleLR`, AdamW. A line for each
trial goes to results/rival.csv: CPU seconds of all processes, validation accuracy, size. With
`--ours` the same number of trials of `nas search` follows, with a line for each in
results/rival_ours.csv. What stood on a front is trained again from fresh seeds by the rival's loop
and judged on the test split; volumes are those of these accuracies.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from experiments.cifar10.pretend import write_images
from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front import fronts, ours
from nas.architecture import Architecture
from nas.data.dataset import Dataset, Split
from nas.data.digits import load_digits
from nas.data.npz import load_npz
from nas.sampling.distributions import suggest
from nas.space.space import SearchSpace
from search_spaces.mobilenet import MobileNetSpace

HERE = Path(__file__).parent
# Peak and batch: the best of 0.003, 0.01, 0.02 and of 32, 64, 128 for nas's own middle networks.
RATE, BATCH, DECAY, SMOOTHING, WARMUP, STARTUP = 0.02, 32, 0.02, 0.1, 0.25, 16
RESOLUTIONS = {8: [8, 12, 16], 16: [8, 12, 16], 32: [16, 24, 32]}


def main(words: Sequence[str]) -> int:
    """Run the processes, then write what they found; or be one of them."""
    parser = make_parser(__doc__)
    parser.add_argument("file")
    parser.add_argument("journal", type=Path)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "rival.csv")
    parser.add_argument("--ours", type=Path, default=None, metavar="RUN", help="folder of a run")
    parser.add_argument("--again", type=int, default=3, help="trainings of a front's networks")
    parser.add_argument("--floors", type=float, nargs="+", default=[fronts.GUESSING])
    parser.add_argument("--number", type=int, default=None, help="of this process; not by hand")
    options = parser.parse_args(words)
    if options.number is not None:
        return work(options)
    if options.journal.exists():
        raise SystemExit(f"{options.journal} exists: give the name of a new journal")
    study_of(options)  # made before the processes ask for it
    command = [sys.executable, "-m", "experiments.time_to_front.rival", *map(str, words)]
    workers = [
        subprocess.Popen([*command, "--number", str(number)])
        for number in range(options.processes)
    ]
    status = max(worker.wait() for worker in workers)
    if status == 0:
        publish(options)
    return status


def publish(options: argparse.Namespace) -> None:
    """Write what the processes found, then do the same by `nas search`, if that is asked for."""
    data = data_of(options.file)
    spaces: list[SearchSpace] = [space_for(data)]
    searches = [found(options)]
    paths: list[Path] = [options.results]
    if options.ours is not None:
        searches.append(
            ours.search(
                options.file, options.ours,
                trials=options.trials, epochs=options.epochs, seed=options.seed,
            )
        )  # fmt: skip
        spaces.append(ours.space_of(options.ours))
        paths.append(options.results.with_name(f"{options.results.stem}_ours.csv"))
    tested = replace(data, validation=data.test)
    key = Path(options.file).stem, options.seed
    for path, space, trials in zip(paths, spaces, searches, strict=True):
        judge = partial(train_again, space, tested, epochs=options.epochs)
        fronts.append(path, key, fronts.retrained(trials, judge, num_seeds=options.again))
        print(f"{path}: {len(trials)} trials, {trials[-1].cpu_s:.0f} CPU s")
    if options.ours is not None:
        both = [fronts.read(path) for path in paths]
        for floor in options.floors:
            print(*fronts.compare(*both, floor=floor), sep="\n", flush=True)


def found(options: argparse.Namespace) -> list[fronts.Trained]:
    """Return the rival's trials, with the CPU seconds that all processes had used by then."""
    done = sorted(
        (trial for trial in study_of(options).trials if trial.values is not None),
        key=lambda trial: str(trial.datetime_complete),
    )
    spent: dict[int, float] = {}
    trials = []
    for trial in done:
        spent[trial.user_attrs["process"]] = trial.user_attrs["cpu_s"]
        accuracy, size_bytes = trial.values
        told = trial.user_attrs["architecture"]
        cpu_s = round(sum(spent.values()), 2)
        trials.append(fronts.Trained(trial.number, cpu_s, accuracy, size_bytes, told))
    return trials


def train_again(
    space: SearchSpace, data: Dataset, architecture: Architecture, seed: int, *, epochs: int
) -> float:
    """Train a network of either search from scratch, by the rival's loop."""
    torch.manual_seed(seed)
    model = space.build(architecture, data.shape)
    return train(model, data, int(str(architecture["resolution"])), epochs=epochs)


def study_of(options: argparse.Namespace, number: int = 0) -> optuna.Study:
    """Return the study, as one of the processes sees it."""
    seed = 1_000 * options.seed + number
    storage = JournalStorage(JournalFileBackend(str(options.journal)))
    sampler = optuna.samplers.TPESampler(
        multivariate=True, constant_liar=True, n_startup_trials=STARTUP, seed=seed
    )
    return optuna.create_study(
        study_name="rival", storage=storage, sampler=sampler,
        directions=["maximize", "minimize"], load_if_exists=True,
    )  # fmt: skip


def work(options: argparse.Namespace) -> int:
    """Be one of the processes: ask, train, tell, until all processes have done enough."""
    torch.set_num_threads(1)
    number: int = options.number
    study, data = study_of(options, number), data_of(options.file)
    space = space_for(data)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        torch.manual_seed(trial.number)
        architecture = suggest(trial, space)
        model = space.build(architecture, data.shape)
        resolution = int(str(architecture["resolution"]))
        accuracy = train(model, data, resolution, epochs=options.epochs)
        trial.set_user_attr("cpu_s", time.process_time())
        trial.set_user_attr("process", number)
        trial.set_user_attr("architecture", json.dumps(dict(architecture)))
        return accuracy, 4.0 * sum(
            tensor.numel() for tensor in model.state_dict().values() if tensor.is_floating_point()
        )

    done = optuna.study.MaxTrialsCallback(options.trials, states=None)
    study.optimize(objective, callbacks=[done])
    return 0


def space_for(data: Dataset) -> MobileNetSpace:
    """Return the space that `nas search` has for small images."""
    resolutions = {"choice": RESOLUTIONS[data.shape.input_shape[1]]}
    return MobileNetSpace({**MobileNetSpace.default_parameters, "resolution": resolutions})


def data_of(file: str) -> Dataset:
    """Return the data by the split that `nas search` makes."""
    if file == "digits":
        return load_digits()
    data = load_npz(file, validation_fraction=0.1, is_mirrorable=True)
    assert isinstance(data, Dataset), "images in classes"
    return data


def train(model: nn.Module, data: Dataset, resolution: int, *, epochs: int) -> float:
    """Train by one cycle, and return the share of validation images that are read rightly."""
    train_set, validation = (loaded(split, resolution) for split in (data.train, data.validation))
    loader = DataLoader(train_set, batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=RATE, total_steps=epochs * len(loader), pct_start=WARMUP
    )
    model.train()
    for _ in range(epochs):
        for images, labels in loader:
            if data.is_mirrorable and torch.rand(()) < 0.5:
                images = images.flip(3)
            loss = functional.cross_entropy(model(images), labels, label_smoothing=SMOOTHING)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.inference_mode():
        right = [
            (model(images).argmax(1) == labels).sum()
            for images, labels in DataLoader(validation, batch_size=512)
        ]
    return float(sum(right)) / len(validation)


def loaded(split: Split, resolution: int) -> TensorDataset:
    """Return a split as a data set of floats at some resolution, scaled to -1 .. 1."""
    images = torch.from_numpy(np.asarray(split.images)).permute(0, 3, 1, 2)
    floats = images.float() / (255.0 if images.dtype == torch.uint8 else 1.0) * 2.0 - 1.0
    sized = functional.interpolate(floats, size=resolution, mode="bilinear", antialias=True)
    return TensorDataset(sized, torch.from_numpy(np.asarray(split.labels)))


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: four trials on pretended images."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    file = write_images(folder / "small.npz", side=8, num_train=640, num_test=20)
    yield [str(file), str(folder / "journal.log"), "--trials", "3", "--epochs", "1",
           "--processes", "1", "--ours", str(folder / "run"),
           "--again", "1", "--results", str(folder / "rival.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

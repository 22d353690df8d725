"""What does streaming cost? One training on a folder of files, from memory and from disk.

    python -m experiments.cifar10.streaming cifar10_32.npz FOLDER

FOLDER is filled with JPEG files: the training images at 256x256 pixels, 300 a class unless NUMBER
is given after it. Each way runs in a process of its own.
"""

import csv
import gc
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from experiments.cifar10.pretend import write_images
from experiments.smoke import make_parser, run_experiment

RESULTS = Path(__file__).parent / "results" / "streaming.csv"
SIDE_ON_DISK, SIDE_STORED = 256, 128
EPOCHS = 2  # of the wall time the first is not counted: it starts the processes
COLUMNS = [
    "way", "loaders", "images", "decoded_mb", "load_s", "epoch_s", "images_per_s", "cpu_s",
    "loaders_cpu_s", "peak_mb", "accuracy", "machine",
]  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Write the folder if it is not there, and measure each way."""
    if words and words[0] == "measure":
        print(json.dumps(measure(words[1], streaming=words[2] == "true", loaders=int(words[3]))))
        return 0
    parser = make_parser(__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("number", type=int, nargs="?", default=300, help="images of a class")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    if not options.folder.is_dir():
        write_folder(options.file, options.folder, number=options.number)
    rows = []
    # In turns, to see the noise. The first one looks at all files; later ones need not.
    for streaming, loaders in options.rounds * (("true", 1), ("false", 0)):
        rows.append(in_own_process(str(options.folder), streaming, str(loaders)))
        print(rows[-1], flush=True)
    write(options.results, rows)
    return 0


def write_folder(npz: Path, folder: Path, *, number: int) -> None:
    """Write the first images of each class, enlarged, as JPEG files."""
    content = np.load(npz)
    for label, name in enumerate(content["class_names"]):
        (folder / str(name)).mkdir(parents=True)
        for place in np.flatnonzero(content["train_labels"] == label)[:number]:
            image = Image.fromarray(content["train_images"][place])
            large = image.resize((SIDE_ON_DISK, SIDE_ON_DISK), Image.Resampling.BICUBIC)
            large.save(folder / str(name) / f"{place}.jpg", quality=90)


def measure(folder: str, *, streaming: bool, loaders: int) -> dict[str, object]:
    """Load and train; this process does nothing else."""
    from nas.architecture import Architecture
    from nas.data.image_folder import load_image_folder
    from nas.evaluation.placement import move_to_device
    from nas.train.device import keep_freed_memory
    from nas.train.loop import Training
    from nas.train.recipe import Recipe
    from search_spaces.mobilenet import MobileNetSpace

    torch.set_num_threads(1)
    keep_freed_memory()
    started = time.monotonic()
    data = load_image_folder(folder, image_size=SIDE_STORED, streaming=streaming)
    load_s, load_cpu = time.monotonic() - started, time.process_time()
    device = torch.device("cpu")
    placed = move_to_device(data.search_data(), device, num_loaders=loaders)
    torch.manual_seed(0)
    space = MobileNetSpace(
        {**SMALL, "resolution": SIDE_STORED}, channels=[16, 24, 40, 96], stem_stride=2
    )
    architecture: Architecture = next(space.enumerate())
    model = space.build(architecture, data.shape).to(memory_format=torch.channels_last)
    training = Training(model, placed, Recipe(epochs=EPOCHS, batch_size=32), seed=0)
    training.run(budget=1 / EPOCHS)
    warm = time.monotonic()
    training.run()
    seconds = (time.monotonic() - warm) / (EPOCHS - 1)
    number, accuracy = len(data.train), training.score().accuracy
    del training, placed  # ends the processes, so that their time is known
    gc.collect()
    return {
        "way": "streamed" if streaming else "in memory",
        "loaders": loaders,
        "images": number,
        "decoded_mb": round(sum(len(s) for s in data.splits().values()) * SIDE_STORED**2 * 3e-6),
        "load_s": round(load_s, 2),
        "epoch_s": round(seconds, 2),
        "images_per_s": round(number / seconds),
        "cpu_s": round(time.process_time() - load_cpu, 1),
        "loaders_cpu_s": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
        "accuracy": accuracy,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}",
    }


SMALL = {
    "width": 0.5,
    "activation": "relu",
    "stages": {"repeat": 4, "depth": 1, "kernel": 3, "expansion": 3, "squeeze_excite": False},
}


def in_own_process(*words: str) -> dict[str, object]:
    """Measure in a fresh process."""
    command = [sys.executable, "-m", "experiments.cifar10.streaming", "measure", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write the results."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def small(folder: Path) -> Iterator[list[str]]:
    """Train on six made-up images of each class."""
    file = write_images(folder / "images.npz", side=32, num_train=60, num_test=10)
    results = ["--results", str(folder / "streaming.csv")]
    yield [str(file), str(folder / "photos"), "6", "--rounds", "1", *results]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

"""Makes one network into files, one for each format, and measures each by running it (`bench`).

What was made is remembered beside the files, so a second `nas finish` makes nothing twice.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from nas.architecture import Architecture
from nas.data.dataset import Dataset
from nas.evaluation.winner_metric import ACCURACY, AnyData, WinnerMetric
from nas.export import predict
from nas.export.bench import Bench
from nas.export.example import example_of, write_example
from nas.export.inputs import describe_input
from nas.export.made_files import clear, made_from, remember, remembered
from nas.export.mistakes import write_mistakes
from nas.export.parity import outputs_of
from nas.export.settings import ExportSettings
from nas.export.shipped import ShippedNetwork, torch_runner
from nas.files import write_text
from nas.record.artefacts import ArtefactRow


@dataclass(frozen=True)
class TrainedNetwork:
    """A network to ship.

    Attributes:
        name: of the winner, such as "trial 12".
        variant: how its weights came about.
        job: key of the training, for the memory of what was made.
        architecture: what was trained.
        weights: bytes of a safetensors file.
    """

    name: str
    variant: str
    job: str
    architecture: Architecture
    weights: bytes


def export_network(
    trained: TrainedNetwork,
    model: nn.Module,
    *,
    dataset: AnyData,
    folder: Path,
    place: str,
    settings: ExportSettings,
    winner_metric: WinnerMetric = ACCURACY,
) -> list[ArtefactRow]:
    """Write all files of a network below `folder / place`, and return a row for each.

    Args:
        trained: what is shipped.
        model: the same as a torch model, its weights loaded; its parametrizations are removed.
        dataset: inputs for calibration, and the test split for what is measured.
        folder: the run's `finish` folder.
        place: the network's own folder in it.
        settings: which files.
        winner_metric: what each file is judged by.

    Raises:
        MissingPackageError: files are wanted whose packages are missing.
    """
    memory = folder / place / "artefacts.json"
    source = made_from(
        [trained.job, trained.variant],
        settings.formats,
        num_threads=settings.num_threads,
        peak_memory=settings.peak_memory,
    )
    known = remembered(memory, source)
    if known is not None:
        return known
    settings.check_packages()
    clear(folder / place)
    previous = torch.get_num_threads()
    torch.set_num_threads(settings.num_threads)
    try:
        network = ShippedNetwork(
            model, weights=trained.weights, dataset=dataset, num_threads=settings.num_threads
        )
        _describe(network, trained.architecture, dataset, folder / place)
        expected = outputs_of(torch_runner(network.model), network.inputs.test)
        bench = Bench(
            name=trained.name,
            variant=trained.variant,
            folder=folder,
            place=place,
            network=network,
            expected=expected,
            example=example_of(expected, network.inputs.targets, winner_metric),
            winner_metric=winner_metric,
            weighs_memory=settings.peak_memory,
        )
        files = settings.files_of(network.bits)
        rows = [bench.ship(settings.formats[name], file) for name, file in files.items()]
        _show(bench, dataset, folder / place)
    finally:
        torch.set_num_threads(previous)
    remember(memory, source, rows)
    return rows


def _show(bench: Bench, dataset: AnyData, place: Path) -> None:
    """Write an example of what goes in and comes out, and what is told wrong."""
    write_example(place, bench.example, dataset)
    if isinstance(dataset, Dataset):
        write_mistakes(place, bench.expected, dataset)


def _describe(
    network: ShippedNetwork, architecture: Architecture, dataset: AnyData, place: Path
) -> None:
    """Write what a user of the files must know, and the program that needs no nas."""
    described = describe_input(dataset, network.size)
    write_text(place / "input.json", json.dumps(described, indent=2) + "\n")
    write_text(place / "architecture.json", architecture.to_json())
    program = Path(predict.__file__).read_text(encoding="utf-8")
    write_text(place / "predict.py", program)

"""The model card: README.md beside a winner's files, made of what was measured and nothing else.

After Mitchell et al. 2019, "Model Cards for Model Reporting"; its head is the Hugging Face hub's.
"""

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.data.dataset import Dataset
from nas.record.artefacts import ArtefactRow
from nas.record.environment import Environment
from nas.record.winners import WinnerRow
from nas.train.recipe import Recipe


@dataclass(frozen=True)
class Circumstances:
    """What all cards of a run share.

    Attributes:
        dataset: what was learnt from and tested on.
        recipe: how the winners were trained.
        environment: where.
        license: of the weights, as the user states it; empty if not stated.
        command: what makes the files again.
        energy: one sentence on energy, or why it is not known.
    """

    dataset: Dataset
    recipe: Recipe
    environment: Environment
    license: str
    command: str
    energy: str


def model_card(
    row: WinnerRow,
    artefacts: Sequence[ArtefactRow],
    *,
    architecture: Architecture,
    circumstances: Circumstances,
) -> str:
    """Return the text of README.md for one network.

    Args:
        row: its confirmation, over retrainings.
        artefacts: its files.
        architecture: what was trained.
        circumstances: of the run.
    """
    parts = [
        _head(circumstances),
        _summary(row, artefacts, circumstances),
        _files(artefacts),
        _use(),
        _data(circumstances.dataset),
        _training(row, architecture, circumstances),
        _environment(circumstances),
    ]
    return "\n\n".join(parts) + "\n"


def _head(circumstances: Circumstances) -> str:
    stated = circumstances.license or "unknown"
    return (
        f"---\nlicense: {stated}\npipeline_tag: image-classification\nlibrary_name: pytorch\n---"
    )


def _summary(
    row: WinnerRow, artefacts: Sequence[ArtefactRow], circumstances: Circumstances
) -> str:
    num_test = len(circumstances.dataset.test)
    facts = {
        f"test accuracy, mean of {row.num_seeds} retrainings": _percent(row.test_accuracy),
        "95 % interval of that mean": _interval(row.confidence_low, row.confidence_high),
        "95 % interval of one more retraining": _interval(row.prediction_low, row.prediction_high),
        "test accuracy of the weights in these files": _percent(artefacts[0].torch_accuracy),
        f"deviation by the choice of {num_test} test images": f"± {_percent(row.sampling_std)}",
        "validation accuracy in the search (optimistic)": _percent(row.search_accuracy),
        "parameters": f"{row.num_params:,.0f}",
        "multiply-accumulates of one image": f"{row.num_macs:,.0f}",
    }
    variant = artefacts[0].variant
    title = f"# {row.name} on {circumstances.dataset.name}, {variant}"
    lines = [title, "", "| | |", "| --- | --- |"]
    lines += [f"| {words} | {value} |" for words, value in facts.items()]
    if row.beaten_by:
        noise = "is no larger and better by more than the noise of retraining."
        lines += ["", f"**{row.beaten_by} {noise}**"]
    end = (
        "The weights are those of the first seed, chosen before the test split was opened; the "
        "intervals speak of chance in training, on these test images."
    )
    return "\n".join([*lines, "", end])


def _files(artefacts: Sequence[ArtefactRow]) -> str:
    head = (
        "file",
        "bytes",
        "test accuracy",
        "same class as torch",
        "greatest difference of a logit",
        "1 image, ms (quartiles)",
        "32 images, ms",
        "peak memory",
    )
    threads = artefacts[0].num_threads
    plural = "s" if threads > 1 else ""
    end = (
        f"Measured from the files on {platform.machine()}, {threads} CPU thread{plural}; "
        "`model.safetensors` in eager torch. Peak memory is what a fresh process needs on top of "
        "its runtime to load the file and run one image."
    )
    table = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(["## Files", "", *table, *map(_file_line, artefacts), "", end])


def _file_line(file: ArtefactRow) -> str:
    name = file.file.rpartition("/")[2]
    cells = [name, f"{file.size_bytes:,}", _percent(file.accuracy), _percent(file.agreement)]
    if file.refused:
        cells[0] = f"~~{name}~~ not shipped: {file.refused}"
        cells += [""] * 4
    else:
        memory = file.peak_memory_bytes
        cells += [
            f"{file.max_difference:.2g}",
            f"{file.latency_ms:.3f} ({file.latency_low_ms:.3f} to {file.latency_high_ms:.3f})",
            f"{file.latency_32_ms:.3f}",
            "–" if math.isnan(memory) else f"{memory / 1e6:.1f} MB",
        ]
    return f"| {' | '.join(cells)} |"


def _use() -> str:
    return (
        "## Use\n\n"
        "`load_without_nas.py` needs torch alone:\n\n"
        "```python\nfrom load_without_nas import load\n\n"
        "network = load()\nlogits = network(images)  # (N, H, W, C) as stored, not normalised\n```"
        "\n\nThe ONNX files take `images`, floats (batch, channels, height, width) in the stored "
        "unit, at the size that `input.json` gives, and return `logits`."
    )


def _data(dataset: Dataset) -> str:
    sizes = ", ".join(f"{len(split):,} {word}" for word, split in dataset.splits().items())
    return (
        f"## Data\n\n{dataset.name}: {sizes} images of "
        f"{' x '.join(map(str, dataset.shape.input_shape))} (channels, height, width), "
        f"{len(dataset.class_names)} classes. Split: {dataset.split_rule}. The network learnt "
        "from train and validation together; the test split took no part in any choice."
    )


def _training(row: WinnerRow, architecture: Architecture, circumstances: Circumstances) -> str:
    recipe = ", ".join(f"{key} {value}" for key, value in vars(circumstances.recipe).items())
    described = f"Architecture `{row.architecture_id}`: {architecture.describe()}"
    return (
        f"## Training\n\n{described}\n\nRecipe: {recipe}.\n\n{circumstances.energy}\n\n"
        f"Made again by\n\n```sh\n{circumstances.command}\n```"
    )


def _environment(circumstances: Circumstances) -> str:
    found = circumstances.environment
    versions = ", ".join(f"{name} {version}" for name, version in found.packages.items())
    devices = ", ".join(device.name for device in found.devices) or "none"
    commit = found.checkout.commit[:12] if found.checkout else "none"
    return (
        f"## Environment\n\nPython {found.python}, {versions}; {found.platform}; {found.cpu}, "
        f"{found.num_cpus} processors; accelerators: {devices}; commit: {commit}; "
        f"{found.started}."
    )


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.2f} %"


def _interval(low: float, high: float) -> str:
    return "–" if math.isnan(low) else f"{100 * low:.2f} to {100 * high:.2f} %"

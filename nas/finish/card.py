"""The model card: README.md beside a winner's files. It states only what was measured.

After Mitchell et al. 2019, "Model Cards for Model Reporting"; its head is the Hugging Face hub's.
"""

import json
import math
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from nas.architecture import Architecture
from nas.data.dataset import Dataset
from nas.evaluation.winner_metric import AnyData
from nas.export.inputs import input_words
from nas.export.markdown import escaped
from nas.export.usage import is_runnable, predict_words
from nas.finish.errors_told import mistakes_words
from nas.finish.length import Lengths
from nas.metric import is_share
from nas.record.artefacts import ArtefactRow, drawbacks
from nas.record.confusion import Confusion
from nas.record.environment import Environment, versions_of
from nas.record.references import Reference
from nas.record.winners import WinnerRow
from nas.train.recipe import Recipe

_UNKNOWN = "–"
# What makes and runs the files, beside what every run notes.
_PACKAGES = ("onnx", "onnxruntime", "onnxscript", "torch-pruning", "executorch", "torchao")


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
        trial_epochs: for how long a trial of the search trained; None where it is not known.
        trivial: the best model that needs no network, judged on the test split; None for none.
    """

    dataset: AnyData
    recipe: Recipe
    environment: Environment
    license: str
    command: str
    energy: str
    trial_epochs: int | None
    trivial: Reference | None = None


def model_card(
    row: WinnerRow,
    artefacts: Sequence[ArtefactRow],
    *,
    architecture: Architecture,
    circumstances: Circumstances,
    usages: Sequence[str] = (),
    story: str = "",
    confusion: Confusion | None = None,
    has_mistakes: bool = False,
    lengths: Lengths | None = None,
) -> str:
    """Return the text of README.md for one network.

    Args:
        row: its confirmation, over retrainings.
        artefacts: its files.
        architecture: what was trained.
        circumstances: of the run.
        usages: how to use the files that are shipped; a paragraph for each kind of file.
        story: what was done to it besides training by the recipe; a sentence, or empty.
        confusion: of the classes; None where there are none.
        has_mistakes: there is a sheet of mistakes.
        lengths: how long the winners trained, and why; None where as the recipe says.
    """
    errs = [] if confusion is None else [mistakes_words(confusion, has_pictures=has_mistakes)]
    parts = [
        _head(circumstances),
        _summary(row, artefacts, circumstances),
        _files(artefacts),
        _use(usages, circumstances.dataset, artefacts),
        *errs,
        input_words(circumstances.dataset),
        _data(circumstances.dataset),
        _training(row, architecture, circumstances, story, lengths),
        _environment(circumstances),
    ]
    return "\n\n".join(parts) + "\n"


def _head(circumstances: Circumstances) -> str:
    lines = [f"license: {_yaml_text(circumstances.license or 'unknown')}"]
    if isinstance(circumstances.dataset, Dataset):
        lines.append("pipeline_tag: image-classification")
    return "\n".join(["---", *lines, "library_name: pytorch", "---"])


def _yaml_text(text: str) -> str:
    """Return a text as YAML has it; JSON's form in quotes where a plain one might be misread."""
    return text if re.fullmatch(r"[A-Za-z][\w.-]*", text) else json.dumps(text, ensure_ascii=False)


def _summary(
    row: WinnerRow, artefacts: Sequence[ArtefactRow], circumstances: Circumstances
) -> str:
    num_test, word = len(circumstances.dataset.test), row.metric
    within = partial(_interval, word)
    trivial = circumstances.trivial if word == "accuracy" else None
    simplest = {} if trivial is None else {
        f"test accuracy of a trivial model ({trivial.name})": _value(word, trivial.accuracy)
    }  # fmt: skip
    facts = {
        f"test {word}, {row.of_retrainings}": _value(word, row.test_mean),
        "95 % interval of that mean": within(row.confidence_low, row.confidence_high),
        "95 % interval of one more retraining": within(row.prediction_low, row.prediction_high),
        f"test {word} of the weights in these files": _value(word, artefacts[0].torch_value),
        f"standard deviation that {num_test} other test examples would add": _value(
            word, row.sampling_std, before="± "
        ),
        **simplest,
        f"validation {word} in the search": _value(word, row.search_value),
        "parameters": f"{row.num_params:,.0f}",
        "multiply-accumulates of one example": f"{row.num_macs:,.0f}",
    }
    variant = artefacts[0].variant
    made = "" if row.name.endswith(variant) else f", {variant}"
    title = f"# {row.name} on {escaped(circumstances.dataset.name)}{made}"
    lines = [title, "", "| | |", "| --- | --- |"]
    lines += [f"| {words} | {value} |" for words, value in facts.items() if value != _UNKNOWN]
    if row.beaten_by:
        noise = "is no larger and better by more than the noise of retraining."
        lines += ["", f"**{row.beaten_by} {noise}**"]
    end = "The weights are those of the first seed, chosen before the test split was opened"
    if row.num_seeds > 1:
        end += "; the intervals speak of chance in training, on this test split"
    return "\n".join([*lines, "", f"{end}."])


def _files(artefacts: Sequence[ArtefactRow]) -> str:
    head = (
        "file",
        "bytes",
        f"test {artefacts[0].metric}",
        "same class as torch",
        "greatest difference of an output",
        "1 example, ms (quartiles)",
        "32 examples, ms (quartiles)",
        "peak memory",
    )
    threads = artefacts[0].num_threads
    plural = "s" if threads > 1 else ""
    end = (
        f"Measured from the files on {platform.machine()}, {threads} CPU thread{plural}; "
        "`model.safetensors` in eager torch. Peak memory is what a fresh process needs on top of "
        "its runtime to load the file and run one example."
    )
    table = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * (len(head) - 1)]
    parts = ["## Files", "", *table, *map(_file_line, artefacts), "", end]
    for line in drawbacks(artefacts):
        parts += ["", line]
    return "\n".join(parts)


def _file_line(file: ArtefactRow) -> str:
    name = file.file.rpartition("/")[2]
    value, agreement = _value(file.metric, file.test_value), _value("accuracy", file.agreement)
    size = f"{file.size_bytes:,}" if file.size_bytes else _UNKNOWN
    cells = [name, size, value, agreement]
    if file.refused:
        cells[0] = f"~~{name}~~ not shipped: {file.refused}"
        cells += [""] * 4
    else:
        memory = file.peak_memory_bytes
        cells += [
            f"{file.max_difference:.2g}",
            _time(file.latency_ms, file.latency_low_ms, file.latency_high_ms),
            _time(file.latency_32_ms, file.latency_32_low_ms, file.latency_32_high_ms),
            _UNKNOWN if math.isnan(memory) else f"{memory / 1e6:.1f} MB",
        ]
    return f"| {' | '.join(cells)} |"


def _time(median: float, low: float, high: float) -> str:
    return f"{median:.3f} ({low:.3f} to {high:.3f})"


def _use(usages: Sequence[str], dataset: AnyData, artefacts: Sequence[ArtefactRow]) -> str:
    """Return how to use those of the files that are shipped."""
    shipped = {row.file.rpartition("/")[2] for row in artefacts if not row.refused}
    weights_alone = "`model.safetensors` holds the tensors of the network that `nas` builds."
    how = [predict_words(dataset)] if is_runnable(shipped) else [weights_alone]
    return "\n\n".join(["## Use", *how, *usages])


def _data(dataset: AnyData) -> str:
    sizes = ", ".join(f"{len(split):,} {word}" for word, split in dataset.splits().items())
    if isinstance(dataset, Dataset):
        what, wanted = "images", f"{len(dataset.class_names)} classes"
    else:
        what, wanted = "inputs", f"task {type(dataset.task).__name__}"
    return (
        f"## Data\n\n{escaped(dataset.name)}: {sizes} {what} of "
        f"{' x '.join(map(str, dataset.shape.input_shape))} (channels, height, width), "
        f"{wanted}. Split: {escaped(dataset.split_rule)}. The network learnt "
        "from train and validation together; the test split took no part in any choice."
    )


def _training(
    row: WinnerRow,
    architecture: Architecture,
    circumstances: Circumstances,
    story: str,
    lengths: Lengths | None,
) -> str:
    told = {key: value for key, value in asdict(circumstances.recipe).items() if value is not None}
    if circumstances.trial_epochs is not None:
        number = circumstances.trial_epochs
        epochs = "1 epoch" if number == 1 else f"{number} epochs"
        trained = f"In the search it trained for {epochs} at most."
        story = " ".join(filter(None, [story, trained]))
    if lengths is not None and row.architecture_id in lengths.of:
        told["epochs"] = lengths.of[row.architecture_id].epochs
        story = " ".join(filter(None, [story, _long(lengths, row)]))
    recipe = ", ".join(f"{key} {value}" for key, value in told.items())
    described = f"Architecture `{row.architecture_id}`: {architecture.describe()}"
    after = f" {story}" if story else ""
    return (
        f"## Training\n\n{described}\n\nRecipe: {recipe}.{after}\n\n{circumstances.energy}\n\n"
        f"Made again by\n\n```sh\n{circumstances.command}\n```"
    )


def _long(lengths: Lengths, row: WinnerRow) -> str:
    """Return how long the network trained and why, and the curves that it was found by."""
    lines = [lengths.story(row.architecture_id)]
    if lengths.curve:
        epochs = sorted({point.epochs for point in lengths.curve})
        names = {point.name: point.architecture_id for point in lengths.curve}
        lines += ["", f"Validation {row.metric} by epochs of training:", ""]
        lines += [f"| | {' | '.join(map(str, epochs))} |", "| --- |" + " ---: |" * len(epochs)]
        for name, identity in names.items():
            points = lengths.curve_of(identity)
            known = {point.epochs: _value(row.metric, point.value) for point in points}
            lines.append(f"| {name} | {' | '.join(known.get(e, _UNKNOWN) for e in epochs)} |")
    return "\n".join(lines)


def _environment(circumstances: Circumstances) -> str:
    found = circumstances.environment
    packages = {**found.packages, **versions_of(_PACKAGES)}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    devices = ", ".join(device.name for device in found.devices) or "none"
    commit = found.checkout.commit[:12] if found.checkout else "none"
    return (
        f"## Environment\n\nPython {found.python}, {versions}; {found.platform}; {found.cpu}, "
        f"{found.num_cpus} processors; accelerators: {devices}; commit: {commit}; "
        f"{found.started}."
    )


def _value(metric: str, value: float, *, before: str = "") -> str:
    if math.isnan(value):
        return _UNKNOWN
    return before + (f"{100 * value:.2f} %" if is_share(metric) else f"{value:.4g}")


def _interval(metric: str, low: float, high: float) -> str:
    if math.isnan(low):
        return _UNKNOWN
    if is_share(metric):
        return f"{100 * low:.2f} to {100 * high:.2f} %"
    return f"{low:.4g} to {high:.4g}"

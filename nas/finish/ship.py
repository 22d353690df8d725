"""Makes the files and the model card of each network that a `nas finish` ships."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load as load_safetensors

from nas.execution.ray_kept import end_kept_workers
from nas.export.mistakes import MISTAKES_NPZ
from nas.export.network_files import TrainedNetwork, export_network
from nas.export.settings import ExportSettings
from nas.files import write_text
from nas.finish.card import Circumstances, model_card
from nas.finish.kept_weights import read_weights
from nas.finish.length import Lengths
from nas.finish.retrain import Retraining, weights_path
from nas.finish.spent import total_use
from nas.finish.tables import add_artefacts
from nas.finish.task import FinishTask
from nas.planning.command_time import Retrainings
from nas.record.artefacts import ArtefactRow
from nas.record.confusion import CONFUSION_CSV, read_confusion
from nas.record.environment import collect_environment
from nas.record.references import Reference
from nas.record.winners import WinnerRow
from nas.running_clock import running_s
from nas.space.space import SearchSpace


@dataclass(frozen=True)
class Shipped:
    """A network whose files are made.

    Attributes:
        row: its confirmation.
        job: the training whose weights are shipped.
        variant: how the weights came about.
        place: the folder of its files, below `finish`.
        story: what was done to it besides training by the recipe; a sentence, or empty.
    """

    row: WinnerRow
    job: Retraining
    variant: str
    place: str
    story: str


def ship(
    networks: Sequence[Shipped],
    *,
    task: FinishTask,
    space: SearchSpace,
    folder: Path,
    settings: ExportSettings,
    lengths: Lengths | None = None,
    retrainings: Retrainings | None = None,
    trivial: Sequence[Reference] = (),
) -> list[ArtefactRow]:
    """Make the files of all networks, smallest first; write artefacts.csv and the model cards.

    Args:
        networks: what is shipped.
        task: what is finished.
        space: builds the networks, variants included.
        folder: the run's `finish` folder.
        settings: which files.
        lengths: how long the winners trained, and why; None where as the recipe says.
        retrainings: when the command is to end; None for no such time.
        trivial: models that need no network, judged on the test split.
    """
    end_kept_workers()
    circumstances = _circumstances(task, folder, trivial)
    rows: list[ArtefactRow] = []
    ordered = sorted(networks, key=lambda s: (s.row.size_bytes, s.row.trial))
    for number, shipped in enumerate(ordered):
        affordable = _in_time(settings, retrainings, num_left=len(ordered) - number)
        made = _files_of(shipped, task, space, folder, affordable)
        rows += made
        add_artefacts(folder, made)  # of each: a kill leaves no whole folder without its rows
        kinds = frozenset(row.format for row in made if not row.refused)
        place = folder / shipped.place
        has_classes = (place / CONFUSION_CSV).is_file()
        card = model_card(
            shipped.row,
            made,
            architecture=shipped.job.architecture,
            circumstances=circumstances,
            usages=settings.usages(kinds),
            story=shipped.story,
            confusion=read_confusion(place / CONFUSION_CSV) if has_classes else None,
            has_mistakes=(place / MISTAKES_NPZ).is_file(),
            lengths=lengths,
        )
        write_text(place / "README.md", card)
        if lengths is not None and shipped.row.architecture_id in lengths.of:
            _write_length(place, lengths, shipped.row.architecture_id)
        else:  # of an earlier command, which trained for another length
            (place / "length.json").unlink(missing_ok=True)
    return rows


def _in_time(
    settings: ExportSettings, retrainings: Retrainings | None, *, num_left: int
) -> ExportSettings:
    """Return what there is time for: peak memory takes a fresh process for each file."""
    if retrainings is None or retrainings.spares_time(running_s(), num_left):
        return settings
    return replace(settings, peak_memory=False)


def _write_length(place: Path, lengths: Lengths, architecture_id: str) -> None:
    """Write how long a network trained, why, and its curve."""
    curve = [
        {"epochs": point.epochs, point.metric: point.value, "seconds": round(point.seconds, 2)}
        for point in lengths.curve_of(architecture_id)
    ]
    length = lengths.of[architecture_id]
    told = {"epochs": length.epochs, "reason": length.reason, "validation_curve": curve}
    write_text(place / "length.json", json.dumps(told, indent=1) + "\n")


def _circumstances(task: FinishTask, folder: Path, trivial: Sequence[Reference]) -> Circumstances:
    used = total_use(folder)
    energy = used.describe(grid_g_per_kwh=task.grid_g_per_kwh)
    return Circumstances(
        dataset=task.dataset,
        recipe=task.recipe,
        environment=collect_environment(),
        license=task.license,
        command=task.command,
        energy=f"Retraining of all winners took {used.seconds:,.0f} s. {energy}",
        trial_epochs=task.search_epochs,
        trivial=max(trivial, key=lambda one: one.accuracy, default=None),
    )


def _files_of(
    shipped: Shipped,
    task: FinishTask,
    space: SearchSpace,
    folder: Path,
    settings: ExportSettings,
) -> list[ArtefactRow]:
    weights = read_weights(weights_path(folder, shipped.job.key))
    architecture = shipped.job.architecture
    model = space.build(architecture, task.dataset.shape)
    model.load_state_dict(load_safetensors(weights))
    return export_network(
        TrainedNetwork(shipped.row.name, shipped.variant, shipped.job.key, architecture, weights),
        model,
        dataset=task.dataset,
        folder=folder,
        place=shipped.place,
        settings=settings,
        winner_metric=task.winner_metric,
    )

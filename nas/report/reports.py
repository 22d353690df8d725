"""All reports of a run, into its folder and from its folder alone.

The tables are cheap enough to be written again and again while a search runs; the picture and the
page take a second and are for its end.
"""

import contextlib
from collections.abc import Sequence

from nas.device.device import KnownDevice, read_device
from nas.errors import ConfigError
from nas.objective import Constraint, Objective
from nas.record.artefacts import read_artefacts
from nas.record.environment import read_environment
from nas.record.reading import read_text
from nas.record.references import REFERENCES_CSV, read_references
from nas.record.run_folder import RunFolder
from nas.record.spent import read_spent
from nas.record.winners import WinnerRow, read_winners
from nas.report.content import Report
from nas.report.curations import read_curations
from nas.report.tables import write_front_csv, write_trials_csv
from nas.secrets import masked_by_shape
from nas.trial import TrialRecord


def write_tables(
    folder: RunFolder, records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> None:
    """Write trials.csv and front.csv; readers see the old or the new file, never half of one."""
    write_trials_csv(records, objectives=objectives, path=folder.trials_csv)
    write_front_csv(records, objectives=objectives, path=folder.front_csv)


def write_reports(
    folder: RunFolder,
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    *,
    limits: Sequence[Constraint] = (),
) -> None:
    """Write the tables, front.png, report.html and, once it is finished, what is in `finish`."""
    # Imported here: drawing takes a second to load, which a search that only writes tables saves.
    from nas.report.page import write_page
    from nas.report.plots import write_front_png

    write_tables(folder, records, objectives)
    report = load_report(folder, records, objectives, limits=limits)
    write_front_png(
        records,
        objectives=objectives,
        name=folder.name,
        path=folder.front_png,
        references=report.references,
        floors=report.floors,
    )
    if report.devices:
        from nas.report.device_fronts import write_fronts_png

        place = folder.path / "fronts.png"
        write_fronts_png(records, objectives, report.devices, name=folder.name, path=place)
    write_page(report, path=folder.report_html)
    write_finish_pictures(folder, report.winners)


def write_finish_pictures(folder: RunFolder, winners: Sequence[WinnerRow]) -> None:
    """Write the pictures of a run that was finished, those of its networks too; else nothing."""
    from nas.report.confirmation import write_finish_png
    from nas.report.mistakes import write_mistake_pictures
    from nas.report.shipped import write_files_png

    if winners:
        picture = folder.finish_dir / "finish.png"
        write_finish_png(winners, name=folder.name, path=picture)
    artefacts_csv = folder.finish_dir / "artefacts.csv"
    if artefacts_csv.is_file():
        rows = read_artefacts(artefacts_csv)
        write_files_png(rows, name=folder.name, path=folder.finish_dir / "files.png")
    write_mistake_pictures(folder.finish_dir)


def load_report(
    folder: RunFolder,
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    *,
    limits: Sequence[Constraint] = (),
) -> Report:
    """Return what the page needs, from the files of a run folder; absent ones are left out."""
    winners_csv = folder.finish_dir / "winners.csv"
    artefacts_csv = folder.finish_dir / "artefacts.csv"
    places = folder.models_dir.iterdir() if folder.models_dir.is_dir() else ()
    kept = [place for place in places if (place / "weights.safetensors").is_file()]
    return Report(
        name=folder.name,
        records=records,
        objectives=objectives,
        config=_config_text(folder),
        environment=read_environment(folder.environment_json),
        weights={int(p.name): f"models/{p.name}/" for p in kept if p.name.isdecimal()},
        winners=read_winners(winners_csv) if winners_csv.is_file() else (),
        files=read_artefacts(artefacts_csv) if artefacts_csv.is_file() else (),
        spent=read_spent(folder.spent_jsonl),
        devices=_devices_of(folder),
        references=read_references(folder.path / REFERENCES_CSV),
        limits=limits,
        curations=read_curations(folder.data_json),
    )


def _devices_of(folder: RunFolder) -> dict[str, KnownDevice]:
    """Return the devices whose models a run kept; one that is damaged is left out."""
    found = {}
    for path in sorted((folder.path / "devices").glob("*.json")):
        with contextlib.suppress(ConfigError):
            found[path.stem] = read_device(path)
    return found


def _config_text(folder: RunFolder) -> str:
    if not folder.config_yaml.is_file():
        return ""
    text = read_text(folder.config_yaml, remedy="bring it back from a copy")
    return masked_by_shape(text)  # runs of earlier versions kept passwords in their settings

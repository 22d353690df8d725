"""`nas report`: tables, picture and page of a run, again, from its folder alone."""

from collections.abc import Sequence
from pathlib import Path

from nas.cli.commands import REPORT
from nas.cli.flags import parse_settings
from nas.cli.terminal import make_console, terminal_width
from nas.exit_status import ExitStatus


def run(words: Sequence[str]) -> int:
    """Make the reports of one run."""
    settings = parse_settings(words, REPORT)
    from nas.cli.missing import say_missing, without_weights
    from nas.config.recorded import recorded_limits, recorded_objectives
    from nas.record.references import REFERENCES_CSV, floors_of, read_references
    from nas.record.run_folder import RunFolder
    from nas.report.limits import limit_floors
    from nas.report.reports import write_reports
    from nas.report.tables import front_table, knee_sentence
    from nas.study.journal import load_records

    folder = RunFolder.open(Path(settings["run"]))
    objectives = recorded_objectives(folder)
    records = load_records(folder.study_journal)
    limits = recorded_limits(folder, objectives)
    write_reports(folder, records, objectives, limits=limits)
    trivial = floors_of(read_references(folder.path / REFERENCES_CSV), objectives)
    floors = (*trivial, *limit_floors(limits, objectives))
    console = make_console()
    table = front_table(records, objectives, floors=floors, width=terminal_width(console))
    console.print(table)
    sentence = knee_sentence(records, objectives, floors=floors)
    console.print(sentence, markup=False, highlight=False)
    console.print(f"Written: {folder.report_html}", markup=False, soft_wrap=True)
    say_missing(console, folder, without_weights(folder, records, objectives))
    return ExitStatus.DONE

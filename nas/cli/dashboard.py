"""`nas dashboard`: a run's study in the browser, by optuna-dashboard; it may still be running."""

import re
from collections.abc import Sequence
from pathlib import Path

from nas.cli.commands import DASHBOARD
from nas.cli.flags import parse_settings
from nas.errors import ConfigError, ExecutionError, RunFolderError
from nas.exit_status import ExitStatus


def run(words: Sequence[str]) -> int:
    """Serve one run's study until Ctrl-C."""
    settings = parse_settings(words, DASHBOARD)
    port = settings["port"]
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ConfigError(f"port must be from 1 to 65535, but got {port[:40]!r}")
    from nas.record.run_folder import RunFolder

    folder = RunFolder.open(Path(settings["run"]))
    if not folder.study_journal.is_file():
        raise RunFolderError(f"{folder.path} has no study.journal yet; wait for its first trial")
    from nas.study.dashboard import serve_study
    from nas.study.journal import load_study

    load_study(folder.study_journal)  # tells of damage before the browser shows half of it
    host, number = settings["host"], int(port)
    print(f"http://{host}:{number}  (Ctrl-C ends it)", flush=True)
    try:
        serve_study(folder.study_journal, host=host, port=number)
    except OSError as error:
        raise ExecutionError(
            f"port {port} cannot be used ({error}); give another port=..."
        ) from error
    return ExitStatus.DONE

"""Shows a study in a browser, by optuna-dashboard."""

from pathlib import Path

import optuna_dashboard
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend


def serve_study(journal: Path, *, host: str, port: int) -> None:
    """Serve the study of a journal until Ctrl-C; it may still grow.

    Raises:
        OSError: the port cannot be used.
    """
    storage = JournalStorage(JournalFileBackend(str(journal)))
    optuna_dashboard.run_server(storage, host=host, port=port)

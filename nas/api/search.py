"""`nas.search`: a search from Python, with the settings, checks and files of the command line."""

from pathlib import Path
from typing import Any

from nas.api.run import Run
from nas.api.words import as_words


def search(*overrides: str, config_dir: Path | str | None = None, **settings: Any) -> Run:
    """Search, and return the run.

    Ctrl-C ends it with everything on disk that was finished; `run.resume()` goes on. Progress is
    printed: a live view on a terminal, a line for each trial elsewhere; `ui="none"` is silent.

    Args:
        *overrides: as on the command line: `"data=image_folder"`, `"data.path=photos"`.
        config_dir: a folder of your own YAML files beside the shipped ones.
        **settings: top-level settings by keyword, deeper ones as a dict: `seed=1`,
            `training={"epochs": 3}`, `constraints={"size_bytes": {"max": 2e6}}`.

    Returns:
        The run; what it holds is on disk in `run.path`.

    Raises:
        NasError: a setting is wrong, the data cannot be used, or the search cannot go on. Nothing
            was trained yet where a setting is wrong.
    """
    from nas.train.threads import set_worker_environment

    set_worker_environment()  # before anything imports torch
    # Imported here: `import nas` must stay quick.
    from nas.assemble.jobs import plan_jobs
    from nas.cli.search import run_job
    from nas.cli.terminal import make_console
    from nas.config.launch import open_launch_folder
    from nas.config.source import ConfigSource
    from nas.secrets import remember_secrets_of_words

    words = as_words(overrides, settings)
    remember_secrets_of_words(words)
    open_launch_folder()
    folder = None if config_dir is None else Path(config_dir).absolute()
    (job,) = plan_jobs(ConfigSource(folder, overrides=tuple(words)))
    run_job(job, make_console())
    return Run(job.config.run_folder)

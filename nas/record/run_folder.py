"""Where does a run keep what? The one folder of a run, and the name of each file in it.

The study journal is the truth; tables, pictures and the page are made from it again at any time
(`nas.report.reports.write_reports`). Nothing here reads or writes those files.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from nas.errors import RunFolderError, nearest_first
from nas.record.links import refuse_what_leads_out

LEASE = ".lease"  # stands for the right to write a folder (`nas.record.lease`)
LOG = "log.txt"
# A command that is killed before config.yaml is whole, or ends with an unexpected error before
# its first trial, leaves no more than these.
_BEFORE_A_RUN = (LEASE, "overrides.yaml", LOG)
_NUM_SHOWN = 5  # neighbours that an error lists


@dataclass(frozen=True)
class RunFolder:
    """The named places of one run.

    Attributes:
        path: the folder; its last part is the run's name and the name of its study.
    """

    path: Path

    @classmethod
    def create(cls, path: Path | str) -> "RunFolder":
        """Make a new run folder, with its parents; a folder that exists and is empty will do.

        Raises:
            RunFolderError: the place is taken.
        """
        folder = cls(Path(path).absolute())
        try:
            folder.path.mkdir(parents=True)
        except FileExistsError as error:
            if not folder.path.is_dir():
                raise RunFolderError(
                    f"{folder.path} is a file, so no run can be kept there; choose another name"
                ) from error
            folder.check_free()
        except NotADirectoryError as error:
            raise RunFolderError(
                f"no run can be kept in {folder.path}: a part of that path is a file; "
                "choose another run_folder=..."
            ) from error
        except OSError as error:
            raise RunFolderError(
                f"no run can be kept in {folder.path}: {error.strerror}; "
                "choose another run_folder=..."
            ) from error
        return folder

    @classmethod
    def open(cls, path: Path | str) -> "RunFolder":
        """Return an existing run folder, to go on with it or to report on it.

        Raises:
            RunFolderError: there is no folder, or it holds no run; runs beside it are listed. Or
                a link in it leads elsewhere.
        """
        folder = cls(Path(path).absolute())
        if folder.holds_run():
            refuse_what_leads_out(folder.path)
            return folder
        what = (
            "holds no run: neither config.yaml nor study.journal is in it"
            if folder.path.is_dir()
            else "does not exist"
        )
        raise RunFolderError(f"the run folder {folder.path} {what}{_neighbours(folder.path)}")

    @classmethod
    def at(cls, path: Path | str) -> "RunFolder":
        """Return a run folder whose files may be damaged.

        Raises:
            RunFolderError: there is no folder, or nothing of a run is in it.
        """
        folder = cls(Path(path).absolute())
        places = (folder.config_yaml, folder.study_journal, folder.overrides_yaml)
        return folder if any(map(os.path.lexists, places)) else cls.open(path)

    def check_free(self) -> None:
        """Make sure that a new run may begin here: nothing is here, or a killed beginning.

        Raises:
            RunFolderError: something else is here.
        """
        names = {entry.name for entry in self.path.iterdir()}
        begun = {name for name in names if name.startswith((".config.yaml.", ".overrides.yaml."))}
        if not names or (LEASE in names and names <= {*_BEFORE_A_RUN, *begun}):
            return
        raise RunFolderError(
            f"the run folder {self.path} exists already; add resume=true to go on with "
            "it, or choose another name=... to start a new run"
        )

    def holds_run(self) -> bool:
        """Return whether a run was begun here."""
        return self.config_yaml.is_file() or self.study_journal.is_file()

    @property
    def name(self) -> str:
        """The run's name, which is also its study's."""
        return self.path.name

    @property
    def config_yaml(self) -> Path:
        """The whole composed configuration."""
        return self.path / "config.yaml"

    @property
    def overrides_yaml(self) -> Path:
        """What the command line changed."""
        return self.path / "overrides.yaml"

    @property
    def environment_json(self) -> Path:
        """Versions, machine and commit (`nas.record.environment`)."""
        return self.path / "environment.json"

    @property
    def data_json(self) -> Path:
        """What the data are, and their fingerprint (`nas.data.fingerprint`)."""
        return self.path / "data.json"

    @property
    def log_txt(self) -> Path:
        """The log, one line per trial."""
        return self.path / LOG

    @property
    def study_journal(self) -> Path:
        """The record of all trials; everything else is made from it."""
        return self.path / "study.journal"

    @property
    def trials_csv(self) -> Path:
        """One row per trial."""
        return self.path / "trials.csv"

    @property
    def front_csv(self) -> Path:
        """One row per front member, smallest first."""
        return self.path / "front.csv"

    @property
    def front_png(self) -> Path:
        """The picture of the front."""
        return self.path / "front.png"

    @property
    def report_html(self) -> Path:
        """The page: one file that needs no network."""
        return self.path / "report.html"

    @property
    def models_dir(self) -> Path:
        """Weights of the front members, one folder per trial."""
        return self.path / "models"

    @property
    def relatives_dir(self) -> Path:
        """Weights that later trials of a running search start from, one folder per trial."""
        return self.path / "relatives"

    def model_dir(self, number: int) -> Path:
        """Return the folder of one trial's weights and architecture."""
        return self.models_dir / str(number)

    @property
    def spent_jsonl(self) -> Path:
        """What each command took that searched here (`nas.record.spent`)."""
        return self.path / "spent.jsonl"

    @property
    def finish_dir(self) -> Path:
        """What `nas finish` makes."""
        return self.path / "finish"


def _neighbours(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"; nor does {parent}, so check the path"
    runs = [p.name for p in parent.iterdir() if p.is_dir() and RunFolder(p).holds_run()]
    if not runs:
        inside = parent / "runs" / path.name
        if RunFolder(inside).holds_run():
            return f"; runs/{path.name} is a run: write runs/{path.name}"
        return f"; there is no run in {parent}, so check the path"
    listed = nearest_first(path.name, runs).split(", ")
    more = f" and {len(listed) - _NUM_SHOWN} more" if len(listed) > _NUM_SHOWN else ""
    return f"; runs beside it, nearest first: {', '.join(listed[:_NUM_SHOWN])}{more}"

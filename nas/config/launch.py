"""May code of the folder that the user started from be named in a `_target_`, and is it safe?

A console script does not put the launch folder on Python's path, so a user's own `my_spaces.py`
would not be found. It is appended, last, so that it can hide nothing. Ray's workers however put
it first: a module there that is called like one of ours, or like one that we need, would be loaded
in its place, in the workers alone, so that is refused. An equal copy of ours is not: it is a clone
whose code is installed.
"""

import sys
from pathlib import Path

from nas.config.namesakes import find_namesakes
from nas.errors import ConfigError

_OURS = ("nas", "search_spaces")


def open_launch_folder(folder: Path | None = None) -> Path:
    """Append the launch folder to Python's path, once, and return it as an absolute path.

    Args:
        folder: the launch folder; the working folder by default.

    Raises:
        ConfigError: it has a package or module named as ours, as one that we need or as one of
            Python's own, that is not that one.
    """
    launch = (folder or Path.cwd()).resolve()
    ours = Path(__file__).resolve().parents[2]
    if launch != ours:
        for name in _OURS:
            _refuse_namesake(launch, ours, name)
    if namesakes := find_namesakes(launch):
        raise ConfigError(
            f"{', '.join(map(str, namesakes))}: this is the name of a module of Python or of a "
            "package that this framework needs, and worker processes would load it in its place; "
            f"rename it, or start elsewhere than in {launch}"
        )
    if str(launch) not in sys.path:
        sys.path.append(str(launch))
    return launch


def _refuse_namesake(launch: Path, ours: Path, name: str) -> None:
    for candidate in (launch / name / "__init__.py", launch / f"{name}.py"):
        if candidate.exists() and not _are_equal(launch / name, ours / name):
            raise ConfigError(
                f"{candidate} has the name of a package of this framework, and worker processes "
                f"would load it in its place; rename it, or start elsewhere than in {launch}. If "
                "that is a clone of this framework, run there what its code is: pip install -e ."
            )


def _are_equal(one: Path, other: Path) -> bool:
    """Say whether two packages hold the same modules: a clone, and what was installed of it."""

    def modules(folder: Path) -> dict[Path, bytes]:
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.py")}

    return one.is_dir() and other.is_dir() and modules(one) == modules(other)

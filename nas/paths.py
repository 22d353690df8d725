"""Where the shipped configuration lies: in the installed package, or beside it in a checkout."""

from pathlib import Path


def conf_dir() -> Path:
    """Return the absolute folder of the shipped YAML files."""
    package = Path(__file__).resolve().parent
    installed = package / "_conf"
    return installed if installed.is_dir() else package.parent / "conf"

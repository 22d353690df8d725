"""Where the shipped configuration lies, and where what can be made again is kept.

The configuration is in the installed package, or beside it in a checkout.
"""

import os
from pathlib import Path


def conf_dir() -> Path:
    """Return the absolute folder of the shipped YAML files."""
    package = Path(__file__).resolve().parent
    installed = package / "_conf"
    return installed if installed.is_dir() else package.parent / "conf"


def cache_dir() -> Path:
    """Return the folder for what can be made again: $XDG_CACHE_HOME/nas, or ~/.cache/nas."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "nas"

"""TensorBoard: event files, and copies of files, in a folder (`tensorboard --logdir FOLDER`)."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.tracking.tracker import TrackedRun

_LARGEST_TEXT = 200_000  # bytes of a table or a configuration that is shown as text


class TensorboardTracker:
    """Writes event files.

    Args:
        place: a folder; None for `tensorboard` in the run folder.
        project: a folder in it, for runs that belong together; not used without a place.
    """

    def __init__(self, place: str | None, project: str) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._make_writer = SummaryWriter
        self._place = None if place is None else Path(place) / project
        self._folder = Path()
        self._writer: Any = None

    def start(self, run: TrackedRun) -> str:
        """Begin to write; a further command adds a file of events to the same folder."""
        own = run.folder / "tensorboard" if self._place is None else self._place / run.name
        self._folder = own
        self._writer = self._make_writer(str(own))
        rows = "\n".join(f"| {key} | {value} |" for key, value in run.settings.items())
        self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}", 0)
        return str(own)

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """Write a point of each number's curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def file(self, path: Path, name: str) -> None:
        """Copy a file beside the events; show pictures and short texts."""
        if path.suffix == ".png":
            self._writer.add_image(name, _pixels(path), 0, dataformats="HWC")
        elif path.suffix in (".csv", ".yaml") and path.stat().st_size <= _LARGEST_TEXT:
            text = path.read_text(encoding="utf-8", errors="replace")
            self._writer.add_text(name, "\n".join(f"    {line}" for line in text.splitlines()), 0)
        copy = self._folder / "files" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)

    def close(self, *, is_failed: bool) -> None:
        """Write what waits."""
        del is_failed  # TensorBoard knows no such state
        self._writer.close()


def _pixels(path: Path) -> Any:
    """Return a picture (H, W, 3) of whole numbers from 0 to 255."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))

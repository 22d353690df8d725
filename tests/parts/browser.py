"""A page in headless Chromium: what its console said, and what a script found in it."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
_CONSOLE = re.compile(r':CONSOLE(?::\d+|\(\d+\))\] "(.*?)", source:', re.DOTALL)
_TOLD = re.compile(r'<template class="told">(.*?)</template>', re.DOTALL)
_FRAME = """<!DOCTYPE html>
<iframe src="visited.html" style="border: 0; width: {width}px; height: 880px"></iframe>
<script>
addEventListener("message", (event) => {{
  const told = document.createElement("template");
  told.className = "told";
  told.innerHTML = encodeURIComponent(JSON.stringify(event.data));
  document.body.append(told);
}});
</script>"""


@dataclass(frozen=True)
class Visit:
    """What a visit left: the lines of the console, and what the script told."""

    console: list[str]
    told: list[Any]


def visit(
    page: Path, tmp_path: Path, *, script: str = "", width: int = 1280, dark: bool = False
) -> Visit:
    """Open a page in a frame of a width and run a script after its own; `tell(value)` returns."""
    late = (
        f"<script>\nconst tell = (value) => parent.postMessage(value, '*');\n{script}\n</script>"
    )
    html = page.read_text(encoding="utf-8").replace("</body>", f"{late}</body>")
    (tmp_path / "visited.html").write_text(html, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(_FRAME.format(width=width), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={max(width, 500) + 40},960",
        "--enable-logging=stderr", "--virtual-time-budget=3000",
        *(["--force-dark-mode"] if dark else []), "--dump-dom", frame.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told = [json.loads(unquote(text)) for text in _TOLD.findall(done.stdout)]
    return Visit(_CONSOLE.findall(done.stderr), told)

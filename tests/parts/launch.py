"""The folder that a user starts from, and YAML files of the user's own."""

import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def launch_folder(tmp_path, monkeypatch) -> Path:
    """An empty folder that the user starts from; what it adds to Python's path is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.fixture
def write_conf(tmp_path):
    """Write a file of the user's own folder of YAML files, and return that folder."""

    def write(place: str, text: str) -> Path:
        path = tmp_path / "my_conf" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path / "my_conf"

    return write

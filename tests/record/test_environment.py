import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from nas.record.environment import (
    Device,
    collect_environment,
    find_checkout,
    parse_devices,
    read_environment,
    write_environment,
)


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def test_environment_holds_this_process(tmp_path):
    environment = collect_environment(command=["nas", "search"], launch_folder=tmp_path)

    assert environment.python == ".".join(map(str, sys.version_info[:3]))
    assert environment.packages["numpy"] == np.__version__
    assert environment.command == ("nas", "search")
    assert environment.num_cpus >= 1
    assert environment.memory_bytes > 2**20


def test_written_environment_reads_back(tmp_path):
    environment = collect_environment(command=["nas"], launch_folder=tmp_path)
    path = tmp_path / "environment.json"

    write_environment(path, environment)

    content = json.loads(path.read_text())
    assert content["cpu"] == environment.cpu
    assert content["command"] == ["nas"]
    assert content["resumes"] == []


def test_a_resume_is_added_and_the_beginning_is_kept(tmp_path):
    path = tmp_path / "environment.json"
    for command in (["nas", "first"], ["nas", "second"], ["nas", "third"]):
        write_environment(path, collect_environment(command=command, launch_folder=tmp_path))

    content = read_environment(path)

    assert content["command"] == ["nas", "first"]
    assert [entry["command"][1] for entry in content["resumes"]] == ["second", "third"]


def test_reading_an_absent_or_broken_environment_gives_nothing(tmp_path):
    broken = tmp_path / "environment.json"
    broken.write_text("{")

    assert read_environment(tmp_path / "absent.json") == {}
    assert read_environment(broken) == {}


def test_a_folder_outside_git_has_no_checkout(tmp_path):
    assert find_checkout(tmp_path) is None


def test_checkout_tells_commit_difference_and_new_files(tmp_path):
    _git(tmp_path, "init", "-q")
    (tmp_path / "a.txt").write_text("one\n")
    _git(tmp_path, "add", "a.txt")
    _git(tmp_path, "commit", "-q", "-m", "first")
    clean = find_checkout(tmp_path)
    (tmp_path / "a.txt").write_text("two\n")
    (tmp_path / "b.txt").write_text("new\n")

    dirty = find_checkout(tmp_path)

    assert clean.commit == _git(tmp_path, "rev-parse", "HEAD").strip()
    assert (clean.is_dirty, clean.diff_bytes, clean.num_untracked) == (False, 0, 0)
    assert dirty.commit == clean.commit
    assert (dirty.is_dirty, dirty.num_untracked) == (True, 1)
    assert dirty.diff_bytes == len(_git(tmp_path, "diff", "HEAD", "--binary"))


def test_a_checkout_before_its_first_commit_has_no_hash(tmp_path):
    _git(tmp_path, "init", "-q")

    assert find_checkout(tmp_path).commit == ""


def test_devices_are_read_from_the_driver_program():
    text = "NVIDIA A100-SXM4-40GB, 40960, 550.54.15\nOrin, [N/A], 540.3.0\nno devices were found\n"

    assert parse_devices(text) == (
        Device("NVIDIA A100-SXM4-40GB", 40960 * 2**20, "550.54.15"),
        Device("Orin", 0, "540.3.0"),
    )

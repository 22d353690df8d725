"""A wrong setting or path is told before the libraries that take seconds are loaded."""

import json
import subprocess
import sys

import pytest
from PIL import Image

PROGRAM = """
import contextlib, io, json, sys
from nas.cli.main import main
heavy = ("torch", "timm", "ray", "sklearn", "matplotlib")
for words in json.loads(sys.argv[1]):
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        status = main(words)
    loaded = [name for name in heavy if name in sys.modules]
    print(json.dumps([status, told.getvalue(), loaded]))
"""
PHOTOS = ("search", "data=image_folder", "data.path=photos")
REFUSED = {
    "a setting": (["search", "trainig.epochs=3"], "no option 'trainig'"),
    "a deep setting": (["search", "training.epoch=3"], "training has no option 'epoch'"),
    "a choice": (["search", "data=image_foldr"], "no such choice of data"),
    "a value": ([*PHOTOS, "training.epochs=-1"], "training.epochs must be a whole number"),
    "a value of the data": ([*PHOTOS, "data.image_size=abc"], "data.image_size must be"),
    "a value of the space": (
        [*PHOTOS, "search_space.parameters.width.choise=[1]"],
        "search_space.parameters.width has no option 'choise'",
    ),
    "a side of the data": ([*PHOTOS, "data.image_size=[64]"], "must be a side or [height, width]"),
    "a fit of the data": ([*PHOTOS, "data.fit=zoom"], "must be one of stretch, crop, pad, but"),
    "colours of the data": ([*PHOTOS, "data.channels=4"], "must be 1 (grey), 3 (colour) or auto"),
    "a share of the data": ([*PHOTOS, "data.test_fraction=-3"], "must be a share from 0 to 1"),
    "nothing to validate": (
        [*PHOTOS, "data.validation_fraction=0"],
        "data.validation_fraction must be above 0 and below 1, but got 0",
    ),
    "a seed of the data": ([*PHOTOS, "data.split_seed=-3"], "must be at least 0, but got -3"),
    "no time": ([*PHOTOS, "budget=0"], "budget must be a number (seconds, or as 90s, 30min, 1h)"),
    "less than no time": ([*PHOTOS, "budget=-1min"], "budget must be a number"),
    "endless time": ([*PHOTOS, "budget=99999999h"], "at most 100,000,000, or null, but got"),
    "no folder": (["search", "data=image_folder", "data.path=gone"], "there is no "),
    "an address": (
        ["search", "data=image_folder", "data.path=https://x.org/a.zip"],
        "data.path: https://x.org/a.zip is an address, and nothing is fetched",
    ),
    "no file": (["search", "data=npz", "data.path=gone.npz"], "there is no "),
    "no classes": (["search", "data=image_folder", "data.path=photos/a"], "has 0 class folders"),
    "a file for a folder": (["search", "data=image_folder", "data.path=x.jpg"], "is no folder"),
    "no earlier run": (["search", "training.transfer_from=runs/gone"], "there is no "),
    "no folder of weights": (
        ["search", "search_space=timm_family", "search_space.pretrained=gone"],
        "search_space.pretrained: there is no ",
    ),
    "weights out of reach": (
        ["search", "search_space=timm_family", "search_space.pretrained=true"],
        "weights of mobilenetv3_small_050 cannot be had: they are not in the cache",
    ),
    "a profile": (["profile", "search_space=mobilnet"], "no such choice of search_space"),
    "a comparison": (["compare", "runs/gone", "runs/gone2"], "does not exist"),
    "a finish": (["finish", "runs/gone"], "does not exist"),
    "a pick": (["pick", "runs/gone"], "does not exist"),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("launch")
    for name in ("photos/a", "photos/b"):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / name / "x.jpg")
    Image.new("RGB", (8, 8)).save(folder / "x.jpg")
    lines = json.dumps([words for words, _ in REFUSED.values()])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, lines],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(sys.path),
            "HOME": str(folder),
            "HF_ENDPOINT": "http://127.0.0.1:9",  # nobody listens there
        },
    )
    return dict(zip(REFUSED, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_word_is_told_before_heavy_libraries_are_loaded(answers, what):
    status, told, loaded = answers[what]

    assert status == 2
    assert REFUSED[what][1] in told
    assert "Traceback" not in told
    assert loaded == []

"""A search over a folder that is larger than the memory it may take, from the command line."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from nas.cli.main import main


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder to start from, with two classes of 20 images of 8 x 8 pixels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(20):
            pixels = rng.integers(0, 156, (8, 8, 3), dtype=np.uint8) + np.uint8(99 * number)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    return tmp_path


WORDS = ("search", "data=image_folder", "data.path=photos", "stopping.num_trials=3", "ui=none")


def accuracies(folder):
    rows = (folder / "trials.csv").read_text().splitlines()
    place = rows[0].split(",").index("accuracy")
    return [row.split(",")[place] for row in rows[1:]]


@pytest.mark.slow
def test_a_search_that_streams_finds_what_one_in_memory_finds(photos):
    kept = main((*WORDS, "execution=inline", "name=kept", "data.streaming=false"))
    streamed = main((*WORDS, "execution=inline", "name=streamed", "data.memory_limit_mb=0.001"))

    runs = photos / "runs"
    assert (kept, streamed) == (0, 0)
    assert json.loads((runs / "streamed/data.json").read_text())["is_streamed"] is True
    assert accuracies(runs / "streamed") == accuracies(runs / "kept")


@pytest.mark.long
def test_winners_of_a_search_that_streams_are_those_of_one_in_memory(photos):
    for name, way in (("kept", "false"), ("streamed", "true")):
        main((*WORDS, "execution=inline", f"name={name}", f"data.streaming={way}"))
        finish = ("finish", f"run=runs/{name}", "execution=inline", "pick=best", "seeds=2",
                  "training.epochs=1")  # fmt: skip
        assert main((*finish, "export.peak_memory=false", "ui=none")) == 0

    winners = [
        (photos / "runs" / name / "finish/winners.csv").read_text().splitlines()
        for name in ("kept", "streamed")
    ]
    places = [i for i, word in enumerate(winners[0][0].split(",")) if "seconds" not in word]
    kept, streamed = ([[row.split(",")[p] for p in places] for row in rows] for rows in winners)
    assert len(kept) == 2
    assert streamed == kept


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_workers_of_ray_read_the_folder_themselves(photos):
    import ray

    main((*WORDS, "execution=inline", "name=kept", "data.streaming=false", "seed=1"))
    try:
        status = main((*WORDS, "name=ray", "data.streaming=true", "seed=1",
                       "execution.num_workers=1"))  # fmt: skip
    finally:
        ray.shutdown()

    assert status == 0
    assert accuracies(photos / "runs/ray") == accuracies(photos / "runs/kept")

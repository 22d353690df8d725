import json
from types import SimpleNamespace

import pytest
from PIL import Image

from nas.assemble import workers
from nas.assemble.profile_settings import read_settings
from nas.assemble.workers import num_workers
from nas.cli.profile_view import plan_words
from nas.config.schema import Execution, ExecutionKind
from nas.profile.trial_time import PlannedSearch, TrialTimes

TINY = [
    "preset=smoke",
    "search_space.parameters.stages.repeat=2",
    "search_space.parameters.stages.depth=1",
    "search_space.parameters.width.choice=[0.25]",
    "samples=6",
]


def test_a_profile_of_a_table_counts_it_and_trains_nothing(nas, table_words, launch_folder):
    status, shown, _ = nas("profile", *table_words, "save=p.json")

    saved = json.loads((launch_folder / "p.json").read_text())
    assert status == 0
    assert "16 architectures" in shown
    assert "nothing is trained" in shown
    assert saved["num_networks"] == 16
    assert saved["costs"]["bytes"]["quantiles"][0::2] == [100.0, 500.0, 1600.0]
    assert not (launch_folder / "runs").exists()


def test_a_profile_tells_the_share_that_keeps_the_constraints(nas, table_words):
    _, shown, _ = nas("profile", *table_words, "constraints.bytes.max=100")

    assert "6.25 % keep this limit" in shown


def test_an_impossible_constraint_ends_with_status_2_and_the_nearest(nas, table_words):
    status, shown, told = nas("profile", *table_words, "constraints.bytes.max=10")

    assert status == 2
    assert "constraints.bytes.max=100" in shown
    assert "no architecture was found" in told


def test_a_profile_measures_training_and_plans_the_search(nas, launch_folder, monkeypatch):
    monkeypatch.setattr("nas.cli.profile.SECONDS_EACH", 0.1)

    status, shown, _ = nas("profile", *TINY, "proxies=[naswot]", "save=p.json")

    saved = json.loads((launch_folder / "p.json").read_text())
    assert status == 0
    assert "4 trials of such networks: " in shown
    assert saved["times"]["trials_per_hour"] > 0
    assert set(saved["costs"]) == {"num_params", "size_bytes", "num_macs", "activation_bytes"}
    assert all("naswot" in row for row in saved["sample"])


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("samples=1000000000000", "at most 100,000, but got"),
        (f"samples={'1' * 5000}", "at most 100,000, but got"),
        ("samples=0", "samples must be a whole number of at least 1"),
        ("train=maybe", "train must be true or false"),
        ("proxies=[naswott]", "nearest first: naswot"),
    ],
)
def test_a_setting_of_the_look_that_cannot_be_is_refused(nas, word, told):
    status, _, said = nas("profile", word)

    assert status == 2
    assert told in said


def test_names_of_a_run_do_not_concern_a_look():
    words = ["name=first", "resume=true", "run_folder=x", "seed=3", "+ui=none"]

    settings = read_settings(words, known_proxies=list)

    assert settings.overrides == ("seed=3",)


@pytest.mark.parametrize(
    ("execution", "number"),
    [
        (Execution(kind=ExecutionKind.INLINE), 1),
        (Execution(kind=ExecutionKind.RAY, gpus_per_trial=0.0), 8),
        (Execution(kind=ExecutionKind.RAY, cpus_per_trial=3.0, gpus_per_trial=0.0), 2),
        (Execution(kind=ExecutionKind.RAY, num_workers=99, gpus_per_trial=0.0), 8),
        (Execution(kind=ExecutionKind.RAY, num_workers=99, address="auto"), 99),
    ],
)
def test_trials_at_once_are_as_many_as_fit(execution, number):
    assert num_workers(execution, num_cpus=8) == number


def test_a_share_of_a_gpu_is_of_one_gpu(monkeypatch):
    monkeypatch.setattr(workers, "num_visible_gpus", lambda: 2)
    execution = Execution(kind=ExecutionKind.RAY, gpus_per_trial=0.4)

    assert num_workers(execution, num_cpus=8) == 4


def write_folder(root, *, num_cats, copied):
    for name, count, grey in (("cat", num_cats, 10), ("dog", 4, 200)):
        (root / "train" / name).mkdir(parents=True)
        (root / "test" / name).mkdir(parents=True)
        for index in range(count):
            Image.new("L", (8, 8), grey + index).save(root / "train" / name / f"{index}.png")
        test = grey if copied else grey + 50
        Image.new("L", (8, 8), test).save(root / "test" / name / "0.png")


def test_balance_and_copies_are_told_by_a_profile_and_by_a_search(nas, launch_folder):
    write_folder(launch_folder / "photos", num_cats=40, copied=True)
    words = ["data=image_folder", "data.path=photos", "data.channels=1", *TINY]
    words = [word for word in words if word != "samples=6"]
    # preset=smoke takes digits unless the data are chosen after it
    status, shown, _ = nas("profile", *words, "samples=2", "train=false")

    assert status == 0
    assert "photos: 2 classes, 8x8 pixels, 1 channel; 35 train, 9 validation, 2 test" in shown
    assert "training images: cat 32, dog 3" in shown
    assert "2 images of the test split stand in train as well" in shown

    status, shown, _ = nas("search", *words, "ui=plain", "name=p", "stopping.num_trials=1")

    record = json.loads((launch_folder / "runs" / "p" / "data.json").read_text())
    assert status == 0
    assert "data: 2 images of the test split stand in train" in shown
    assert record["num_copies"]["test"] == 2
    assert record["class_counts"]["train"] == [32, 3]
    assert record["split_rule"].startswith("train: the images of train")
    assert len(record["mean"]) == 1


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("", "is a folder; name a file: save="),
        ("script.py", "exists and is no .json file, so it stays"),
        ("script.py/profile.json", "nothing can be written in"),
    ],
)
def test_a_place_that_cannot_take_a_profile_is_refused_before_measuring(
    nas, table_words, launch_folder, place, reason
):
    (launch_folder / "script.py").write_text("print(1)\n")

    status, shown, told = nas("profile", *table_words, f"save={launch_folder / place}")

    assert (status, shown) == (2, "")
    assert reason in told
    assert (launch_folder / "script.py").read_text() == "print(1)\n"


def test_what_the_search_itself_plans_is_told_rather_than_random_networks():
    times = TrialTimes((), 600.0, "num_macs", 6.0, 1500.0, 0.0)
    plan = PlannedSearch(30, None, 1, expected_s=1500.0)
    stopping = SimpleNamespace(num_trials=30, time_limit_s=None)

    told = plan_words(times, config=SimpleNamespace(stopping=stopping), plan=plan)

    assert "the search: about 25 min 0 s, as planned above" in told
    assert "of such networks" not in told

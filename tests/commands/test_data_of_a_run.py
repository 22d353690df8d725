"""A run knows its data: what changed is refused by name, what only moved is found."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from nas.cli.main import main

# Whole commands; what each does is proven in its room, too.
pytestmark = pytest.mark.slow

SMALL = (
    "execution=inline",
    "sampler=random",
    "training.epochs=1",
    "search_space.parameters.width.choice=[0.125,0.25]",
    "stopping.num_trials=2",
)
OWN_DATA = """
import numpy as np
from nas.data.dataset import Dataset, Split


def load(folder):
    images = np.load(f"{folder}/images.npy")
    parts = [Split(images[i::3], np.arange(len(images[i::3])) % 2) for i in range(3)]
    return Dataset("own", *parts, class_names=("a", "b"), split_rule="every third")
"""


def save_image(file, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


@pytest.fixture(scope="module")
def folder_with_a_run(tmp_path_factory):
    """A folder with data in `d`, two classes of ten images, and a search of them in `runs/r`."""
    folder = tmp_path_factory.mktemp("begun")
    for label, name in enumerate("ab"):
        for index in range(10):
            save_image(folder / "d" / name / f"{index}.png", [label, index])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["search", "data=image_folder", "data.path=d", *SMALL, "name=r"]) == 0
    return folder


@pytest.fixture
def searched(folder_with_a_run, launch_folder):
    """The run `runs/r` on the data `d`, both for the test to change."""
    shutil.copytree(folder_with_a_run, launch_folder, dirs_exist_ok=True)
    return launch_folder / "runs" / "r"


def test_a_run_does_not_go_on_with_another_image(nas, searched, launch_folder):
    before = (searched / "data.json").read_text()
    save_image(launch_folder / "d" / "a" / "3.png", 99)

    for words in (
        ("search", "name=r", "resume=true", "stopping.num_trials=3"),
        ("finish", "run=runs/r", "execution=inline"),
        ("reproduce", "run=runs/r"),
    ):
        status, _, told = nas(*words)
        assert status == 2
        assert "data are not those that run 'r' was begun with" in told
        assert "1 of " in told
        assert "images differs" in told
    assert (searched / "data.json").read_text() == before
    assert not (searched / "finish").exists()
    assert not (launch_folder / "runs" / "r-again").exists()


def test_a_run_whose_data_moved_goes_on_where_they_are(nas, searched, launch_folder):
    (launch_folder / "d").rename(launch_folder / "e")

    status, _, told = nas("search", "name=r", "resume=true", "stopping.num_trials=3")
    assert status == 2
    assert "data.path: there is no" in told
    status, _, told = nas(
        "search", "name=r", "resume=true", "stopping.num_trials=3", "data.path=e"
    )
    assert status == 0, told
    assert json.loads((searched / "data.json").read_text())["name"] == "d"
    status, _, told = nas("search", "name=r", "resume=true", "stopping.num_trials=4")
    assert status == 0, told  # the new place is on record


def test_a_run_whose_data_moved_is_finished_and_repeated(nas, searched, launch_folder):
    finish = ("finish", "run=runs/r", "execution=inline", "seeds=1", "pick=best")
    quick = ("export.files=false", "training.epochs=1")
    assert nas(*finish, *quick)[0] == 0
    (launch_folder / "d").rename(launch_folder / "e")

    status, _, told = nas(*finish, *quick)
    assert status == 2
    assert "say where they are now: data.path=..." in told
    status, written, told = nas(*finish, *quick, "data.path=e")
    assert status == 0, told
    assert "seed 0: test" not in written  # nothing is trained, or tested, a second time
    status, _, told = nas("reproduce", "run=runs/r", "data.path=e")
    assert status == 0, told


def test_only_the_place_of_the_data_may_be_told_anew(nas, searched):
    for command in ("finish", "reproduce"):
        status, _, told = nas(command, f"run={searched}", "data.image_size=4")
        assert status == 2
        assert "data.image_size was 8 and is now 4" in told
    status, _, told = nas("finish", f"run={searched}", "data=digits")
    assert status == 2
    assert "data.path=... says where they are now" in told


def test_a_run_whose_data_json_is_lost_knows_its_data_from_the_journal(
    nas, searched, launch_folder
):
    (searched / "data.json").unlink()
    save_image(launch_folder / "d" / "a" / "3.png", 99)

    status, _, told = nas("search", "name=r", "resume=true", "stopping.num_trials=3")

    assert status == 2
    assert "images differs" in told


def forget_fingerprint(run):
    """Make a run as earlier versions left it."""
    facts = json.loads((run / "data.json").read_text())
    del facts["fingerprint"]
    (run / "data.json").write_text(json.dumps(facts))
    lines = (run / "study.journal").read_text().splitlines(keepends=True)
    (run / "study.journal").write_text("".join(x for x in lines if "nas:data" not in x))


def test_a_run_without_a_fingerprint_goes_on_with_a_note_and_gets_one(nas, searched):
    forget_fingerprint(searched)

    status, written, _ = nas("search", "name=r", "resume=true", "stopping.num_trials=3")

    assert status == 0
    assert "this run did not record its data" in written
    assert "fingerprint" in json.loads((searched / "data.json").read_text())
    assert "nas:data" in (searched / "study.journal").read_text()
    status, written, _ = nas("search", "name=r", "resume=true", "stopping.num_trials=4")
    assert status == 0
    assert "did not record" not in written


def test_a_run_without_a_fingerprint_is_judged_by_what_data_json_says(
    nas, searched, launch_folder
):
    forget_fingerprint(searched)
    for index in range(5):
        save_image(launch_folder / "d" / "a" / f"new{index}.png", [7, index])

    status, _, told = nas("search", "name=r", "resume=true", "stopping.num_trials=3")

    assert status == 2
    assert "num images {'train': 14" in told


def test_a_run_that_only_a_database_has_knows_its_data(nas, searched, launch_folder):
    url = f"storage.url=sqlite:///{launch_folder}/s.db"
    images = ("data=image_folder", "data.path=d", *SMALL)
    assert nas("search", *images, "name=q", url)[0] == 0
    shutil.rmtree(launch_folder / "runs" / "q")
    shutil.copytree(launch_folder / "d", launch_folder / "e")
    save_image(launch_folder / "d" / "a" / "3.png", 99)

    again = ("search", "name=q", "resume=true", url, "stopping.num_trials=3")
    status, _, told = nas(*again)
    assert status == 2
    assert "images differs" in told
    shutil.rmtree(launch_folder / "d")
    status, _, told = nas(*again, "data.path=e")
    assert status == 0, told


def test_runs_on_other_data_are_not_ranked(nas, searched, launch_folder):
    assert nas("search", *SMALL, "name=digits")[0] == 0
    shutil.copytree(launch_folder / "d", launch_folder / "e")
    images = ("data=image_folder", "data.path=e", *SMALL)
    assert nas("search", *images, "name=moved", "seed=1")[0] == 0

    status, written, told = nas("compare", "runs=[runs/r,runs/digits]")
    assert status == 2
    assert "r and digits are on other data, so nothing ranks them" in told
    assert "all other images: 20 images of 2 classes ('a', 'b') -> 1797 images" in told
    assert written == ""
    assert not (launch_folder / "comparison").exists()
    assert nas("compare", "runs=[runs/r,runs/moved]")[0] == 0
    forget_fingerprint(searched)
    assert nas("compare", "runs=[runs/r,runs/digits]")[0] == 2


def test_a_search_that_is_told_of_one_on_other_data_says_so(nas, searched):
    status, written, told = nas(
        "search", *SMALL, "sampler=frontier", "name=w", f"warm_start=[{searched}]"
    )

    assert status == 0, told
    assert "warm_start: r was on other data (all other images: 20 images" in written


def test_a_table_that_moved_is_found_and_one_that_was_edited_is_refused(
    nas, table_words, launch_folder
):
    assert nas("search", *table_words, "name=t")[0] == 0
    moved = (launch_folder / "t.csv").rename(launch_folder / "u.csv")
    again = ("search", "name=t", "resume=true", "stopping.num_trials=7", f"table.path={moved}")

    status, _, told = nas(*again)
    assert status == 0, told
    status, _, told = nas("reproduce", "run=runs/t", f"table.path={moved}")
    assert status == 0, told
    moved.write_text(moved.read_text().replace("0,0,0.5,100", "0,0,0.9,100"))
    status, _, told = nas(*again, "stopping.num_trials=9")
    assert status == 2
    assert "1 of 16 rows differs" in told


def test_data_of_an_own_function_are_known_and_may_move(nas, launch_folder):
    (launch_folder / "own_data_of_a_run.py").write_text(OWN_DATA)
    (launch_folder / "d").mkdir()
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    np.save(launch_folder / "d" / "images.npy", images)
    (launch_folder / "conf" / "data").mkdir(parents=True)
    node = "_target_: own_data_of_a_run.load\nfolder: ./d\n"
    (launch_folder / "conf" / "data" / "own.yaml").write_text(node)
    begin = ("search", "--config-dir", "conf", "data=own", *SMALL, "name=o")
    assert nas(*begin)[0] == 0
    (launch_folder / "d").rename(launch_folder / "e")
    again = ("search", "name=o", "resume=true", "stopping.num_trials=3")

    status, _, told = nas(*again)
    assert status == 2
    assert "data.folder: there is no" in told
    status, _, told = nas(*again, "data.folder=./e")
    assert status == 0, told
    images[3] = 0
    np.save(launch_folder / "e" / "images.npy", images)
    status, _, told = nas(*again, "stopping.num_trials=4")
    assert status == 2
    assert "1 of 10 training images differs" in told

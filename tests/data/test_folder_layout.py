"""What lies in a folder of images is taken, named or refused; nothing is left out in silence."""

import os
import shutil
import socket

import numpy as np
import pytest
from PIL import Image

from nas.data.findings import printable
from nas.data.image_folder import load_image_folder
from nas.errors import DataError

JUNK = b"\0\0\0\x18ftypheic and no more"


def write_images(folder, *, count=6, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, *os.fsencode(folder)])
    for index in range(count):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")


def classes(root, *names, count=6):
    for name in names or ("a", "b"):
        write_images(root / name, count=count)


def num_images(data):
    return sum(len(split) for split in data.splits().values())


def left_out(data):
    """Return the names of what is not taken, without their folder, by kind."""
    return {entry.what: [n.rpartition("/")[2] for n in entry.names] for entry in left(data)}


def left(data):
    return data.findings.left_out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("photo.HEIC", "pip install pillow-heif"),
        ("photo.heif", "pip install pillow-heif"),
        ("raw.NEF", "raw photos of a camera"),
        ("new.jxl", "convert them to PNG"),
        ("drawing.svg", "drawings, not pixels"),
    ],
)
def test_images_of_kinds_that_are_not_read_are_named_with_a_remedy(tmp_path, name, told):
    classes(tmp_path)
    (tmp_path / "a" / name).write_bytes(b"no known content")

    data = load_image_folder(str(tmp_path))

    assert num_images(data) == 12
    assert any(told in line and f"(1: {tmp_path}/a/{name})" in line for line in warnings(data))
    assert [line.partition(":")[0] for line in data.skipped] == [f"{tmp_path}/a/{name}"]


def warnings(data):
    return data.findings.warnings()


@pytest.mark.parametrize("name", ["doc.pdf", "data.h5", "notes.txt", "page.html", "empty"])
def test_files_that_are_no_images_are_named_and_are_no_faults(tmp_path, name):
    classes(tmp_path)
    (tmp_path / "a" / name).write_bytes(b"%PDF-1.4 text" * (name != "empty"))

    data = load_image_folder(str(tmp_path))

    assert left_out(data) == {"files that are no images": [name]}
    assert data.skipped == ()


@pytest.mark.parametrize("name", ["noextension", "photo.weird", "photo.dat"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_the_content_decides_where_an_extension_tells_nothing(tmp_path, name, kind):
    classes(tmp_path)
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "a" / name, format=kind)

    assert num_images(load_image_folder(str(tmp_path))) == 13


def test_what_systems_and_tools_leave_is_not_taken_and_is_counted(tmp_path):
    classes(tmp_path)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._0.png"):
        (tmp_path / "a" / name).write_bytes(b"x")
    write_images(tmp_path / "a" / ".ipynb_checkpoints", count=4)
    write_images(tmp_path / "__MACOSX" / "a", count=2)

    data = load_image_folder(str(tmp_path))

    assert num_images(data) == 12
    assert left_out(data) == {
        "files and folders of a system or tool": [
            "__MACOSX with 2 images",
            ".DS_Store",
            "Thumbs.db",
            "desktop.ini",
        ],
        "hidden files and folders": ["._0.png", ".ipynb_checkpoints with 4 images"],
    }


def test_pipes_sockets_and_devices_are_named_and_never_opened(tmp_path, monkeypatch):
    classes(tmp_path)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    os.mkfifo(tmp_path / "b" / "pipe")
    monkeypatch.chdir(tmp_path / "b")  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket.jpg")

    data = load_image_folder(str(tmp_path))

    assert left_out(data) == {"pipes, sockets and devices": ["pipe.png", "pipe", "socket.jpg"]}


def test_folders_below_a_class_are_read_whatever_they_are_called(tmp_path):
    classes(tmp_path)
    write_images(tmp_path / "a" / "sub folder" / "deep", count=1)
    write_images(tmp_path / "a" / "x.png", count=2)
    write_images(tmp_path / "elsewhere" / "more", count=3)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "elsewhere" / "more")
    (tmp_path / "a" / "twice").symlink_to(tmp_path / "a" / "x.png")
    (tmp_path / "a" / "round").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to("/")
    (tmp_path / "a" / "self").symlink_to("self")

    data = load_image_folder(str(tmp_path))

    assert data.class_names == ("a", "b", "elsewhere")
    assert num_images(data) == 12 + 1 + 2 + 3 + 3
    assert left_out(data) == {
        "links to nothing": ["self"],
        "links to folders that are taken already": ["round", "twice", "up"],
    }


def test_images_and_lists_beside_class_folders_are_named(tmp_path):
    classes(tmp_path)
    shutil.copy(tmp_path / "a" / "0.png", tmp_path / "loose.png")
    (tmp_path / "labels.csv").write_text("file,label")

    data = load_image_folder(str(tmp_path))

    kinds = left_out(data)
    assert kinds["images in no class folder"] == ["loose.png"]
    assert ["labels.csv"] in kinds.values()


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "eval", "test"),
        ("Training", "DEV", "Testing"),
        ("train_set", "valid_set", "test-set"),
        ("trainset", "Validation images", "TestData"),
        ("train2017", "val2017", "test_256"),
    ],
)
def test_the_usual_names_of_splits_are_understood(tmp_path, train, validation, test):
    classes(tmp_path / train, count=6)
    classes(tmp_path / validation, count=2)
    classes(tmp_path / test, count=1)

    data = load_image_folder(str(tmp_path))

    assert [len(split) for split in data.splits().values()] == [12, 4, 2]


def test_a_flat_test_folder_beside_train_is_told(tmp_path):
    classes(tmp_path / "train")
    write_images(tmp_path / "test", count=5)

    data = load_image_folder(str(tmp_path))

    (line,) = warnings(data)
    assert line.startswith(f"not taken: the folder {tmp_path}/test with 5 images")
    assert line.endswith(f"the test split is drawn from {tmp_path}/train")


def test_a_folder_of_another_name_beside_the_splits_is_told(tmp_path):
    classes(tmp_path / "train")
    classes(tmp_path / "holdout")

    assert (
        "holdout with 12 images; its name means no split"
        in warnings(load_image_folder(str(tmp_path)))[0]
    )


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (["train/a", "train/b", "val/a", "dev/a"], "dev and val, which both mean the validation"),
        (["train/a", "train/b", "Training/a"], "Training and train, which both mean the train"),
        (["train/a", "train/b", "a", "b"], r"are no splits: a, b; .*data\.path=.*/train"),
        (["train/a", "train/b", "unlabeled"], "are no splits: unlabeled"),
        (["a", "b", "val/a", "val/b"], "class folders a, b and beside them val"),
        (["a", "b", "test"], "class folders a, b and beside them test"),
        (["seg_train/a", "seg_train/b", "seg_test/a"], "seem to be splits"),
        (["photos/a", "photos/b"], r"has 1 class folder: photos; .*perhaps data\.path=.*/photos"),
        (["x/photos/a", "x/photos/b"], r"has 1 class folder: x; .*perhaps data\.path=.*/x/photos"),
        (
            ["train/a", "train/b", "val/a"],
            "val has no folder for the classes b, .*move .*val away",
        ),
        (["train/a", "train/b", "val/A", "val/b"], "folders A, which train has not and lacks a"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_what_to_do(tmp_path, folders, told):
    for folder in folders:
        write_images(tmp_path / folder)

    with pytest.raises(DataError, match=told):
        load_image_folder(str(tmp_path))


def test_one_folder_by_two_names_is_no_two_classes(tmp_path):
    classes(tmp_path, "cat", "dog")
    (tmp_path / "kitty").symlink_to(tmp_path / "cat")

    with pytest.raises(DataError, match="class folders cat and kitty are one folder, by a link"):
        load_image_folder(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "other", "told"),
    [
        ("Cat", "cat", "'Cat' and 'cat'"),
        ("cat", "cat ", "'cat' and 'cat '"),
        ("caf\u00e9", "cafe\u0301", r"'cafe\u0301' and 'caf\xe9'"),
    ],
    ids=ascii,
)
def test_classes_of_almost_one_name_are_told(tmp_path, name, other, told):
    classes(tmp_path, name, other, "dog")

    data = load_image_folder(str(tmp_path))

    assert len(data.class_names) == 3
    assert any(f"almost one name, {told}, are 2 classes" in line for line in warnings(data))


def test_what_differs_in_encoding_alone_between_splits_is_told(tmp_path):
    classes(tmp_path / "train", "caf\u00e9", "tea")
    classes(tmp_path / "test", "cafe\u0301", "tea")

    with pytest.raises(DataError, match=r"'cafe\\u0301' for 'caf\\xe9': capitals, spaces or enc"):
        load_image_folder(str(tmp_path))


def test_names_that_are_escaped_to_the_same_are_two_classes(tmp_path):
    classes(tmp_path, "caf\\xe9", os.fsdecode(b"caf\xe9"), "tea")

    assert load_image_folder(str(tmp_path)).class_names == ("caf\\xe9 (0)", "caf\\xe9 (1)", "tea")


def test_splits_within_classes_are_told(tmp_path):
    for place in ("a/train", "a/test", "b/train", "b/test"):
        write_images(tmp_path / place)

    (line,) = warnings(load_image_folder(str(tmp_path)))

    assert line.startswith("folders within the classes are called like splits (a/test, b/test)")


@pytest.mark.parametrize("streaming", [False, True])
def test_one_image_in_two_classes_is_named(tmp_path, streaming):
    classes(tmp_path)
    shutil.copy(tmp_path / "a" / "3.png", tmp_path / "b" / "same.png")

    data = load_image_folder(str(tmp_path), streaming=streaming)

    told = f"images that stand in two classes (1): {tmp_path}/b/same.png = {tmp_path}/a/3.png"
    assert told in warnings(data)


def test_of_very_many_broken_images_the_first_are_named(tmp_path):
    classes(tmp_path)
    for number in range(60):
        (tmp_path / "a" / f"x{number}.jpg").touch()

    with pytest.raises(DataError, match=r"60 of 72 images cannot be read") as caught:
        load_image_folder(str(tmp_path))

    assert len(str(caught.value).splitlines()) == 52
    assert str(caught.value).endswith("... and 10 more")
    assert len(load_image_folder(str(tmp_path), on_broken="skip").skipped) == 60


def test_a_class_may_be_called_train(tmp_path):
    classes(tmp_path, "bus", "car", "train")

    assert load_image_folder(str(tmp_path)).class_names == ("bus", "car", "train")


def test_a_class_of_nothing_but_heic_is_refused_with_the_remedy(tmp_path):
    classes(tmp_path)
    for path in (tmp_path / "a").iterdir():
        path.rename(path.with_suffix(".HEIC")).write_bytes(JUNK)

    with pytest.raises(DataError, match=r"no images of the classes a .*pillow-heif.*\(6: "):
        load_image_folder(str(tmp_path))


@pytest.mark.parametrize("streaming", [False, True])
def test_a_class_of_which_nothing_can_be_read_is_told_by_its_folder(tmp_path, streaming):
    classes(tmp_path)
    for path in (tmp_path / "b").iterdir():
        path.write_bytes(b"broken")

    with pytest.raises(DataError, match="none of the 6 images of b in the train split can be"):
        load_image_folder(str(tmp_path), on_broken="skip", streaming=streaming)


def test_an_archive_and_a_file_are_no_folders(tmp_path):
    classes(tmp_path / "d")
    packed = shutil.make_archive(str(tmp_path / "d"), "zip", tmp_path / "d")
    renamed = shutil.copy(packed, tmp_path / "packed")
    (tmp_path / "f.txt").write_text("x")

    for path in (packed, renamed):
        with pytest.raises(DataError, match="is no folder but an archive; unpack it"):
            load_image_folder(str(path))
    with pytest.raises(DataError, match="is no folder; give a folder"):
        load_image_folder(str(tmp_path / "f.txt"))


@pytest.mark.parametrize("path", ["", "a" * 5000, "nul\0", "~no such user/d", "s3://bucket/d"])
def test_a_path_that_cannot_be_is_refused(path):
    with pytest.raises(DataError, match=r"data\.path: "):
        load_image_folder(path)


def test_a_home_is_understood(tmp_path, monkeypatch):
    classes(tmp_path / "d")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert num_images(load_image_folder("~/d/")) == 12


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "it is a HEIC photo, whatever its name says"),
        (b"<!DOCTYPE html><title>404</title>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "it is a pointer of Git LFS"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is a drawing"),
        (b"%PDF-1.4", "it is a document"),
        (b"\xff\x0a" + bytes(9), "it is a JPEG XL image; convert"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "it is a JPEG XL image; convert"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), "it is a video"),
        (b"PK\3\4abc", "it is an archive"),
        (b'{"error": "not found"}', "it is a text of JSON"),
        (bytes(500), "it begins with zeros"),
    ],
    ids=ascii,
)
def test_what_a_file_is_that_is_no_image_is_told(tmp_path, content, told):
    classes(tmp_path)
    (tmp_path / "a" / "photo.jpg").write_bytes(content)

    with pytest.raises(DataError, match=rf"photo\.jpg: cannot identify .*: {told}"):
        load_image_folder(str(tmp_path))


def test_names_that_are_no_text_are_read_and_shown_escaped(tmp_path):
    classes(tmp_path)
    odd = (tmp_path / "a").rename(tmp_path / os.fsdecode(b"caf\xe9"))
    (odd / os.fsdecode(b"\xff\n.png")).write_bytes(b"broken")

    with pytest.raises(DataError, match=r"caf\\xe9/\\xff\\n\.png: cannot identify") as caught:
        load_image_folder(str(tmp_path))

    str(caught.value).encode()
    data = load_image_folder(str(tmp_path), on_broken="skip")
    assert data.class_names == ("b", "caf\\xe9")


def test_escaping_leaves_other_names_alone():
    for name in (
        "größe ☃ 日本.png",
        "👨\u200d👩\u200d👧",
        "می\u200cخواهم",
        "9.41\u202fAM",
        "\U0001fae8",
    ):
        assert printable(name) == name


@pytest.mark.parametrize("odd", ["\n", "\u2028", "\u202e", "\u2066", "\x85", "\x7f"], ids=ascii)
def test_what_ends_or_turns_a_line_is_escaped(odd):
    assert printable(f"a{odd}b").isascii()


def test_kinds_of_images_that_need_care_are_read_by_their_first_picture(tmp_path):
    classes(tmp_path)
    rng = np.random.default_rng(1)
    first, second = (Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)) for _ in "12")
    for name in ("moves.gif", "moves.webp", "pages.tiff", "moves.png"):
        first.save(tmp_path / "a" / name, save_all=True, append_images=[second])
    first.convert("P").save(tmp_path / "a" / "see through.png", transparency=bytes(range(256)))
    first.convert("LA").save(tmp_path / "a" / "grey and alpha.png")
    first.convert("1").save(tmp_path / "a" / "bits.bmp")

    assert num_images(load_image_folder(str(tmp_path))) == 12 + 7


def test_a_file_that_another_program_would_run_is_broken(tmp_path):
    classes(tmp_path)
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"
    (tmp_path / "a" / "run.png").write_bytes(script)

    with pytest.raises(DataError, match=r"run\.png: cannot identify image file"):
        load_image_folder(str(tmp_path))


@pytest.mark.parametrize("streaming", [False, True])
def test_copies_in_one_folder_come_to_the_same_split(tmp_path, streaming):
    classes(tmp_path, count=10)
    for path in list((tmp_path / "a").iterdir()):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))

    data = load_image_folder(str(tmp_path), streaming=streaming)

    found = [{image.tobytes() for image in split.images[:]} for split in data.splits().values()]
    assert [len(split) for split in data.splits().values()] == [21, 6, 3]
    assert [len(contents) for contents in found] == [14, 4, 2]
    assert len(set.union(*found)) == 20


@pytest.mark.parametrize("streaming", [False, True])
def test_copies_across_given_splits_are_named(tmp_path, streaming):
    classes(tmp_path / "train")
    classes(tmp_path / "test", count=2)
    shutil.copy(tmp_path / "train" / "a" / "3.png", tmp_path / "test" / "b" / "same.png")

    data = load_image_folder(str(tmp_path), streaming=streaming)

    assert data.findings.copies == (f"{tmp_path}/test/b/same.png = {tmp_path}/train/a/3.png",)
    assert any("stand in two splits: " in line for line in warnings(data))

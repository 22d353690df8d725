"""predict.py beside a network: from photographs to classes, with nothing of nas around it."""

import itertools
import json
import re
import runpy
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from nas.architecture import Architecture
from nas.data.image_folder import load_image_folder
from nas.data.picture import DecodeSettings, Fit, decode_one
from nas.export import predict
from nas.export.deployable import as_input
from nas.export.formats.onnx_float import OnnxFloat
from nas.export.formats.torch_export import TorchExport
from nas.export.inputs import describe_input
from nas.export.network_files import TrainedNetwork, export_network
from nas.export.settings import ExportSettings
from nas.export.usage import predict_words

pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
pytest.importorskip("onnxscript", reason="the extra 'export' is not installed")

ARCHITECTURE = Architecture({"channels": 4, "kernel": 3})
# Runs a program where some packages cannot be imported.
WITHOUT = """
import runpy, sys
sys.modules |= dict.fromkeys(sys.argv[1].split(","))
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photographs of two classes with a space in a name, 30 high and 50 wide."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("own photos")
    for name, number in itertools.product(("big cat", "dog"), range(10)):
        (root / name).mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (30, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / name / f"{number}.png")
    return load_image_folder(str(root), image_size=[12, 20], fit="crop")


@pytest.fixture(scope="module")
def place(photos, space, tmp_path_factory):
    """The files of a network with random weights."""
    torch.manual_seed(0)
    model = space.build(ARCHITECTURE, photos.shape).eval()
    trained = TrainedNetwork("trial 7", "retrained", "key", ARCHITECTURE, save(model.state_dict()))
    folder = tmp_path_factory.mktemp("finish")
    settings = ExportSettings(
        {"torch_export": TorchExport(), "onnx": OnnxFloat()}, peak_memory=False
    )
    export_network(trained, model, dataset=photos, folder=folder, place="7", settings=settings)
    return folder / "7"


@pytest.fixture
def run_here(place, capsys):
    """Run predict.py in this process, and return its status and its lines."""

    def run(*arguments):
        program = runpy.run_path(str(place / "predict.py"))
        status = program["main"]([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return status, told.out.splitlines(), told.err

    return run


def run_alone(place, *arguments, without, cwd):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT, without, str(place / "predict.py"),
         *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("missing", ["torch", pytest.param("onnxruntime", marks=pytest.mark.slow)])
def test_a_photo_is_told_without_nas_from_another_folder(place, tmp_path, missing):
    Image.new("RGB", (40, 30), "red").save(tmp_path / "a photo.jpg")

    done = run_alone(place, "a photo.jpg", without=f"nas,timm,{missing}", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    name, *told = done.stdout.rstrip("\n").split("\t")
    shares = {words.rpartition(" ")[0]: float(words.rpartition(" ")[2]) for words in told}
    assert name == "a photo.jpg"
    assert set(shares) == {"big cat", "dog"}
    assert sum(shares.values()) == pytest.approx(1.0, abs=2e-4)


def test_without_a_runtime_it_says_what_to_install(place, tmp_path):
    done = run_alone(place, without="nas,torch,onnxruntime", cwd=tmp_path)

    assert done.returncode == 1
    assert "pip install onnxruntime" in done.stdout


def test_the_example_comes_out_as_stored(run_here):
    status, lines, _ = run_here()

    assert status == 0
    assert [line.partition(":")[0] for line in lines[::2]] == ["model.pt2", "model.onnx"]
    assert all("outputs as stored" in line for line in lines[::2])


def test_the_example_is_a_test_image_that_is_told_right(place, photos):
    example = json.loads((place / "example.json").read_text())
    (pixels,) = photos.test.images[example["test_index"]][None]

    assert np.array_equal(np.asarray(Image.open(place / "example.png")), pixels)
    outputs = example["outputs"]["model.onnx"]["values"]
    assert photos.class_names[int(np.argmax(outputs))] == example["class"]


def test_outputs_that_differ_from_those_stored_are_told(place, run_here):
    path = place / "example.json"
    before = path.read_text()
    changed = json.loads(before)
    changed["outputs"]["model.onnx"]["values"][0] += 1.0
    path.write_text(json.dumps(changed))
    try:
        status, lines, _ = run_here("--model", "model.onnx")
    finally:
        path.write_text(before)

    assert status == 1
    assert "outputs NOT as stored" in lines[0]


def test_a_broken_file_is_told_by_name_and_the_others_are_done(run_here, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    Image.new("L", (9, 9)).save(tmp_path / "whole.png")

    status, lines, errors = run_here(tmp_path / "broken.jpg", tmp_path / "whole.png")

    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith(str(tmp_path / "whole.png"))
    assert "broken.jpg: " in errors


def test_of_a_folder_all_photos_are_told_with_those_in_its_folders(run_here, tmp_path):
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / ".thumbnails").mkdir()
    for name in ("b.png", "a.jpg", "cats/c.jpg", ".hidden", ".thumbnails/a.jpg"):
        Image.new("L", (9, 9)).save(tmp_path / "photos" / name, format="PNG")

    status, lines, errors = run_here(tmp_path / "photos")

    assert (status, errors) == (0, "")
    told = [line.split("\t")[0] for line in lines]
    names = ("a.jpg", "b.png", "cats/c.jpg")
    assert told == [str(tmp_path / "photos" / name) for name in names]


def test_a_folder_without_files_is_told(run_here, tmp_path):
    status, _, errors = run_here(tmp_path)

    assert status == 1
    assert f"{tmp_path}: there is no file in this folder" in errors


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no such signal here")
def test_a_reader_that_goes_away_ends_it_silently(place, tmp_path):
    for number in range(40):
        Image.new("L", (9, 9)).save(tmp_path / f"{number}.png")
    program = [sys.executable, "-u", str(place / "predict.py"), str(tmp_path)]

    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        errors = running.stderr.read()

    assert errors == b""


@pytest.mark.parametrize("number", ["0", "-1"])
def test_a_line_has_at_least_one_class(run_here, tmp_path, number):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    _, (line,), _ = run_here(tmp_path / "a.png", "--top", number)
    assert len(line.split("\t")) == 2


def test_the_cards_python_runs_from_another_folder(place, photos, tmp_path):
    card = predict_words(photos)
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    code = code.replace('"."', repr(str(place)))

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True,
        text=True, check=True,
    )  # fmt: skip

    shares = np.array(re.findall(r"[\d.e-]+", done.stdout), dtype=float)
    assert shares.sum() == pytest.approx(1.0, abs=1e-3)


def palette_with_transparency():
    image = Image.new("P", (16, 16))
    image.putpalette([200, 10, 10, 10, 200, 10])
    image.paste(1, (4, 4, 12, 12))
    image.info["transparency"] = 1
    return image


KINDS = {
    "cmyk.jpg": Image.new("CMYK", (40, 30), (10, 200, 30, 40)),
    "grey-alpha.png": Image.new("LA", (40, 30), (90, 128)),
    "palette.gif": palette_with_transparency(),
    "palette.png": palette_with_transparency(),
    "bits.png": Image.new("1", (40, 30), 1),
    "alpha.webp": Image.new("RGBA", (40, 30), (9, 200, 30, 40)),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_becomes_what_it_is_in_training(tmp_path, name, channels):
    KINDS[name].save(tmp_path / name)
    described = {
        "mode": {1: "L", 3: "RGB"}[channels], "fit": "pad", "image_size": [12, 20],
        "channels": channels, "dtype": "uint8",
    }  # fmt: skip

    shipped = predict.read_image(tmp_path / name, described)

    ours = decode_one(tmp_path / name, DecodeSettings(channels, (12, 20), Fit.PAD))
    np.testing.assert_array_equal(shipped, ours)


def test_of_16_bits_the_upper_8_are_taken(tmp_path):
    values = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16) + np.uint16(77)
    Image.fromarray(values).save(tmp_path / "deep.png")
    described = {"mode": "L", "fit": None, "image_size": [16, 16], "channels": 1}

    pixels = predict.read_image(tmp_path / "deep.png", described)

    np.testing.assert_array_equal(pixels.ravel(), np.arange(256))


@pytest.mark.parametrize(
    ("before", "after"), [((48, 64), (32, 32)), ((20, 12), (16, 16)), ((9, 9), (24, 30))]
)
def test_resizing_rounds_as_training_does(before, after):
    images = np.random.default_rng(0).integers(0, 256, (8, *before, 3), dtype=np.uint8)

    shipped, ours = predict.resize(images, after), as_input(images, after)

    # Torch adds in another order where a pixel has many neighbours, so a few may round elsewhere.
    assert (shipped != ours).mean() < 1e-4
    assert np.abs(shipped - ours).max() <= 1


def test_arrays_may_leave_out_axes_of_length_1_and_have_channels_first():
    described = {"mode": None, "fit": None, "dtype": "float32", "image_size": [1, 1]}
    rows = np.arange(12, dtype=np.float64).reshape(4, 3)
    table = predict.prepared(rows, {**described, "channels": 3})
    images = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    pictures = {**described, "image_size": [5, 4], "channels": 3}
    turned = predict.prepared(images.transpose(0, 3, 1, 2), pictures)

    assert (table.shape, table.dtype) == ((4, 1, 1, 3), np.float32)
    np.testing.assert_array_equal(table.reshape(4, 3), rows)
    np.testing.assert_array_equal(turned, images)


def test_an_npz_gives_its_images_or_its_only_array(tmp_path):
    first, second = np.zeros((2, 3)), np.ones((2, 3))
    np.savez(tmp_path / "a.npz", images=first, labels=second)
    np.savez(tmp_path / "b.npz", anything=second)
    np.savez(tmp_path / "c.npz", one=first, two=second)

    assert np.array_equal(predict.read_array(tmp_path / "a.npz"), first)
    assert np.array_equal(predict.read_array(tmp_path / "b.npz"), second)
    with pytest.raises(ValueError, match="has the arrays one, two; call one of them images"):
        predict.read_array(tmp_path / "c.npz")


def test_labels_that_may_be_true_together_have_probabilities_of_their_own():
    line = predict.line_of("x[0]", np.array([0.0, 100.0]), {"outputs": "labels"}, top=3)

    assert line == "x[0]\t0 0.5000\t1 1.0000"


def test_input_json_says_what_outputs_are(photos):
    assert describe_input(photos, (8, 8))["outputs"] == "classes"


def test_predict_needs_numpy_pillow_and_one_runtime_alone(place):
    source = (place / "predict.py").read_text()
    program = source.split('"""', 2)[2]
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", program, re.MULTILINE))
    named = set(re.findall(r'import_module\("(\w+)', source))

    assert imported - set(sys.stdlib_module_names) == {"numpy"}
    assert named == {"onnxruntime", "torch", "PIL", "pillow_heif"}

"""Winners of language models: retrained, tested, taught, and made into files that run alone."""

import csv
import json
import re
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from nas.cli.main import main
from nas.compress.weight_only import packed_weights
from nas.models.generate_without_nas import Writer, unpacked
from nas.record.winners import read_winners
from nas.report.confirmation import distillation_table

SMALL = ["width.choice=[16,32]", "heads.choice=[2]", "context.choice=[32]"]
SMALL += ["layers.repeat.int=[1,2]", "layers.mlp_ratio.choice=[1.0,2.0]"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a search that was finished with a teacher."""
    folder = tmp_path_factory.mktemp("finished")
    text = folder / "text.txt"
    text.write_text("the cat sat on the mat and the dog on the log\n" * 300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        words = ["search", "preset=small_lm", "data=text", f"data.path={text}", "data.context=32"]
        words += [f"search_space.parameters.{setting}" for setting in SMALL]
        words += ["training.tokens=16000", "training.batch_tokens=256", "stopping.num_trials=4"]
        run = ["execution=inline", "ui=none"]
        assert main([*words, *run, f"run_folder={folder}/run"]) == 0
        finish = ["finish", f"run={folder}/run", "seeds=2", "distillation.teacher=largest", *run]
        finish.append("export.onnx=false")  # half a minute; a test of its own makes one
        assert main(finish) == 0
        before = (folder / "run/finish/ledger.jsonl").read_bytes()
        assert main(finish) == 0
        assert (folder / "run/finish/ledger.jsonl").read_bytes() == before  # nothing done twice
    return folder / "run" / "finish"


def rows_of(folder):
    with (folder / "artefacts.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_each_file_is_judged_by_running_it(finished):
    rows = rows_of(finished)
    floats = [row for row in rows if row["format"] == "safetensors"]
    assert {row["variant"] for row in rows} == {"retrained", "distilled"}
    assert all(float(row["max_difference"]) < 1e-3 for row in floats)
    assert all(
        float(row["test_value"]) == pytest.approx(float(row["torch_value"]), abs=0.3)
        for row in rows
    )
    assert all(float(row["latency_ms"]) > 0 for row in rows)
    assert all(int(row["size_bytes"]) == (finished / row["file"]).stat().st_size for row in rows)


@pytest.mark.slow
def test_fewer_bits_make_smaller_files(finished):
    by_place = {}
    for row in rows_of(finished):
        by_place.setdefault(row["file"].rpartition("/")[0], []).append(int(row["size_bytes"]))
    assert all(sizes[0] > sizes[1] > sizes[2] for sizes in by_place.values())


@pytest.mark.slow
def test_the_program_of_a_card_writes_text_without_nas(finished):
    place = finished / rows_of(finished)[0]["file"].rpartition("/")[0]
    command = re.search(r"```sh\n(python generate\.py .*)\n```", (place / "README.md").read_text())
    assert command.group(1) == "python generate.py 'import ' --tokens 100"
    run = [sys.executable, "-I", "generate.py", "the cat ", "--tokens", "24"]
    run += ["--file", "model_int4.safetensors"]
    told = subprocess.run(run, cwd=place, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("the cat ")
    for words, why in (
        (["--file", "other"], "there are model.safetens"),
        (["--file", "generate.py"], "generate.py cannot be read"),
        (["--tokens", "0"], "at least 1"),
    ):
        failed = subprocess.run([*run[:3], *words], cwd=place, capture_output=True, text=True)
        assert failed.returncode == 2
        assert why in failed.stderr
    assert len(told.stdout) > 20


@pytest.mark.slow
def test_transformers_runs_the_code_of_a_card(finished):
    pytest.importorskip("transformers")
    place = finished / rows_of(finished)[0]["file"].rpartition("/")[0]
    code = re.search(r"```python\n(.*?)```", (place / "README.md").read_text(), re.DOTALL)
    run = [sys.executable, "-c", code.group(1)]
    told = subprocess.run(run, cwd=place, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("import ")


@pytest.mark.slow
def test_the_config_counts_what_the_file_holds(finished):
    place = finished / rows_of(finished)[0]["file"].rpartition("/")[0]
    config = json.loads((place / "config.json").read_text())
    tensors = load_file(place / "model.safetensors")
    assert tensors["model.embed_tokens.weight"].shape == (256, config["hidden_size"])
    names = {name for name in tensors if name.endswith("q_proj.weight")}
    assert len(names) == config["num_hidden_layers"]


@pytest.mark.slow
def test_a_gain_in_bits_is_one_where_they_become_fewer(finished):
    rows, taught = (read_winners(finished / f"{n}.csv") for n in ("winners", "distilled"))
    alone = {row.architecture_id: row.test_mean for row in rows}
    for row, line in zip(taught, distillation_table(rows, taught)[1:], strict=True):
        fell = alone[row.architecture_id] - row.test_mean
        assert float(line[4]) == pytest.approx(fell, abs=6e-4)


@pytest.mark.parametrize(("bits", "levels"), [(8, 127), (4, 7)])
def test_few_bits_are_off_by_half_a_step_at_most(bits, levels):
    generator = torch.Generator().manual_seed(0)
    tensors = {
        "matrix": torch.randn(6, 64, generator=generator),
        "odd": torch.randn(4, 7, generator=generator),
        "norm": torch.randn(64, generator=generator),
    }
    back = unpacked(packed_weights(tensors, bits=bits))
    assert {name: tensor.shape for name, tensor in back.items()} == {
        name: tensor.shape for name, tensor in tensors.items()
    }
    step = tensors["matrix"].abs().max() / levels
    assert (back["matrix"] - tensors["matrix"]).abs().max() < 0.51 * step
    torch.testing.assert_close(back["norm"], tensors["norm"], rtol=1e-3, atol=1e-3)


def test_a_matrix_of_zeros_stays_zero():
    back = unpacked(packed_weights({"zeros": torch.zeros(2, 64)}, bits=4))
    assert torch.equal(back["zeros"], torch.zeros(2, 64))


@pytest.mark.slow
def test_what_a_finish_of_text_cannot_do_is_told(finished, capsys):
    run = ["finish", f"run={finished.parent}", "execution=inline", "compression.to=[kept0.5]"]
    assert main(run) == 2
    assert "is for images" in capsys.readouterr().err


@pytest.mark.slow
def test_the_program_reads_its_tokenizer_without_packages(finished):
    place = finished / rows_of(finished)[0]["file"].rpartition("/")[0]
    writer = Writer(place / "tokenizer.json")
    assert writer.decode(writer.encode("größe\n")) == "größe\n"

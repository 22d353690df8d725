"""`nas finish` killed without warning, at any point, and given again."""

import subprocess
import sys
import time

import pytest

from nas.finish.ledger import Ledger
from nas.finish.spent import total_use

pytestmark = pytest.mark.long

FINISH = [
    sys.executable,
    "-c",
    "import sys; from nas.cli.main import main; sys.exit(main())",
    "finish",
    "execution=inline",
    "pick=2",
    "seeds=2",
    "training.epochs=2",
    "distillation.teacher=largest",
    "compression.to=[int8]",
    "export.peak_memory=false",
]


def num_trained(finish):
    return len((finish / "ledger.jsonl").read_bytes().splitlines())


# In and between the trainings, in the distillation, in the compression, in the exports.
POINTS = (
    lambda finish: (finish / "ledger.jsonl").exists() and num_trained(finish) >= 1,
    lambda finish: num_trained(finish) >= 3,
    lambda finish: num_trained(finish) >= 5,
    lambda finish: num_trained(finish) >= 7,
    lambda finish: any(finish.glob("*/int8/input.json")),
    lambda finish: any(finish.glob("*/model.pt2")),
    lambda finish: any(finish.glob("*/distilled/input.json")),
)


def kill_when(reached, words, finish):
    """Start the command, and kill it at the point, where it must still run."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not reached(finish):
        time.sleep(0.01)
    was_running = process.poll() is None
    process.kill()
    told = process.communicate()[1]
    assert was_running, told.decode()


def search(folder):
    words = ["preset=smoke", f"run_folder={folder}", "sampler=random", "ui=none", "seed=1"]
    program = "import sys; from nas.cli.main import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", program, "search", *words], check=True)


def test_finish_killed_again_and_again_ends_with_the_numbers_of_one_that_was_not(tmp_path):
    for name in ("whole", "killed"):
        search(tmp_path / name)
    subprocess.run([*FINISH, f"run={tmp_path / 'whole'}"], check=True, capture_output=True)
    killed = [*FINISH, f"run={tmp_path / 'killed'}"]
    finish = tmp_path / "killed" / "finish"

    for reached in POINTS:
        kill_when(reached, killed, finish)
    subprocess.run(killed, check=True, capture_output=True)

    folders = [tmp_path / name / "finish" for name in ("whole", "killed")]
    for name in ("winners.csv", "distilled.csv", "compressed.csv"):
        assert (folders[0] / name).read_text() == (folders[1] / name).read_text()
    ledgers = [Ledger(folder / "ledger.jsonl").entries() for folder in folders]
    assert [entry.job for entry in ledgers[0]] == [entry.job for entry in ledgers[1]]
    # What the killed commands took is counted: no less than the trainings that ended in them.
    trained_s = sum(entry.seconds for entry in ledgers[1])
    assert total_use(folders[1]).seconds > 0.5 * trained_s
    files = [
        sorted(str(path.relative_to(folder)) for path in folder.rglob("model*"))
        for folder in folders
    ]
    assert files[0] == files[1]
    assert any(name.endswith("distilled/model_int8.onnx") for name in files[0])

"""What do students of a real encoder keep: its vectors, and a classification on top of them?

    python -m experiments.language.students TEACHER RESULTS.csv [--tokens 30000] [--seeds 2]

TEACHER is the folder of all-MiniLM-L6-v2 (`config.json`, `model.safetensors`, `tokenizer.json`) or
of another encoder of BERT's kind. Text: docstrings of this Python's standard library. Those of the
ten modules with most of them are the labelled texts: which module is one from? They are not learnt
from; the docstrings of all other modules are. Students of three sizes learn from the teacher, once
begun with its layers, once with drawn weights, and once begun with its layers and with hidden
tokens to guess, a fifth of the loss. Rows that stand in the file are not made again.
"""

import ast
import csv
import statistics
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from experiments.smoke import make_parser, run_experiment
from nas.adapt.encoder_training import EncoderTeacher, EncoderTraining
from nas.adapt.masked_words import MaskedWords
from nas.data.labelled_texts import LabelledTexts, split_texts
from nas.data.text import TextSearchData
from nas.data.text_loaders import load_text
from nas.evaluation.encoder import agreement_of
from nas.evaluation.probe import accuracy_of_encoder, accuracy_of_words
from nas.models.embed_without_nas import PortableEncoder
from nas.models.encoder import Encoder
from nas.train.token_recipe import TokenRecipe
from search_spaces.encoder_student import EncoderStudentSpace

CONTEXT = 48
NUM_LABELS = 10
CALIBRATED = 4096  # tokens by which what matters in the teacher is found
# Shares of the teacher that stay.
SIZES: dict[str, dict[str, float | str]] = {
    "small": {"depth": 0.34, "order": "even", "width": 0.25, "heads": 1.0, "mlp": 0.25},
    "middle": {"depth": 0.5, "order": "even", "width": 0.5, "heads": 1.0, "mlp": 0.5},
    "large": {"depth": 0.5, "order": "even", "width": 1.0, "heads": 0.5, "mlp": 0.5},
}
# How students begin, and the share of the guesses of hidden tokens in their loss.
WAYS = (("teacher", 0.0), ("random", 0.0), ("teacher", 0.2))
COLUMNS = (
    *("network", "start", "masked_weight", "seed", "num_params", "tokens"),
    *("agreement", "accuracy", "cpu_s"),
)
CPU = torch.device("cpu")


class RememberingTeacher(EncoderTeacher):
    """A teacher that computes each batch once: students of one seed read the same ones."""

    def __init__(self, teacher: EncoderTeacher) -> None:
        super().__init__(
            _Remembering(teacher.model), teacher.first, teacher.last, teacher.mask, teacher.head
        )


class _Remembering(Encoder):
    def __init__(self, model: Encoder) -> None:
        super().__init__(model.plan)
        self.load_state_dict(model.state_dict())
        self.eval().requires_grad_(False)
        self.known: dict[bytes, list[torch.Tensor]] = {}

    @property
    def portable(self) -> PortableEncoder:
        return _RememberingRun(super().portable, self.known)


class _RememberingRun(PortableEncoder):
    def __init__(self, run: PortableEncoder, known: dict[bytes, list[torch.Tensor]]) -> None:
        super().__init__(run.config, run.tensors)
        self._known = known

    def hidden(self, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        if mask is not None:
            return super().hidden(tokens, mask)
        key = str(tuple(tokens.shape)).encode() + tokens.numpy().tobytes()
        if key not in self._known:
            with torch.no_grad():
                self._known[key] = super().hidden(tokens)
        return self._known[key]


def docstrings() -> dict[str, list[str]]:
    """Return the docstrings of the standard library by module, each once, in a fixed order."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, list[str]] = defaultdict(list)
    seen = set()
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] in ("site-packages", "test", "idlelib", "lib2to3") or "tests" in parts:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(tree):
            told = ast.get_docstring(node) if isinstance(node, kinds) else None
            text = " ".join((told or "").split())
            if len(text) >= 40 and text not in seen:
                seen.add(text)
                found[parts[0]].append(text)
    return found


def texts_of(folder: Path, most: int) -> tuple[LabelledTexts, Path]:
    """Return labelled texts, at most so many a label, and a file of all others."""
    found = docstrings()
    largest = sorted(found, key=lambda module: -len(found[module]))[:NUM_LABELS]
    pairs = [(text, module) for module in largest for text in found[module][:most]]
    place = folder / "docstrings.txt"
    others = [text for module in found if module not in largest for text in found[module]]
    place.write_text("\n".join(others) + "\n", encoding="utf-8")
    return split_texts(pairs, where="docstrings"), place


def train(
    space: EncoderStudentSpace,
    size: str,
    data: TextSearchData,
    teacher: EncoderTeacher,
    tokens: int,
    seed: int,
) -> Encoder:
    """Return a student that has learnt."""
    torch.manual_seed(seed)
    model = space.build(space.architecture(SIZES[size]), data.shape)
    assert isinstance(model, Encoder), "its space builds these"
    recipe = TokenRecipe(
        tokens=tokens, batch_tokens=1024, optimizer="adamw", learning_rate=0.003, weight_decay=0.01
    )
    text = data.train_tokens(next(iter(data.tokenized)))
    words = None
    if space.masked_weight:
        assert teacher.mask is not None, "its space checks that"
        guesses = None if teacher.head is None else (teacher.model, teacher.head)
        words = MaskedWords(space.masked_head(model), space.masked_weight, teacher.mask, guesses)
    EncoderTraining(
        model,
        text,
        recipe,
        teacher=teacher,
        hidden_weight=1.0,
        words=words,
        context=CONTEXT,
        seed=seed,
        device=CPU,
    ).run()
    return model.eval()


def main(words: Sequence[str]) -> int:
    """Train what is not in the file yet, and tell means."""
    parser = make_parser(__doc__)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--tokens", type=int, default=30_000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--texts", type=int, default=60, help="of each label, at most")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    labelled, file = texts_of(asked.results.parent, asked.texts)
    text = load_text(
        path=str(file), tokenizer=str(asked.teacher), context=CONTEXT, judged_tokens=4096
    )
    data = text.search_data()
    tokenizer = next(iter(data.tokenized.values())).tokenizer.to_json()
    spaces = {
        (start, masked): EncoderStudentSpace(str(asked.teacher), start=start, masked_weight=masked)
        for start, masked in WAYS
    }
    for space in spaces.values():
        space.check_tokens(tokenizer)
        space.calibrate(data.train_tokens(next(iter(data.tokenized)))[:CALIBRATED])
    teacher = RememberingTeacher(spaces[WAYS[0]].encoder_teacher())

    def judged(model: Encoder) -> tuple[float, float]:
        accuracy = accuracy_of_encoder(
            model, labelled, tokenizer=tokenizer, length=CONTEXT + 2, device=CPU
        )
        return round(agreement_of(model, teacher, data, device=CPU), 4), round(accuracy, 4)

    rows: list[dict[str, str]] = []
    if asked.results.is_file():
        rows = list(csv.DictReader(asked.results.open()))
    done = {tuple(row[name] for name in COLUMNS[:4]) for row in rows}
    with asked.results.open("a", newline="") as output:
        writer = csv.writer(output)

        def note(*row: str | float) -> None:
            writer.writerow(row)
            output.flush()

        if not done:
            note(*COLUMNS)
            note("words", "", "", "", 0, 0, "", round(accuracy_of_words(labelled), 4), 0)
            number = sum(p.numel() for p in teacher.model.parameters())
            note("teacher", "", "", "", number, 0, *judged(teacher.model), 0)
        for seed in range(asked.seeds):
            for size in SIZES:
                for (start, masked), space in spaces.items():
                    if (size, start, str(masked), str(seed)) in done:
                        continue
                    began = time.process_time()
                    model = train(space, size, data, teacher, asked.tokens, seed)
                    spent = round(time.process_time() - began, 1)
                    number = sum(p.numel() for p in model.parameters())
                    row = (size, start, masked, seed, number, asked.tokens)
                    note(*row, *judged(model), spent)
    tell(list(csv.DictReader(asked.results.open())), len(labelled.test))
    return 0


def tell(rows: Sequence[dict[str, str]], num_tested: int) -> None:
    """Print the mean of each network over its seeds."""
    print(f"{num_tested} texts test")
    kinds = [tuple(row[name] for name in COLUMNS[:3]) for row in rows]
    for kind in dict.fromkeys(kinds):
        own = [row for row, its in zip(rows, kinds, strict=True) if its == kind]
        agreement = [float(row["agreement"]) for row in own if row["agreement"]]
        accuracy = statistics.mean(float(row["accuracy"]) for row in own)
        told = f"{statistics.mean(agreement):.3f}" if agreement else "–"
        size = int(own[0]["num_params"])
        print(f"{' '.join(kind)}: {size:,} parameters, {told}, {accuracy:.3f} (n={len(own)})")


def small(folder: Path) -> Iterator[list[str]]:
    """Train students of a tiny teacher with drawn weights for a few steps."""
    from experiments.language.tiny_encoder import write_tiny_encoder

    write_tiny_encoder(folder / "teacher")
    words = ["--tokens", "1024", "--seeds", "1", "--texts", "20"]
    yield [str(folder / "teacher"), str(folder / "students.csv"), *words]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))

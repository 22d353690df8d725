"""The files and the card of a student of an encoder."""

import math
import platform
from pathlib import Path

import torch

from nas.data.labelled_texts import read_labelled_texts
from nas.evaluation.encoder import probe_of
from nas.evaluation.language_spaces import HasEncoderTeacher
from nas.evaluation.probe import accuracy_of_words
from nas.export.encoder_files import measured_files, write_encoder
from nas.files import write_text
from nas.finish.language_task import LanguageTask
from nas.finish.retrain import Retraining
from nas.models.encoder import Encoder
from nas.record.artefacts import ArtefactRow
from nas.record.winners import WinnerRow


def student_files(
    task: LanguageTask, model: Encoder, named: tuple[WinnerRow, Retraining, str], folder: Path
) -> list[ArtefactRow]:
    """Write the files of a student, and return a row for each that was measured.

    Args:
        task: what is finished.
        model: the student with its weights.
        named: its confirmation, the training that is shipped, how its weights came about.
        folder: the student's own.
    """
    row, job, variant = named
    space, data = task.space, task.dataset.final_data()
    assert isinstance(space, HasEncoderTeacher), "it built a student"
    tokenizer = next(iter(data.tokenized.values())).tokenizer.to_json()
    write_encoder(
        folder, model, architecture=job.architecture, tokenizer=tokenizer, has_onnx=task.has_onnx
    )
    made = measured_files(
        folder,
        model,
        names=(row.name, variant, folder.name),
        teacher=space.encoder_teacher(),
        data=data,
    )
    write_text(folder / "README.md", _card(task, model, row, made, _probes(task, model)))
    return made


def _probes(task: LanguageTask, model: Encoder) -> dict[str, str]:
    """Return how well texts with labels are told apart: by the student, its teacher, and words."""
    if task.labelled_texts is None:
        return {}
    texts, data = read_labelled_texts(Path(task.labelled_texts).expanduser()), task.dataset
    assert isinstance(task.space, HasEncoderTeacher), "it built a student"
    cpu = torch.device("cpu")
    found = {
        "its vectors": probe_of(model.eval(), texts, data.final_data(), device=cpu),
        "the teacher's": probe_of(
            task.space.encoder_teacher().model, texts, data.final_data(), device=cpu
        ),
        "words alone": accuracy_of_words(texts),
    }
    told = f"accuracy on {len(texts.test):,} labelled texts, a linear classifier on"
    return {f"{told} {words}": f"{value:.3f}" for words, value in found.items()}


def _card(
    task: LanguageTask,
    model: Encoder,
    row: WinnerRow,
    made: list[ArtefactRow],
    probes: dict[str, str],
) -> str:
    plan, data = model.plan, task.dataset
    within = "–"
    if not math.isnan(row.confidence_low):
        within = f"{row.confidence_low:.4f} to {row.confidence_high:.4f}"
    facts = {
        f"agreement on the test text, {row.of_retrainings}": f"{row.test_mean:.4f}",
        "95 % interval of that mean": within,
        "parameters": f"{row.num_params:,.0f}",
        "layers, heads, width, features inside": f"{plan.num_layers}, {plan.num_heads}, "
        f"{plan.width}, {plan.hidden_features}",
        **probes,
    }
    table = "\n".join(f"| {words} | {value} |" for words, value in facts.items())
    parts = [
        f"---\nlicense: {task.license or 'unknown'}\npipeline_tag: sentence-similarity\n---",
        f"# {row.name}, student of an encoder\n\n| | |\n| --- | --- |\n{table}",
        (
            "Agreement is the mean cosine of this model's vectors of texts and its teacher's, "
            f"over texts of {data.context} tokens and quarters of them."
        ),
        _files(made, data.context),
        "## Use\n\n```sh\npython embed.py 'The first text' 'Another one'\n```",
        _with_transformers(plan.is_projected),
        (
            f"## Data\n\n{data.name}. Split: {data.split_rule}. The model learnt from train and "
            f"validation together and was judged by at most {data.judged_tokens:,} tokens from "
            "all over the test split."
        ),
        f"Made again by\n\n```sh\n{task.command}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _files(made: list[ArtefactRow], context: int) -> str:
    head = "| file | bytes | agreement | largest difference to torch | ms a text |"
    lines = ["## Files", "", head, "| --- | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {file.file.rpartition('/')[2]} | {file.size_bytes:,} | {file.test_value:.4f} | "
        f"{file.max_difference:.1e} | {file.latency_ms:.2f} |"
        for file in made
    ]
    told = (
        f"Measured by running each file on {platform.machine()}, {made[0].num_threads} CPU "
        f"thread, one text of {context} tokens at a time. `embed.py --file` takes the safetensors "
        "files; weights of 8 bits make a file smaller and are turned into floats when it is read. "
        "model.onnx takes `tokens` and `mask` (batch, length), whole numbers of 64 bits, and "
        "returns `vectors`."
    )
    return "\n".join([*lines, "", told])


def _with_transformers(is_projected: bool) -> str:
    told = (
        "With transformers, in this folder, the features of each token (a checkpoint without a "
        "pooler):\n\n```python\nfrom transformers import AutoTokenizer, BertModel\n\n"
        'model = BertModel.from_pretrained(".", add_pooling_layer=False)\n'
        'tokens = AutoTokenizer.from_pretrained(".")("A text", return_tensors="pt")\n'
        "vector = model(**tokens).last_hidden_state.mean(1)\n```"
    )
    if not is_projected:
        return told
    return f"{told}\n\nembed.py multiplies that by projection.safetensors: the teacher's width."

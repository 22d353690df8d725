"""Makes a student of an encoder into files that run without nas, and measures them by a run.

config.json, model.safetensors, tokenizer.json    transformers loads the folder as BertModel
projection.safetensors                            of a narrower student: to its teacher's width
embed.py                                          texts to vectors with torch and tokenizers
"""

import json
import math
import statistics
import time
from pathlib import Path

import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from nas.adapt.encoder_training import EncoderTeacher
from nas.architecture import Architecture
from nas.data.text import TextSearchData
from nas.evaluation.encoder import AGREEMENT, agreement_of
from nas.files import write_bytes, write_text
from nas.models import embed_without_nas
from nas.models.embed_without_nas import PROJECTION, load
from nas.models.encoder import Encoder, bert_tensors, config_of
from nas.record.artefacts import ArtefactRow

WEIGHTS = "model.safetensors"
_TIMED, _WARM_UP = 15, 3
_CPU = torch.device("cpu")


class _ReadEncoder(nn.Module):
    """What embed.py runs, as a module."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.inner = load(folder)

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:  # noqa: N803 - shape in the name
        """Return the vectors (B, W) of texts."""
        return self.inner.embed(tokens_BT)


def write_encoder(
    folder: Path, model: Encoder, *, architecture: Architecture, tokenizer: str
) -> None:
    """Write the files of a student.

    Args:
        folder: gets them.
        model: with its weights.
        architecture: what was trained.
        tokenizer: content of tokenizer.json.
    """
    tensors = bert_tensors(model.state_dict())
    write_bytes(folder / WEIGHTS, save_safetensors(tensors, metadata={"format": "pt"}))
    if model.plan.is_projected:
        projection = {PROJECTION: model.state_dict()[PROJECTION].cpu().contiguous()}
        write_bytes(folder / "projection.safetensors", save_safetensors(projection))
    write_text(folder / "config.json", json.dumps(config_of(model.plan), indent=2) + "\n")
    write_text(folder / "tokenizer.json", tokenizer)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.plan.positions,
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
    }
    write_text(folder / "tokenizer_config.json", json.dumps(settings, indent=2) + "\n")
    write_text(folder / "architecture.json", architecture.to_json())
    program = Path(embed_without_nas.__file__).read_text(encoding="utf-8")
    write_text(folder / "embed.py", program)


def measured_encoder(
    folder: Path,
    model: Encoder,
    *,
    names: tuple[str, str, str],
    teacher: EncoderTeacher,
    data: TextSearchData,
) -> ArtefactRow:
    """Return what the files of a student are like, by running them.

    Args:
        folder: holds them.
        model: what they were made from, on the CPU.
        names: of the winner, of how its weights came about, and of the folder for people.
        teacher: judges.
        data: the test text is what it is judged by.
    """
    ready = _ReadEncoder(folder)
    tokens = data.judged_by(next(iter(data.tokenized))).tokens.ravel()[: data.context]
    texts = teacher.framed(torch.from_numpy(tokens.astype("int64"))[None])
    with torch.inference_mode():
        difference = float((ready(texts) - model.eval()(texts)).abs().max())
        times = []
        for _ in range(_WARM_UP + _TIMED):
            started = time.perf_counter()
            ready(texts)
            times.append(1000.0 * (time.perf_counter() - started))
    name, variant, place = names
    files = [folder / WEIGHTS, folder / "projection.safetensors"]
    return ArtefactRow(
        name=name,
        variant=variant,
        format="safetensors",
        file=f"{place}/{WEIGHTS}",
        size_bytes=sum(path.stat().st_size for path in files if path.is_file()),
        num_params=sum(p.numel() for p in model.parameters()),
        metric=AGREEMENT,
        test_value=agreement_of(ready, teacher, data, device=_CPU),
        torch_value=agreement_of(model, teacher, data, device=_CPU),
        max_difference=difference,
        agreement=math.nan,
        latency_ms=statistics.median(times[_WARM_UP:]),
        latency_low_ms=math.nan,
        latency_high_ms=math.nan,
        latency_32_ms=math.nan,
        latency_32_low_ms=math.nan,
        latency_32_high_ms=math.nan,
        num_threads=torch.get_num_threads(),
        peak_memory_bytes=math.nan,
        refused="",
    )

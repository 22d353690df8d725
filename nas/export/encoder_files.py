"""Makes a student of an encoder into files that run without nas, and measures them by a run.

config.json, model.safetensors, tokenizer.json    transformers loads the folder as BertModel
projection.safetensors                            of a narrower student: to its teacher's width
model_int8.safetensors                            all weights, matrices in 8 bits, for embed.py
model.onnx                                        for ONNX Runtime
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
from nas.compress.weight_only import packed_weights
from nas.data.text import TextSearchData
from nas.evaluation.encoder import AGREEMENT, agreement_of
from nas.export.encoder_onnx import FILE as ONNX_FILE
from nas.export.encoder_onnx import KIND as ONNX_KIND
from nas.export.encoder_onnx import OnnxEncoder, write_encoder_onnx
from nas.files import write_bytes, write_text
from nas.models import embed_without_nas
from nas.models.embed_without_nas import PROJECTION, WEIGHTS, load
from nas.models.encoder import Encoder, bert_tensors, config_of
from nas.record.artefacts import ArtefactRow

FILES = {
    "safetensors": WEIGHTS,
    "safetensors int8": "model_int8.safetensors",
    ONNX_KIND: ONNX_FILE,
}
_PROJECTION_FILE = "projection.safetensors"
_TIMED, _WARM_UP = 15, 3
_CPU = torch.device("cpu")


class _ReadEncoder(nn.Module):
    """What embed.py runs, as a module."""

    def __init__(self, folder: Path, file: str) -> None:
        super().__init__()
        self.inner = load(folder, file)

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:  # noqa: N803 - shape in the name
        """Return the vectors (B, W) of texts."""
        return self.inner.embed(tokens_BT)


def write_encoder(
    folder: Path,
    model: Encoder,
    *,
    architecture: Architecture,
    tokenizer: str,
    has_onnx: bool = False,
) -> None:
    """Write the files of a student.

    Args:
        folder: gets them.
        model: with its weights.
        architecture: what was trained.
        tokenizer: content of tokenizer.json.
        has_onnx: make the file for ONNX Runtime too.
    """
    tensors = bert_tensors(model.plan, model.state_dict())
    write_bytes(folder / WEIGHTS, save_safetensors(tensors, metadata={"format": "pt"}))
    if model.plan.is_projected:
        projection = {PROJECTION: model.state_dict()[PROJECTION].cpu().contiguous()}
        write_bytes(folder / _PROJECTION_FILE, save_safetensors(projection))
    floats = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    few_bits = save_safetensors(packed_weights(floats, bits=8), metadata={"format": "pt"})
    write_bytes(folder / FILES["safetensors int8"], few_bits)
    if has_onnx:
        write_encoder_onnx(folder / ONNX_FILE, model)
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


def measured_files(
    folder: Path,
    model: Encoder,
    *,
    names: tuple[str, str, str],
    teacher: EncoderTeacher,
    data: TextSearchData,
) -> list[ArtefactRow]:
    """Return what each file of a student is like, by running it.

    Args:
        folder: holds them.
        model: what they were made from, on the CPU.
        names: of the winner, of how its weights came about, and of the folder for people.
        teacher: judges.
        data: the test text is what it is judged by.
    """
    expected = agreement_of(model.eval(), teacher, data, device=_CPU)
    tokens = data.judged_by(next(iter(data.tokenized))).tokens.ravel()[: data.context]
    texts = teacher.framed(torch.from_numpy(tokens.astype("int64"))[None])
    rows = []
    for kind, file in FILES.items():
        if not (folder / file).is_file():
            continue
        is_onnx = kind == ONNX_KIND
        ready = OnnxEncoder(folder / file) if is_onnx else _ReadEncoder(folder, file)
        rows.append(
            _row(
                folder / file,
                kind,
                names=names,
                num_params=sum(p.numel() for p in model.parameters()),
                difference=_difference(ready, model, texts),
                values=(agreement_of(ready, teacher, data, device=_CPU), expected),
                latency_ms=_latency_ms(ready, texts),
            )
        )
    return rows


def _row(
    path: Path,
    kind: str,
    *,
    names: tuple[str, str, str],
    num_params: int,
    difference: float,
    values: tuple[float, float],
    latency_ms: float,
) -> ArtefactRow:
    name, variant, place = names
    size = path.stat().st_size
    projection = path.parent / _PROJECTION_FILE
    if path.name == WEIGHTS and projection.is_file():
        size += projection.stat().st_size
    return ArtefactRow(
        name=name,
        variant=variant,
        format=kind,
        file=f"{place}/{path.name}",
        size_bytes=size,
        num_params=num_params,
        metric=AGREEMENT,
        test_value=values[0],
        torch_value=values[1],
        max_difference=difference,
        agreement=math.nan,
        latency_ms=latency_ms,
        latency_low_ms=math.nan,
        latency_high_ms=math.nan,
        latency_32_ms=math.nan,
        latency_32_low_ms=math.nan,
        latency_32_high_ms=math.nan,
        num_threads=torch.get_num_threads(),
        peak_memory_bytes=math.nan,
        refused="",
    )


def _difference(ready: nn.Module, model: Encoder, texts: torch.Tensor) -> float:
    with torch.inference_mode():
        return float((ready(texts) - model(texts)).abs().max())


def _latency_ms(ready: nn.Module, texts: torch.Tensor) -> float:
    times = []
    with torch.inference_mode():
        for _ in range(_WARM_UP + _TIMED):
            started = time.perf_counter()
            ready(texts)
            times.append(1000.0 * (time.perf_counter() - started))
    return statistics.median(times[_WARM_UP:])

"""Makes one language model into files that run without nas, and measures each by running it.

    config.json, model.safetensors, tokenizer.json    transformers loads the folder
    generate.py                                       writes text with torch alone
    model_int8.safetensors, model_int4.safetensors    weights of few bits, for generate.py
    model_adapted.safetensors                         a frozen model with updates of low rank
    model.onnx                                        for ONNX Runtime, with a cache
    model.gguf                                        for llama.cpp

What was made is remembered beside the files, so a second `nas finish` makes nothing twice.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_safetensors

from nas.architecture import Architecture
from nas.compress.weight_only import packed_weights
from nas.data.text import TextSearchData
from nas.data.tokenizers import Tokenizer
from nas.export.gguf_files import FILE as GGUF_FILE
from nas.export.gguf_files import KIND as GGUF_KIND
from nas.export.gguf_files import can_hold_in_gguf, model_in_gguf, write_gguf
from nas.export.language_onnx import FILE as ONNX_FILE
from nas.export.language_onnx import KIND as ONNX_KIND
from nas.export.language_onnx import OnnxDecoder, can_hold, write_onnx
from nas.export.made_files import remember, remembered
from nas.files import write_bytes, write_text
from nas.models import generate_without_nas
from nas.models.decoder import Decoder
from nas.models.decoder_files import config_of, is_published, portable_model, tensors_of
from nas.models.generate_without_nas import load, tokens_per_second
from nas.record.artefacts import ArtefactRow
from nas.train.token_training import mean_loss

ADAPTED = 0  # in place of bits: a frozen model in its own bits, and low-rank updates
FILES = {
    None: "model.safetensors",
    8: "model_int8.safetensors",
    4: "model_int4.safetensors",
    ADAPTED: "model_adapted.safetensors",
}
KINDS = {
    None: "safetensors",
    8: "safetensors int8",
    4: "safetensors int4",
    ADAPTED: "safetensors adapted",
}
_VERSION = 1  # of what is made: files of another one are made again
# An ONNX file reads token by token, so it is judged by less of a long text.
_ONNX_TOKENS = 32_768
_COMPARED = 4  # stretches of the test text whose logits are compared


@dataclass(frozen=True)
class LanguageNetwork:
    """A model to ship.

    Attributes:
        name: of the winner, such as "trial 12".
        variant: how its weights came about.
        job: key of the training.
        architecture: what was trained.
        model: with its weights; updates of low rank are merged into them.
        adapted: the frozen weights as they are stored, and the updates; None where there are none.
    """

    name: str
    variant: str
    job: str
    architecture: Architecture
    model: Decoder
    adapted: Mapping[str, torch.Tensor] | None = None


class _Portable(torch.nn.Module):
    """What generate.py runs, as a module."""

    def __init__(self, folder: Path, file: str) -> None:
        super().__init__()
        self.inner = load(folder, file)

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:  # noqa: N803 - shape in the name
        """Return logits (B, T, V)."""
        return self.inner(tokens_BT)


def export_language_network(
    network: LanguageNetwork,
    data: TextSearchData,
    *,
    folder: Path,
    place: str,
    bits: tuple[int | None, ...],
    has_onnx: bool = False,
    has_gguf: bool = False,
) -> list[ArtefactRow]:
    """Write the files of a model below `folder / place`, and return a row for each.

    A row's time is that of one token, written one after another with what was read kept.

    Args:
        network: what is shipped.
        data: the test text is what it is judged by.
        folder: the run's `finish` folder.
        place: the model's own folder in it.
        bits: of the weights of each file; None for 32-bit floats.
        has_onnx: make an ONNX file with a cache too, where one can hold the model.
        has_gguf: make a GGUF file too, where one can hold the model and its tokens.
    """
    own = folder / place
    formats = {"onnx": True} if has_onnx else {}
    formats |= {"gguf": True} if has_gguf else {}
    source: list[Any] = [_VERSION, network.job, network.variant, list(bits), {"formats": formats}]
    known = remembered(own / "artefacts.json", source)
    if known is not None:
        return known
    model, plan = network.model.eval(), network.model.plan
    tensors = tensors_of(plan, model.state_dict())
    _write_texts(own, network, data.tokenized[plan.vocabulary].tokenizer)
    expected = _bits_per_byte(model, data, context=plan.context, vocabulary=plan.vocabulary)
    rows = []
    for width in (*bits, *([] if network.adapted is None else [ADAPTED])):
        stored: Mapping[str, torch.Tensor] = tensors
        if width == ADAPTED and network.adapted is not None:
            stored = network.adapted
        elif width is not None:
            stored = packed_weights(tensors, bits=width)
        content = save_safetensors(dict(stored), metadata={"format": "pt"})
        write_bytes(own / FILES[width], content)
        ready = _Portable(own, FILES[width])
        speed = tokens_per_second(ready.inner)
        rows.append(
            _row(network, data, own / FILES[width], place, KINDS[width], ready, speed, expected)
        )
    if has_onnx and can_hold(model):
        write_onnx(own / ONNX_FILE, model)
        short = replace(data, judged_tokens=min(data.judged_tokens, _ONNX_TOKENS))
        small = _bits_per_byte(model, short, context=plan.context, vocabulary=plan.vocabulary)
        run = OnnxDecoder(own / ONNX_FILE)
        speed = run.tokens_per_second()
        rows.append(_row(network, short, own / ONNX_FILE, place, ONNX_KIND, run, speed, small))
    tokenizer = data.tokenized[plan.vocabulary].tokenizer
    if has_gguf and can_hold_in_gguf(model, tokenizer):
        rows.append(_gguf_row(network, data, tokenizer, own, place, expected))
    remember(own / "artefacts.json", source, rows)
    return rows


def _gguf_row(
    network: LanguageNetwork,
    data: TextSearchData,
    tokenizer: Tokenizer,
    own: Path,
    place: str,
    expected: float,
) -> ArtefactRow:
    """Write the GGUF file, and return what it is like when transformers has read it."""
    path = own / GGUF_FILE
    write_gguf(path, network.model, tokenizer, name=network.name)
    read = model_in_gguf(path)
    speed = tokens_per_second(portable_model(read))
    return _row(network, data, path, place, GGUF_KIND, read, speed, expected)


def _write_texts(own: Path, network: LanguageNetwork, tokenizer: Tokenizer) -> None:
    """Write what stands beside the weights: settings, tokenizer, architecture, program."""
    plan = network.model.plan
    config = config_of(plan, end=tokenizer.end)
    write_text(own / "config.json", json.dumps(config, indent=2) + "\n")
    write_text(own / "tokenizer.json", tokenizer.to_json())
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": plan.context,
    }
    write_text(own / "tokenizer_config.json", json.dumps(settings, indent=2) + "\n")
    write_text(own / "architecture.json", network.architecture.to_json())
    program = Path(generate_without_nas.__file__).read_text(encoding="utf-8")
    write_text(own / "generate.py", program)


def _row(
    network: LanguageNetwork,
    data: TextSearchData,
    path: Path,
    place: str,
    kind: str,
    ready: torch.nn.Module,
    speed: float,
    expected: float,
) -> ArtefactRow:
    plan = network.model.plan
    judged = data.judged_by(plan.vocabulary)
    length = min(plan.context, judged.tokens.size // _COMPARED)
    taken = judged.tokens.ravel()[: _COMPARED * length].astype("int64").reshape(_COMPARED, length)
    tokens = torch.from_numpy(taken)
    with torch.inference_mode():
        ours, theirs = network.model(tokens), ready(tokens)
    return ArtefactRow(
        name=network.name,
        variant=network.variant,
        format=kind,
        file=f"{place}/{path.name}",
        size_bytes=path.stat().st_size,
        num_params=sum(p.numel() for p in network.model.parameters()),
        metric="bits_per_byte",
        test_value=_bits_per_byte(ready, data, context=plan.context, vocabulary=plan.vocabulary),
        torch_value=expected,
        max_difference=float((ours - theirs).abs().max()),
        agreement=float((ours.argmax(-1) == theirs.argmax(-1)).float().mean()),
        latency_ms=1000.0 / speed,
        latency_low_ms=math.nan,
        latency_high_ms=math.nan,
        latency_32_ms=math.nan,
        latency_32_low_ms=math.nan,
        latency_32_high_ms=math.nan,
        num_threads=torch.get_num_threads(),
        peak_memory_bytes=math.nan,
        refused="",
    )


def _bits_per_byte(
    model: torch.nn.Module, data: TextSearchData, *, context: int, vocabulary: int
) -> float:
    judged = data.judged_by(vocabulary)
    loss = mean_loss(model, judged.tokens, context=context, device=torch.device("cpu"))
    return (loss + judged.unknown_nats) / math.log(2) / judged.bytes_per_token


def loads_in_transformers(network: LanguageNetwork) -> bool:
    """Say whether transformers has a definition that holds the model."""
    return is_published(network.model.plan)

"""Writes text with the language model beside this file; needs torch alone.

    python generate.py "def main(" --tokens 200 --temperature 0.8

Reads config.json, tokenizer.json and model.safetensors, or model_int8.safetensors or
model_int4.safetensors with --file, or model_adapted.safetensors, a frozen model with updates.
Llama's definition, with a window or linear attention in the layers that config.json names so. A
tokenizer of pieces (byte-pair encoding with merges) needs the package tokenizers.

    B texts, T tokens, H heads, E features of a head
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "silu": functional.silu,
    "gelu": functional.gelu,
    "relu": functional.relu,
}
_DTYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I8": torch.int8,
    "U8": torch.uint8,
}
_SCALE = ".scale"
_DOWN, _UP = ".lora_A", ".lora_B"  # thin matrices, whose product up @ down is added to a weight


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    head.pop("__metadata__", None)
    found = {}
    for name, told in head.items():
        start, stop = told["data_offsets"]
        if start == stop:
            found[name] = torch.empty(told["shape"], dtype=_DTYPES[told["dtype"]])
            continue
        buffer = bytearray(content[8 + length + start : 8 + length + stop])
        flat = torch.frombuffer(buffer, dtype=_DTYPES[told["dtype"]])
        found[name] = flat.view(told["shape"])
    return found


def unpacked(stored: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return floats of what is stored in 8 or 4 bits; other tensors as they are.

    A matrix (rows, columns) of few bits is stored as whole numbers, two to a byte where they have
    4 bits (low half first), with a scale for each group of a row: NAME.scale is (rows, groups).
    To a weight with NAME.lora_A (rank, columns) and NAME.lora_B (rows, rank) their product is
    added.
    """
    found = {}
    for name, tensor in stored.items():
        if name.endswith((_SCALE, _DOWN, _UP)):
            continue
        scale = stored.get(name + _SCALE)
        if scale is None:
            found[name] = tensor.float()
            continue
        whole = tensor
        if tensor.dtype == torch.uint8:
            halves = torch.stack([tensor & 15, tensor >> 4], dim=-1).flatten(1)
            whole = halves.to(torch.int8) - 8
        rows, groups = scale.shape
        size = whole.shape[1] // groups
        values = whole.float().view(rows, groups, size) * scale.float()[..., None]
        found[name] = values.view(rows, -1)
    for name in list(found):
        if name + _DOWN in stored:
            found[name] = found[name] + stored[name + _UP] @ stored[name + _DOWN]
    return found


class PortableDecoder:
    """A language model that keeps what it has read.

    Args:
        config: content of config.json.
        tensors: by Llama's names, floats.
    """

    def __init__(self, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        self.config = config
        self.tensors = tensors
        self.context = int(config["max_position_embeddings"])
        self.activation = ACTIVATIONS[config["hidden_act"]]
        number = config["num_hidden_layers"]
        self.types: list[str] = config.get("layer_types") or ["full_attention"] * number
        features = config["head_dim"]
        steps = torch.arange(0, features, 2, dtype=torch.float32) / features
        place = torch.arange(self.context, dtype=torch.float32)[:, None]
        angles = place * config["rope_theta"] ** -steps
        doubled = torch.cat([angles, angles], dim=-1)
        self.rotary = torch.stack([doubled.cos(), doubled.sin()])

    def __call__(self, tokens: torch.Tensor, kept: dict[str, Any] | None = None) -> torch.Tensor:
        """Return logits (B, T, vocabulary) of the next token after each.

        Args:
            tokens: (B, T).
            kept: what was kept of earlier tokens; changed in place. None: nothing is kept.
        """
        kept = {} if kept is None else kept
        start: int = kept.get("length", 0)
        weights, config = self.tensors, self.config
        rotary = self.rotary[:, start : start + tokens.shape[1]]
        x = weights["model.embed_tokens.weight"][tokens]
        for index, kind in enumerate(self.types):
            name = f"model.layers.{index}"
            normed = self._norm(x, f"{name}.input_layernorm")
            own: dict[str, Any] = kept.setdefault(name, {})
            x = x + self._mix(normed, f"{name}.self_attn", kind, rotary, own)
            normed = self._norm(x, f"{name}.post_attention_layernorm")
            gate = functional.linear(normed, weights[f"{name}.mlp.gate_proj.weight"])
            inner = functional.linear(normed, weights[f"{name}.mlp.up_proj.weight"])
            inner = self.activation(gate) * inner
            x = x + functional.linear(inner, weights[f"{name}.mlp.down_proj.weight"])
        kept["length"] = start + tokens.shape[1]
        tied = "model.embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight"
        return functional.linear(self._norm(x, "model.norm"), weights[tied])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight = self.tensors[f"{name}.weight"]
        return functional.rms_norm(x, weight.shape, weight, self.config["rms_norm_eps"])

    def _mix(
        self, x: torch.Tensor, name: str, kind: str, rotary: torch.Tensor, kept: dict[str, Any]
    ) -> torch.Tensor:
        size, length, _ = x.shape
        features = self.config["head_dim"]
        q, k, v = (
            functional.linear(x, self.tensors[f"{name}.{letter}_proj.weight"])
            .view(size, length, -1, features)
            .transpose(1, 2)
            for letter in "qkv"
        )
        q, k = _rotate(q, rotary), _rotate(k, rotary)
        groups = q.shape[1] // k.shape[1]
        mix = _sum_earlier if kind == "linear_attention" else self._attend
        window = self.config.get("sliding_window") if kind == "sliding_attention" else None
        mixed = mix(q, k, v, groups, window, kept)
        joined = mixed.transpose(1, 2).reshape(size, length, -1)
        return functional.linear(joined, self.tensors[f"{name}.o_proj.weight"])

    def _attend(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        groups: int,
        window: int | None,
        kept: dict[str, Any],
    ) -> torch.Tensor:
        length = q.shape[2]
        if kept:
            k, v = torch.cat([kept["k"], k], dim=2), torch.cat([kept["v"], v], dim=2)
        total = k.shape[2]
        most = total if window is None else min(total, window)
        # Copied: a part of a larger tensor would keep all of it.
        kept["k"], kept["v"] = (part[:, :, total - most :].clone() for part in (k, v))
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        distance = torch.arange(total - length, total)[:, None] - torch.arange(total)
        seen = (distance >= 0) & (distance < (total if window is None else window))
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)


def _sum_earlier(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    groups: int,
    window: int | None,
    kept: dict[str, Any],
) -> torch.Tensor:
    """Take from a decaying sum of key-value products; the sum alone is kept."""
    del window
    k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    heads, features = q.shape[1], q.shape[3]
    fading = 1.0 - 2.0 ** -(3.0 + 5.0 * torch.arange(heads, dtype=torch.float32) / heads)
    total = kept.get("sum", torch.zeros(q.shape[0], heads, features, features))
    taken = []
    for place in range(q.shape[2]):
        product = k[:, :, place, :, None] * v[:, :, place, None, :]
        total = total * fading[:, None, None] + product
        taken.append((q[:, :, place, None] @ total) / math.sqrt(features))
    kept["sum"] = total
    return functional.rms_norm(torch.cat(taken, dim=2), (features,), eps=1e-5)


def _rotate(x: torch.Tensor, rotary: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * rotary[0] + torch.cat([-second, first], dim=-1) * rotary[1]


class Writer:
    """Text to tokens and back, as tokenizer.json tells.

    Args:
        path: of tokenizer.json.
    """

    def __init__(self, path: Path) -> None:
        told = json.loads(path.read_text(encoding="utf-8"))
        self.special = {entry["id"] for entry in told["added_tokens"]}
        self.vocabulary: dict[str, int] = told["model"]["vocab"]
        self.pieces = {number: piece for piece, number in self.vocabulary.items()}
        self.is_bytes = (told.get("decoder") or {}).get("type") == "ByteLevel"
        self.package: Any = None
        if told["model"]["merges"]:
            import tokenizers

            self.package = tokenizers.Tokenizer.from_file(str(path))

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; characters that the vocabulary lacks are left out."""
        if self.package is not None:
            return list(self.package.encode(text).ids)
        if self.is_bytes:
            return list(text.encode())
        return [self.vocabulary[c] for c in text if c in self.vocabulary]

    def decode(self, tokens: list[int]) -> str:
        """Return the text of tokens."""
        if self.package is not None:
            return str(self.package.decode(tokens))
        seen = [token for token in tokens if token not in self.special]
        if self.is_bytes:
            return bytes(seen).decode(errors="replace")
        return "".join(self.pieces[token] for token in seen)


def generate(
    model: PortableDecoder,
    tokens: list[int],
    *,
    count: int,
    temperature: float = 0.8,
    seed: int = 0,
    end: int | None = None,
) -> list[int]:
    """Return the tokens that follow; a full context is read again from its second half.

    Args:
        model: writes.
        tokens: one or more to begin with.
        count: most tokens to write.
        temperature: 0 takes the likeliest each time.
        seed: of the draws.
        end: a token that ends the text, or None.
    """
    generator = torch.Generator().manual_seed(seed)
    written = list(tokens)
    kept: dict[str, Any] = {}
    with torch.inference_mode():
        logits = model(torch.tensor([written[-model.context :]]), kept)[0, -1]
        for _ in range(count):
            if temperature > 0:
                chances = torch.softmax(logits / temperature, dim=-1)
                token = int(torch.multinomial(chances, 1, generator=generator))
            else:
                token = int(logits.argmax())
            if token == end:
                break
            written.append(token)
            if kept["length"] == model.context:
                kept = {}
                logits = model(torch.tensor([written[-(model.context // 2) :]]), kept)[0, -1]
            else:
                logits = model(torch.tensor([[token]]), kept)[0, -1]
    return written[len(tokens) :]


def tokens_per_second(model: PortableDecoder, *, repeats: int = 5) -> float:
    """Return how many tokens a second are written, one text at a time: the median of repeats.

    Each repeat writes as many tokens as half the context holds, after as many that it has read.
    """
    half = max(2, model.context // 2)
    speeds = []
    for _ in range(repeats + 1):  # the first one warms up
        kept: dict[str, Any] = {}
        with torch.inference_mode():
            model(torch.zeros(1, model.context - half, dtype=torch.long), kept)
            started = time.perf_counter()
            for _ in range(half):
                logits = model(torch.zeros(1, 1, dtype=torch.long), kept)
                int(logits[0, -1].argmax())
            speeds.append(half / (time.perf_counter() - started))
    return statistics.median(speeds[1:])


def load(folder: Path, file: str = "model.safetensors") -> PortableDecoder:
    """Return the model of a folder."""
    config = json.loads((folder / "config.json").read_text())
    return PortableDecoder(config, unpacked(read_safetensors(folder / file)))


def main() -> None:
    """Write text after what was given."""
    parser = argparse.ArgumentParser(description="Write text with the model beside this file.")
    parser.add_argument("text", nargs="?", default="\n", help="what to begin with")
    parser.add_argument("--tokens", type=int, default=200, help="most tokens to write")
    parser.add_argument("--temperature", type=float, default=0.8, help="0: the likeliest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", default="model.safetensors", help="which weights")
    asked = parser.parse_args()
    folder = Path(__file__).resolve().parent
    if not (folder / asked.file).is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*.safetensors")))
        parser.error(f"there is no {asked.file} beside this program; there are {there}")
    if asked.tokens < 1 or asked.temperature < 0:
        parser.error("--tokens must be at least 1 and --temperature at least 0")
    try:
        model = load(folder, asked.file)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        parser.error(f"{asked.file} cannot be read ({error}); give a whole safetensors file")
    writer = Writer(folder / "tokenizer.json")
    written = generate(
        model,
        writer.encode(asked.text) or [0],
        count=asked.tokens,
        temperature=asked.temperature,
        seed=asked.seed,
        end=model.config.get("eos_token_id"),
    )
    print(asked.text + writer.decode(written))  # noqa: T201 - this file is a program


if __name__ == "__main__":
    main()

"""Turns texts into vectors with the encoder beside this file; needs torch and tokenizers.

    python embed.py "The first text" "Another one"

Reads config.json, tokenizer.json and model.safetensors, and projection.safetensors where there is
one; or all weights from one file: --file model_int8.safetensors. Prints how alike the texts are:
the cosines of their vectors. BERT's definition; the vector of a text is the mean of the last
features over its tokens, of length 1.

    B texts, T tokens, W width, A features of all heads, F inside a feed-forward
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": functional.gelu,
    "relu": functional.relu,
}
PROJECTION = "projection.weight"
WEIGHTS = "model.safetensors"
_SCALE = ".scale"
_DTYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I8": torch.int8,
}


class PortableEncoder:
    """An encoder as its files tell it.

    Args:
        config: content of config.json.
        tensors: by BERT's names, floats; `projection.weight` too where texts are projected.
    """

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        self.config = config
        self.tensors = tensors
        # A file without zeros holds fewer heads than BERT's definition has.
        self.head_features = int(config["hidden_size"]) // int(config["num_attention_heads"])
        self.activation = ACTIVATIONS[config["hidden_act"]]

    def hidden(self, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the features (B, T, W) that enter the first layer, and those after each.

        Args:
            tokens: (B, T).
            mask: (B, T) true where a token is of the text; None: everywhere.
        """
        name = "embeddings"
        x = self.tensors[f"{name}.word_embeddings.weight"][tokens]
        x = x + self.tensors[f"{name}.position_embeddings.weight"][: tokens.shape[1]]
        x = x + self.tensors[f"{name}.token_type_embeddings.weight"][0]
        found = [self._norm(x, f"{name}.LayerNorm")]
        seen = None if mask is None else mask[:, None, None, :]
        for index in range(int(self.config["num_hidden_layers"])):
            found.append(self._layer(found[-1], f"encoder.layer.{index}", seen))
        return found

    def pooled(self, last: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the vectors (B, W) of texts, of length 1, from their last features (B, T, W)."""
        if mask is None:
            mean = last.mean(1)
        else:
            share = mask.to(last.dtype)[..., None]
            mean = (last * share).sum(1) / share.sum(1)
        projection = self.tensors.get(PROJECTION)
        if projection is not None:
            mean = functional.linear(mean, projection)
        return functional.normalize(mean, dim=-1)

    def embed(self, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the vectors (B, W) of texts, of length 1."""
        return self.pooled(self.hidden(tokens, mask)[-1], mask)

    def inside(
        self, x: torch.Tensor, name: str, seen: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what a layer holds inside.

        Of all heads (B, T, A), behind the attention (B, T, W), in the feed-forward (B, T, F).
        """
        own = f"{name}.attention"
        query, key, value = (
            self._linear(x, f"{own}.self.{word}")
            .view(*x.shape[:2], -1, self.head_features)
            .transpose(1, 2)
            for word in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        mixed = mixed.transpose(1, 2).flatten(2)
        x = self._norm(x + self._linear(mixed, f"{own}.output.dense"), f"{own}.output.LayerNorm")
        return mixed, x, self.activation(self._linear(x, f"{name}.intermediate.dense"))

    def _layer(self, x: torch.Tensor, name: str, seen: torch.Tensor | None) -> torch.Tensor:
        _, x, inner = self.inside(x, name, seen)
        x = x + self._linear(inner, f"{name}.output.dense")
        return self._norm(x, f"{name}.output.LayerNorm")

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return functional.layer_norm(
            x, weight.shape, weight, bias, float(self.config["layer_norm_eps"])
        )


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file."""
    content = bytearray(path.read_bytes())
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    head.pop("__metadata__", None)
    found = {}
    for name, told in head.items():
        start, _ = told["data_offsets"]
        flat = torch.frombuffer(
            content,
            dtype=_DTYPES[told["dtype"]],
            count=math.prod(told["shape"]),
            offset=8 + length + start,
        )
        found[name] = flat.view(told["shape"])
    return found


def unpacked(stored: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return floats: a matrix of whole numbers has a scale for each of its rows, NAME.scale."""
    found = {}
    for name, tensor in stored.items():
        if not name.endswith(_SCALE):
            scale = stored.get(name + _SCALE)
            found[name] = tensor.float() if scale is None else tensor.float() * scale.float()
    return found


def load(folder: Path, file: str = WEIGHTS) -> PortableEncoder:
    """Return the encoder of a folder, with the weights of a file in it."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tensors = unpacked(read_safetensors(folder / file))
    if file == WEIGHTS and (folder / "projection.safetensors").is_file():
        tensors |= read_safetensors(folder / "projection.safetensors")
    return PortableEncoder(config, tensors)


def tokenized(folder: Path, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens (B, T) of texts and what of them is text; long texts are cut."""
    from tokenizers import Tokenizer

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(int(config["max_position_embeddings"]))
    tokenizer.enable_padding(pad_id=int(config.get("pad_token_id") or 0))
    found = tokenizer.encode_batch(list(texts))
    tokens = torch.tensor([text.ids for text in found])
    return tokens, torch.tensor([text.attention_mask for text in found]).bool()


def main() -> None:
    """Print the cosines of the texts of the command line."""
    parser = argparse.ArgumentParser(description="How alike are texts?")
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--file", default=WEIGHTS, help="such as model_int8.safetensors")
    given = parser.parse_args()
    folder = Path(__file__).parent
    if not (folder / given.file).is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*.safetensors")))
        parser.error(f"there is no {given.file} beside this program; there are {there}")
    with torch.inference_mode():
        vectors = load(folder, given.file).embed(*tokenized(folder, given.texts))
    for row in vectors @ vectors.T:
        print(" ".join(f"{float(cosine):6.3f}" for cosine in row))  # noqa: T201 - a program


if __name__ == "__main__":
    main()

"""A language model as one GGUF file, as llama.cpp runs it, written by the package `gguf`.

GGUF's architecture `llama` holds models whose layers all see the whole context. Tokens are those
of byte-pair encoding over bytes: llama.cpp asks for the pairs, which bytes alone and characters
have not. Weights are floats of 32 bits; llama.cpp makes files of few bits of them. Queries and
keys lie there with the two halves that a rotary position turns together beside each other, so
their rows change places.

    H heads, E features of a head, D width
"""

import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from nas.data.tokenizers import BpeTokenizer, Tokenizer
from nas.files import write_bytes
from nas.models.decoder import Decoder
from nas.models.decoder_files import config_of, tensors_of
from nas.models.decoder_reading import read_decoder

# ruff: noqa: N803 - names of tensors end in their shapes

FILE, KIND = "model.gguf", "GGUF"
_ARCHITECTURE = "llama"
# Places of Llama's layers, and their names in GGUF.
_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
# llama.cpp takes token 11, which may be a comma, for the end of a text where a file names none. So
# where texts have no end, a token that none holds is named: the byte 255 is nowhere in UTF-8.
_NEVER_WRITTEN = "\u00ff"
_OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def can_hold_in_gguf(model: Decoder, tokenizer: Tokenizer) -> bool:
    """Say whether a GGUF file can hold a model and its tokens."""
    if config_of(model.plan)["model_type"] != "llama" or model.plan.activation != "silu":
        return False
    return isinstance(tokenizer, BpeTokenizer) and bool(tokenizer.model()["model"]["merges"])


def has_gguf_packages() -> bool:
    """Say whether what writes the files, and what reads them again, is installed."""
    return all(find_spec(name) is not None for name in ("gguf", "transformers", "accelerate"))


def model_in_gguf(path: Path) -> Decoder:
    """Return the model of a file, as transformers reads it.

    Raises:
        SpaceError: it is of another kind.
        MissingPackageError: what reads it is not installed.
    """
    read = read_decoder(path)
    model = Decoder(read.plan)
    model.load_state_dict(read.state)
    return model.eval()


def write_gguf(path: Path, model: Decoder, tokenizer: Tokenizer, *, name: str) -> None:
    """Write the file, whole or not at all.

    Args:
        path: of the file.
        model: one that `can_hold_in_gguf` allows.
        tokenizer: its own.
        name: of the model, for people.
    """
    import gguf

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / FILE
        writer = gguf.GGUFWriter(str(made), _ARCHITECTURE)
        writer.add_name(name)
        _add_settings(writer, config_of(model.plan, end=tokenizer.end))
        _add_tokens(writer, tokenizer, gguf.TokenType)
        for theirs, tensor in _gguf_tensors(model).items():
            writer.add_tensor(theirs, tensor.contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        write_bytes(path, made.read_bytes())


def _add_settings(writer: Any, config: dict[str, Any]) -> None:
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(0)  # all floats of 32 bits


def _add_tokens(writer: Any, tokenizer: Tokenizer, kinds: Any) -> None:
    told = json.loads(tokenizer.to_json())
    model, added = told["model"], told["added_tokens"]
    words = sorted(model["vocab"], key=model["vocab"].get)
    normal, control = int(kinds.NORMAL), int(kinds.CONTROL)
    writer.add_tokenizer_model("gpt2")  # byte-pair encoding over bytes
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*words, *(token["content"] for token in added)])
    writer.add_token_types([normal] * len(words) + [control] * len(added))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    writer.add_token_merges(merges)
    writer.add_add_bos_token(False)
    end = model["vocab"].get(_NEVER_WRITTEN) if tokenizer.end is None else tokenizer.end
    if end is not None:
        writer.add_bos_token_id(end)
        writer.add_eos_token_id(end)


def _gguf_tensors(model: Decoder) -> dict[str, torch.Tensor]:
    """Return the weights by GGUF's names."""
    plan, found = model.plan, {}
    for name, tensor in tensors_of(plan, model.state_dict()).items():
        if name in _OUTSIDE:
            found[_OUTSIDE[name]] = tensor
            continue
        _, _, index, place = name.removesuffix(".weight").split(".", 3)
        theirs = _NAMES[place]
        if theirs in ("attn_q", "attn_k"):
            tensor = _halves_side_by_side(tensor, plan.head_features)
        found[f"blk.{index}.{theirs}.weight"] = tensor
    return found


def _halves_side_by_side(weight_HE_D: torch.Tensor, features: int) -> torch.Tensor:
    """Return rows (H, 2, E / 2) of heads in the order (H, E / 2, 2)."""
    parts = weight_HE_D.view(-1, 2, features // 2, weight_HE_D.shape[1])
    return parts.transpose(1, 2).reshape(weight_HE_D.shape)

"""A tiny encoder of BERT's kind with drawn weights, as a folder of transformers has it."""

import json

import torch
from safetensors.torch import save_file

from nas.models.encoder import Encoder, EncoderPlan, config_of
from nas.models.masked_head import MaskedHead

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "the",
    "cat",
    "dog",
    "sat",
    "on",
    "mat",
    "and",
    "log",
    "[MASK]",
]
PLAN = EncoderPlan(
    vocabulary=len(WORDS),
    positions=40,
    num_types=2,
    width=16,
    num_heads=4,
    head_features=4,
    hidden_features=24,
    num_layers=3,
    activation="gelu",
    norm_epsilon=1e-12,
    embedding_features=16,
)
HEAD_NAMES = {
    "dense.weight": "cls.predictions.transform.dense.weight",
    "dense.bias": "cls.predictions.transform.dense.bias",
    "norm.weight": "cls.predictions.transform.LayerNorm.weight",
    "norm.bias": "cls.predictions.transform.LayerNorm.bias",
    "bias": "cls.predictions.bias",
}


def drawn_head(plan=PLAN, *, seed=1):
    """Return what guesses hidden tokens, with drawn weights."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        head = MaskedHead(plan)
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return head.eval().requires_grad_(False)


def write_encoder_folder(folder, *, seed=0, head=None, **config):
    """Write a teacher, and return the model in it; `config` changes config.json.

    With a `head`, the file is that of BertForMaskedLM.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = Encoder(PLAN)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    (folder / "config.json").write_text(json.dumps({**config_of(PLAN), **config}))
    tensors = dict(model.state_dict())
    if head is not None:
        tensors = {f"bert.{name}": tensor for name, tensor in tensors.items()}
        tensors |= {HEAD_NAMES[name]: tensor for name, tensor in head.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(tokenizer_json())
    return model.eval()


def tokenizer_json():
    """Return a tokenizer of whole words, which cuts single texts at 8 tokens."""
    special = [
        {"id": i, "content": w, "special": True, "single_word": False, "lstrip": False}
        | {"rstrip": False, "normalized": False}
        for i, w in enumerate(WORDS)
        if w.startswith("[")
    ]
    ends = [{"SpecialToken": {"id": word, "type_id": 0}} for word in ("[CLS]", "[SEP]")]
    single = [ends[0], {"Sequence": {"id": "A", "type_id": 0}}, ends[1]]
    frame = {w: {"id": w, "ids": [WORDS.index(w)], "tokens": [w]} for w in ("[CLS]", "[SEP]")}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": {
                "max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"
            },
            "padding": None,
            "added_tokens": special,
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": single,
                "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": frame,
            },
            "decoder": None,
            "model": {
                "type": "WordLevel",
                "vocab": {word: i for i, word in enumerate(WORDS)},
                "unk_token": "[UNK]",
            },
        }
    )  # fmt: skip

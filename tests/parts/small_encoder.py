"""A tiny encoder of BERT's kind with drawn weights, as a folder of transformers has it."""

import json

import torch
from safetensors.torch import save_file

from nas.models.encoder import Encoder, EncoderPlan, config_of

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "dog", "sat", "on", "mat", "and", "log"]
PLAN = EncoderPlan(
    vocabulary=len(WORDS),
    positions=40,
    num_types=2,
    width=16,
    num_heads=4,
    hidden_features=24,
    num_layers=3,
    activation="gelu",
    norm_epsilon=1e-12,
    embedding_features=16,
)


def write_encoder_folder(folder, *, seed=0, **config):
    """Write a teacher, and return the model in it; `config` changes config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = Encoder(PLAN)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    (folder / "config.json").write_text(json.dumps({**config_of(PLAN), **config}))
    save_file(dict(model.state_dict()), folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(tokenizer_json())
    return model.eval()


def tokenizer_json():
    """Return a tokenizer of whole words, which cuts single texts at 8 tokens."""
    special = [
        {"id": i, "content": w, "special": True, "single_word": False, "lstrip": False}
        | {"rstrip": False, "normalized": False}
        for i, w in enumerate(WORDS[:4])
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

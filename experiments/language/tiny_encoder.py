"""A tiny encoder of BERT's kind with drawn weights, for small forms of experiments."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from nas.models.encoder import Encoder, EncoderPlan, config_of


def write_tiny_encoder(folder: Path) -> None:
    """Write a teacher whose tokens are single letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(place) for place in range(33, 127)]
    vocabulary = {word: place for place, word in enumerate([*special, *letters])}
    ready = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    ready.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    ready.add_special_tokens(special)
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    ready.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    plan = EncoderPlan(
        vocabulary=len(vocabulary),
        positions=64,
        num_types=2,
        width=16,
        num_heads=4,
        head_features=4,
        hidden_features=32,
        num_layers=3,
        activation="gelu",
        norm_epsilon=1e-12,
        embedding_features=16,
    )
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    save_file(dict(Encoder(plan).state_dict()), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config_of(plan)))
    (folder / "tokenizer.json").write_text(ready.to_str())

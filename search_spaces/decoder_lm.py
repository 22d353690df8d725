"""The space `decoder_lm`: decoder-only language models, whose winners Llama's definition holds.

Width, heads and key-value heads, activation, tied embeddings, context and vocabulary are those of
the whole network; each layer has its own feed-forward and its own way of looking back.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from torch import nn

from nas.architecture import Architecture
from nas.data.curation import is_curation
from nas.errors import SpaceError, UnbuildableError
from nas.models.decoder import ACTIVATIONS, ATTENTION, MIXERS, Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_costs import decoder_costs
from nas.models.layer_costs import MAX_KEPT
from nas.space.rules import Rule, above, check_arguments, check_parameters, either, one_of, whole
from nas.space.space import SearchSpace
from nas.task import DataShape, TokenShape, token_shape

_MAX_VOCABULARY, _MAX_CONTEXT = 1 << 20, 1 << 20
_layer = lru_cache(MAX_KEPT)(DecoderLayer)


class DecoderSpace(SearchSpace):
    """Decoder-only transformers.

    Args:
        parameters: the tree of parameters; the names must be among those below. `layers.mixer`,
            `is_tied`, `activation`, `context`, `vocabulary` and `curation` may be left out.
        head_features: features of one head; even.
        window: tokens that a layer with a window sees.

    Raises:
        SpaceError: a parameter is missing, unknown or has a value that cannot be built.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "width": {"choice": [32, 48, 64, 96, 128, 192]},
        "heads": {"choice": [1, 2, 4, 8]},
        "heads_per_kv": {"choice": [1, 2, 4]},
        "activation": {"choice": ["silu", "gelu"]},
        "is_tied": {"choice": [True, False]},
        "context": {"choice": [64, 128, 256]},
        "layers": {
            "repeat": {"int": [1, 6]},
            "mlp_ratio": {"choice": [1.0, 2.0, 3.0, 4.0]},
            "mixer": {"choice": ["attention", "window"]},
        },
    }
    example_data: tuple[DataShape, ...] = (
        token_shape(context=256, vocabularies=[65]),
        token_shape(context=256, vocabularies=[257]),
    )

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        head_features: int = 16,
        window: int = 32,
    ) -> None:
        super().__init__(parameters)
        self.head_features = head_features
        self.window = window
        even = Rule(
            "an even whole number from 2 to 1,024",
            lambda value: isinstance(value, int) and 2 <= value <= 1024 and value % 2 == 0,
        )
        check_arguments(
            {"head_features": head_features, "window": window},
            {"head_features": even, "window": whole(1, _MAX_CONTEXT)},
            space="decoder_lm",
        )
        rules = {
            "width": whole(4),
            "heads": whole(1, 1000),
            "heads_per_kv": whole(1, 1000),
            "layers.repeat": whole(1),
            "layers.mlp_ratio": above(0),
            "layers.mixer": one_of(*MIXERS),
            "activation": one_of(*ACTIVATIONS),
            "is_tied": either(),
            "context": whole(8, _MAX_CONTEXT),
            "vocabulary": whole(2, _MAX_VOCABULARY),
            "curation": Rule("a curation, such as near+easy0.5", is_curation),
        }
        may_lack = {"layers.mixer", "activation", "is_tied", "context", "vocabulary", "curation"}
        check_parameters(
            self.domains, rules, space="decoder_lm", optional=may_lack | {"heads_per_kv"}
        )

    def check_data(self, data: DataShape) -> None:
        """Refuse images, a longer context than the data have, and vocabularies that they lack.

        Raises:
            SpaceError: the data do not fit.
        """
        if not isinstance(data, TokenShape):
            raise SpaceError(
                f"decoder_lm has language models, but the data are images or signals of shape "
                f"{data.input_shape}; take data=python_source or data=text data.path=..., or "
                "another search space"
            )
        longest = max(self._values("context"), default=0)
        if longest > data.context:
            raise SpaceError(
                f"decoder_lm: context reaches {longest:,}, but data.context is {data.context:,}; "
                f"set data.context={longest}, or narrow search_space.parameters.context"
            )
        absent = sorted(set(self._values("vocabulary")) - set(data.vocabularies))
        if absent:
            raise SpaceError(
                f"decoder_lm: vocabulary {absent[0]} is none of the data's "
                f"({', '.join(map(str, data.vocabularies))}); set data.vocabulary_size"
            )

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained network, which takes tokens (B, T)."""
        return Decoder(self.plan(architecture, data))

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes, multiply-accumulates and the cache, without building."""
        return decoder_costs(self.plan(architecture, data))

    def identity(self, architecture: Architecture) -> str:
        """Return what the network is: shares of heads that round alike are one."""
        chosen = dict(architecture)
        heads = int(chosen["heads"])
        chosen["heads_per_kv"] = heads // kv_heads(heads, int(chosen.get("heads_per_kv", 1)))
        width = int(chosen["width"])
        for index in range(int(chosen["layers.repeat"])):
            ratio = float(chosen[f"layers.{index}.mlp_ratio"])
            chosen[f"layers.{index}.mlp_ratio"] = hidden_features(width, ratio)
            is_whole = int(chosen.get("context", self.window + 1)) <= self.window
            if is_whole and chosen.get(f"layers.{index}.mixer") == "window":
                chosen[f"layers.{index}.mixer"] = ATTENTION
        return Architecture(chosen).id

    def plan(self, architecture: Architecture, data: DataShape) -> DecoderPlan:
        """Return the network's definition in numbers.

        Raises:
            UnbuildableError: the context is longer than that of the data.
        """
        chosen: Mapping[str, Any] = architecture
        width, heads = chosen["width"], chosen["heads"]
        context = chosen.get("context", data.input_shape[2])
        if context > data.input_shape[2]:
            raise UnbuildableError(
                f"a context of {context} is longer than that of the data, {data.input_shape[2]}"
            )
        return DecoderPlan(
            vocabulary=chosen.get("vocabulary", data.num_classes),
            context=context,
            width=width,
            num_heads=heads,
            num_kv_heads=kv_heads(heads, chosen.get("heads_per_kv", 1)),
            head_features=self.head_features,
            activation=chosen.get("activation", "silu"),
            is_tied=chosen.get("is_tied", True),
            window=self.window,
            layers=tuple(
                _layer(
                    chosen.get(f"layers.{index}.mixer", ATTENTION),
                    hidden_features(width, chosen[f"layers.{index}.mlp_ratio"]),
                )
                for index in range(chosen["layers.repeat"])
            ),
        )

    def _values(self, name: str) -> list[int]:
        domain = self.domains.get(name)
        return [] if domain is None else [int(value) for value in domain.values()]


def kv_heads(heads: int, heads_per_kv: int) -> int:
    """Return how many heads keys and values have: the nearest number at least that divides.

    >>> [kv_heads(8, 4), kv_heads(6, 4), kv_heads(1, 4)]
    [2, 2, 1]
    """
    wanted = max(1, -(-heads // heads_per_kv))
    return next(number for number in range(wanted, heads + 1) if heads % number == 0)


def hidden_features(width: int, ratio: float) -> int:
    """Return the features inside a feed-forward, a multiple of 4.

    >>> hidden_features(48, 2.7)
    128
    """
    return max(4, 4 * round(width * ratio / 4))

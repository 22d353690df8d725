"""What spaces that start from a trained decoder share: reading it, and refusing data of others."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from nas.data.curation import is_curation
from nas.errors import SpaceError
from nas.models.decoder import DecoderPlan
from nas.models.decoder_reading import ReadDecoder, read_decoder
from nas.models.decoder_tokens import refuse_other_tokens, text_for
from nas.space.rules import Rule, whole
from nas.space.space import SearchSpace
from nas.task import DataShape, token_shape

MOST_CONTEXT = 1 << 20
_EXAMPLE_CONTEXT = 64  # tokens of the text for which a space is checked
# Parameters that both spaces may have.
COMMON_RULES: Mapping[str, Rule] = {
    "context": whole(8, MOST_CONTEXT),
    "curation": Rule("a curation, such as near+easy0.5", is_curation),
}


class PretrainedDecoderSpace(SearchSpace):
    """Networks that start from one trained decoder.

    Args:
        model: a folder that `nas finish` or transformers wrote, or a file in GGUF.
        parameters: the tree of parameters.

    Attributes:
        whole_plan: of the trained decoder.

    Raises:
        SpaceError: the model cannot be had.
    """

    def __init__(self, model: str, parameters: Mapping[str, Any] | None) -> None:
        super().__init__(parameters)
        # Workers may start in other folders.
        self.model = str(Path(model).expanduser().absolute())
        self.whole_plan: DecoderPlan = self._read.plan
        # Text in the model's own tokens.
        context = min(_EXAMPLE_CONTEXT, self.whole_plan.context)
        self.example_data = (
            token_shape(context=context, vocabularies=[self.whole_plan.vocabulary]),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the weights behind: each process reads them once."""
        return {key: value for key, value in self.__dict__.items() if key != "_read"}

    @cached_property
    def _read(self) -> ReadDecoder:
        return read_decoder(Path(self.model))

    def check_data(self, data: DataShape) -> None:
        """Refuse images, text with another vocabulary, and a longer context than there is.

        Raises:
            SpaceError: the data do not fit.
        """
        text = text_for(data, model=self.model, vocabulary=self.whole_plan.vocabulary)
        domain = self.domains.get("context")
        longest = 0 if domain is None else max(int(value) for value in domain.values())
        if longest > self.most_context(text):
            raise SpaceError(
                f"search_space.parameters.context reaches {longest:,}, but data.context is "
                f"{text.context:,} and the model's own {self.whole_plan.context:,}"
            )

    def check_tokens(self, tokenizer: str) -> None:
        """Refuse a text in other tokens than the model's.

        Args:
            tokenizer: content of the tokenizer.json that made the tokens.

        Raises:
            SpaceError: the model was trained on other tokens.
        """
        refuse_other_tokens(self._read.tokenizer, tokenizer, model=self.model)

    def most_context(self, data: DataShape) -> int:
        """Return the longest context that data and model allow."""
        return min(data.input_shape[2], self.whole_plan.context)

    def context_of(self, chosen: Mapping[str, Any], data: DataShape) -> int:
        """Return the context of an architecture."""
        most = self.most_context(data)
        return min(int(chosen.get("context", most)), most)

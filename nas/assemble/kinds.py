"""Do the parts of a search speak of the same thing? Images have their trainings, text has its own.

Told before anything is built that takes time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nas.config.contracts import makes_text
from nas.config.targets import locate
from nas.errors import ConfigError
from nas.metric import LANGUAGE_METRICS

_IMAGES = {
    "evaluation": (
        "nas.evaluation.trained.TrainedEvaluator",
        "nas.evaluation.supernet.SupernetEvaluator",
    ),
    "training": ("nas.train.recipe.Recipe",),
}
_TEXT = {
    "evaluation": ("nas.evaluation.language.LanguageEvaluator",),
    "training": ("nas.train.token_recipe.TokenRecipe",),
}


def check_kinds(nodes: Mapping[str, Mapping[str, Any]], *, metrics: Sequence[str] = ()) -> None:
    """Refuse text with the training or the metrics of images, and the other way round.

    Args:
        nodes: data, training and evaluation, by place.
        metrics: that are made better or limited.

    Raises:
        ConfigError: which parts do not fit, and what to write.
    """
    targets = {place: str(node.get("_target_", "")) for place, node in nodes.items()}
    if "table" in targets["evaluation"]:
        return
    is_text = makes_text(locate(targets["data"]))
    others = _IMAGES if is_text else _TEXT
    wrong = [place for place, found in others.items() if targets[place] in found]
    of_text = [name for name in metrics if name in LANGUAGE_METRICS and not is_text]
    if of_text and not wrong:
        raise ConfigError(
            f"{of_text[0]} is of language models, but the data are not text; take another "
            "objective, or preset=small_lm"
        )
    if not wrong:
        return
    if is_text:
        raise ConfigError(
            f"data is text, but {' and '.join(sorted(wrong))} of this search {_are(wrong)} for "
            "images; preset=small_lm sets all that text needs: nas search preset=small_lm "
            "data=text data.path=..."
        )
    raise ConfigError(
        f"{' and '.join(sorted(wrong))} of this search {_are(wrong)} for text, but data is not; "
        "take data=python_source, data=text or data=huggingface_text, or leave out preset=small_lm"
    )


def _are(wrong: list[str]) -> str:
    return "are" if len(wrong) > 1 else "is"

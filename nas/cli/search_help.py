"""What may a search be told? Groups with their choices, options with their defaults."""

import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from nas.config.choices import Choices, spelled
from nas.config.schema import Limits, Node, SearchConfig, Setting, TrialLimits
from nas.paths import conf_dir

_WIDTH = 96


def search_help() -> str:
    """Return what the help of `nas search` says of its settings."""
    choices = Choices((conf_dir(),))
    return "\n".join(
        [
            "Groups [default] and their choices",
            *_group_lines(choices),
            "",
            "Options [default]; more with --cfg job, or with the tab key (nas completion)",
            *_option_lines(choices),
        ]
    )


def _group_lines(choices: Choices) -> Iterator[str]:
    for group, default in choices.groups().items():
        names = choices.choices(group)
        if names == [default]:
            continue  # nothing to choose
        head = f"  {group} [{spelled(default)}]"
        yield from textwrap.wrap(
            ", ".join(names), _WIDTH, initial_indent=f"{head:<29} ", subsequent_indent=" " * 30
        )


def _option_lines(choices: Choices) -> Iterator[str]:
    defaults = {option.key: option.default for option in choices.options()}
    for key, setting in settings_of(SearchConfig):
        if key in defaults and key != "objectives.metrics":  # the group says it
            yield _option_line(key, defaults[key], setting.words)
    for key, setting in settings_of(TrialLimits, "training."):
        yield _option_line(key, defaults.get(key), setting.words)
    epochs = defaults.get("training.epochs")
    yield _option_line("training.epochs", epochs, "passes over the training data, of each trial")
    yield _option_line(
        "constraints.<metric>.max / .min",
        None,
        "limits of size_bytes, num_params, num_macs, ..., and of accuracy",
    )


def _option_line(key: str, default: Any, words: str) -> str:
    default_words = "date and time" if "${now:" in str(default) else spelled(default)
    shown = f"  {key} [{default_words}]"
    return f"{shown:<46} {words}" if len(shown) < 46 else f"{shown}\n{' ' * 47}{words}"


def settings_of(cls: type[Any], prefix: str = "") -> Iterator[tuple[str, Setting]]:
    """Yield each setting of a schema by its dotted key; what a group chooses is left out."""
    hints = get_type_hints(cls, include_extras=True)
    for field in fields(cls):
        hint = hints[field.name]
        bare, setting = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, Setting())
        if is_dataclass(bare) and isinstance(bare, type):
            yield from settings_of(bare, f"{prefix}{field.name}.")
        elif field.name != "kind" and bare not in (Node, Node | None, dict[str, Limits]):
            yield f"{prefix}{field.name}", setting

"""`nas spaces`: list the search spaces, show what one holds, copy one to change, check one."""

import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from nas.cli.command import Command
from nas.cli.command_of_spaces import SPACES
from nas.cli.flags import parse_flags, take_bare
from nas.cli.numbers import format_count
from nas.cli.terminal import make_console
from nas.config.choices import Choices
from nas.config.launch import open_launch_folder
from nas.config.nodes import WRAPPERS
from nas.errors import ConfigError, NasError, SpaceError, nearest_first
from nas.exit_status import ExitStatus
from nas.files import write_bytes, write_text
from nas.paths import conf_dir


def show_all(words: Sequence[str]) -> int:
    """List the spaces that come with the package."""
    take_bare(words, _action("list"))
    choices = Choices((conf_dir(),))
    names = choices.choices("search_space")
    width = max(map(len, names))
    for name in names:
        print(f"  {name:<{width}}  {choices.describe('search_space', name)}")
    return ExitStatus.DONE


def show(words: Sequence[str]) -> int:
    """Show the parameters of a space, and how many architectures there are."""
    flags = parse_flags(words, _action("show"))
    (name,), overrides = take_bare(flags.overrides, _action("show"))
    space = _make_space(name, overrides, flags.config_dir)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("parameter", "blocks", "values", "counts only when"):
        table.add_column(heading, overflow="fold")
    for row in _rows(space):
        table.add_row(*row)
    console = make_console()
    console.print(table)
    console.print(f"{format_count(space.num_architectures())} architectures", highlight=False)
    return ExitStatus.DONE


def check(words: Sequence[str]) -> int:
    """Check a space at the shapes of data that it names.

    Raises:
        SpaceError: it has faults; they are printed before.
    """
    flags = parse_flags(words, _action("check"))
    (name,), others = take_bare(flags.overrides, _action("check"))
    counts = [word for word in others if word.startswith("num_architectures=")]
    num_architectures = _count(counts[-1]) if counts else 100
    overrides = [word for word in others if word not in counts]
    space = _make_space(name, overrides, flags.config_dir)
    from nas.evaluation.space_check import check_space

    if not space.example_data:
        print(f"{name}: not checked, because its networks return no logits")
    num_faults = 0
    for data in space.example_data:
        with make_console().status(f"input {data.input_shape}: building, counting, training"):
            found = check_space(space, data, num_architectures=num_architectures)
        num_faults += len(found)
        print(f"input {data.input_shape}: {_faults(len(found))}")
        for finding in found:
            print(f"  {finding}")
    if num_faults:
        raise SpaceError(f"the search space '{name}' has {_faults(num_faults)}, named above")
    return ExitStatus.DONE


def copy(words: Sequence[str]) -> int:
    """Copy YAML and Python of a space, to be changed."""
    (name, place), _ = take_bare(words, _action("copy"))
    folder = Path(place)
    node = _node(name, [])
    from nas.config.targets import locate

    source = Path(inspect.getfile(locate(node["_target_"])))
    yaml_path = folder / "search_space" / f"my_{name}.yaml"
    code_path = folder / f"my_{name}.py"
    taken = [path for path in (yaml_path, code_path) if path.exists()]
    if taken:
        raise NasError(f"{taken[0]} exists already; remove it, or copy into another folder")
    module = _module_of(code_path)
    text = (conf_dir() / "search_space" / f"{name}.yaml").read_text(encoding="utf-8")
    target = f"{module}.{node['_target_'].rpartition('.')[2]}"
    try:
        write_text(yaml_path, _retarget(text, name=name, target=target, folder=folder))
        write_bytes(code_path, source.read_bytes())
    except OSError:
        yaml_path.unlink(missing_ok=True)  # half a copy would refuse the next one
        raise
    print(f"{yaml_path}\n{code_path}")
    start = "" if module != code_path.stem else f"cd {folder} && "
    place = "." if start else str(folder)
    print(f"search it: {start}nas search --config-dir {place} search_space=my_{name}")
    return ExitStatus.DONE


def _action(name: str) -> Command:
    return next(action for action in SPACES.actions if action.name == f"spaces {name}")


def _faults(number: int) -> str:
    return f"{number or 'no'} fault{'s' * (number != 1)}"


def _count(word: str) -> int:
    text = word.partition("=")[2]
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) < 3:
        raise ConfigError(f"num_architectures must be from 3 to 999999, but got {text[:40]!r}")
    return int(text)


def _make_space(name: str, overrides: Sequence[str], folder: Path | None) -> Any:
    node = _node(name, overrides, folder)
    from nas.assemble.make import make_space

    open_launch_folder()
    return make_space(node)


def _node(name: str, overrides: Sequence[str], folder: Path | None = None) -> dict[str, Any]:
    """Return the composed node of a space.

    Raises:
        ConfigError: there is no such space, or an override does not fit.
    """
    from nas.assemble.check import check_node_of_space
    from nas.config.compose import compose_values
    from nas.config.source import ConfigSource

    _check_known(name, folder)
    settings = [_of_space(word) for word in overrides]
    words = (f"search_space={name}", *settings)
    if name == "table":
        raise ConfigError("the space 'table' is made of a table's rows; it has no parameters yet")
    open_launch_folder()
    return dict(
        check_node_of_space(compose_values(ConfigSource(config_dir=folder, overrides=words)))
    )


def _of_space(word: str) -> str:
    """Return an override as `nas search` takes it; a `+`, which adds a setting, stays in front."""
    setting = word.lstrip("+")
    divider = "/" if setting.startswith(_WRAPPED_BY) else "."
    return f"{word[: len(word) - len(setting)]}search_space{divider}{setting}"


_WRAPPED_BY = tuple(f"{key}=" for key in WRAPPERS)


def _check_known(name: str, folder: Path | None = None) -> None:
    folders = (conf_dir(),) if folder is None else (conf_dir(), folder)
    known = Choices(folders).choices("search_space")
    if name not in known:
        near = nearest_first(name, known)
        raise ConfigError(f"there is no search space '{name}'; known, nearest first: {near}")


def _rows(space: Any) -> list[tuple[str, str, str, str]]:
    """Return name, blocks, values and conditions; blocks that are alike share a line."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for parameter in space.parameters:
        blocks = re.findall(r"\.(\d+)(?=\.)", parameter.name)
        label = re.sub(r"\.\d+(?=\.)", ".*", parameter.name)
        conditions = [
            f"{re.sub(r'[.][0-9]+(?=[.])', '.*', c.parameter)} is {_either(c.values)}"
            for c in parameter.conditions
            if not c.parameter.endswith(".repeat")  # the block exists
        ]
        key = (label, describe_domain(parameter.domain), " and ".join(conditions))
        rows.setdefault(key, []).extend(blocks[:1])
    for place in space.shared:
        blocks = re.findall(r"\.(\d+)(?=\.)", place.name)
        label = re.sub(r"\.\d+(?=\.)", ".*", place.name)
        rows.setdefault((label, f"the same as {place.source}", ""), []).extend(blocks[:1])
    return [
        (label, f"{blocks[0]} to {blocks[-1]}" if blocks else "", values, condition)
        for (label, values, condition), blocks in rows.items()
    ]


def describe_domain(domain: Any) -> str:
    """Return what a parameter may be, in words.

    >>> from nas.space.parameters import Choice, Int
    >>> describe_domain(Choice([3, 5])), describe_domain(Int(1, 3))
    ('3, 5', '1 to 3')
    """
    if hasattr(domain, "options"):
        return " < ".join(_words(domain)) if domain.is_ordered else ", ".join(_words(domain))
    words = f"{domain.low} to {domain.high}"
    if domain.step not in (None, 1):
        words += f" in steps of {domain.step}"
    words += ", logarithmic" * domain.log
    return words if domain.prior is None else f"{words}, expected near {domain.prior}"


def _words(choice: Any) -> list[str]:
    """Return the options, each with its weight and its prior where there are any."""
    words = [_word(option) for option in choice.options]
    for mark, numbers in (("×", choice.weights), ("prior ", choice.prior)):
        if numbers is not None:
            pairs = zip(words, numbers, strict=True)
            words = [f"{word} ({mark}{number:g})" for word, number in pairs]
    return words


def _either(values: Sequence[object]) -> str:
    return " or ".join(_word(value) for value in values)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _module_of(code_path: Path) -> str:
    """Return the dotted name of a file as seen from the launch folder.

    From outside of it, or with a folder that is no Python name: as seen from its own folder.
    """
    try:
        parts = code_path.resolve().relative_to(Path.cwd().resolve()).with_suffix("").parts
    except ValueError:
        return code_path.stem
    return ".".join(parts) if all(part.isidentifier() for part in parts) else code_path.stem


def _retarget(text: str, *, name: str, target: str, folder: Path) -> str:
    own = re.sub(r"(?m)^_target_:.*$", f"_target_: {target}", text, count=1)
    own = own.replace(f"conf/search_space/{name}.yaml", f"{folder}/search_space/my_{name}.yaml")
    return own.replace(f"search_space={name}", f"--config-dir {folder} search_space=my_{name}")

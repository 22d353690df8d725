"""The house stays in small rooms: modules, functions and names that a reader can hold in mind."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import nas

ROOT = Path(nas.__file__).parents[1]
MAX_MODULE, MAX_FUNCTION = 350, 50
# Functions that are longer -> why.
LONG_FUNCTIONS: dict[str, str] = {}
# Attributes of other libraries that are set for a moment: place -> why.
SWAPPED = {
    "nas/data/huggingface.py": "datasets.config is read once, at its import; no argument says it",
}
# Public classes of one name in two modules: name -> why.
NAMESAKES: dict[str, str] = {}


def modules(*packages: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each module."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def num_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function, its docstring and decorators apart."""
    whole = function.end_lineno - function.lineno + 1
    first = function.body[0]
    is_told = ast.get_docstring(function) is not None
    return whole - is_told * (first.end_lineno - first.lineno + 1)


def functions_of(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds))


def test_no_module_is_too_long():
    lengths = {name: len(text.splitlines()) for name, text in modules("nas", "search_spaces")}

    assert {name: n for name, n in lengths.items() if n > MAX_MODULE} == {}


def test_no_function_is_too_long():
    lengths = {
        f"{name}:{function.name}": num_lines(function)
        for name, text in modules("nas", "search_spaces")
        for function in functions_of(text)
    }

    assert {
        name: n for name, n in lengths.items() if n > MAX_FUNCTION and name not in LONG_FUNCTIONS
    } == {}


def test_no_two_public_classes_share_a_name():
    places = defaultdict(list)
    for name, text in modules("nas"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)

    assert {c: p for c, p in places.items() if len(p) > 1 and c not in NAMESAKES} == {}


def test_rooms_export_nothing_of_their_own():
    told = {name: text for name, text in modules("nas") if name.endswith("/__init__.py")}
    told.pop("nas/__init__.py")

    assert [name for name, text in told.items() if text.strip()] == []


def test_no_rule_about_length_is_switched_off():
    marks = ("noqa: " + code for code in ("E501", "C901", "PLR0915", "PLR0912"))

    assert [
        name for mark in marks for name, text in modules("nas", "search_spaces") if mark in text
    ] == []


def test_no_attribute_of_an_imported_module_is_swapped():
    found = []
    for name, text in modules("nas", "search_spaces"):
        tree = ast.parse(text)
        imported = {
            (alias.asname or alias.name).partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        found += [
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Attribute) and _root(target) in imported
        ]

    assert set(found) == set(SWAPPED)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""

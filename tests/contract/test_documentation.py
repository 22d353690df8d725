"""The documentation names what is there: rooms, modules, files."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("search_spaces/*.md"),
        *ROOT.glob("experiments/**/*.md"),
    ]
)
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
ANCHORED = re.compile(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)")
ROOM = re.compile(r"^\| *\d* *\| (`.*?`(?:, `.*?`)*) \|", re.MULTILINE)


def anchors_of(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_relative_link_leads_to_a_file(page):
    lost = [to for to in LINK.findall(page.read_text()) if not (page.parent / to).exists()]

    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_into_a_page_leads_to_a_heading(page):
    lost = [
        (to, anchor)
        for to, anchor in ANCHORED.findall(page.read_text())
        if anchor not in anchors_of(page.parent / (to or page.name))
    ]

    assert not lost


def test_contributing_lists_the_floors_of_the_import_contract_in_its_order():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    floors = [
        {name.strip() for name in layer.split("|")}
        for layer in contracts["contracts"][0]["layers"]
    ]
    rows = ROOM.findall((ROOT / "CONTRIBUTING.md").read_text())
    rooms = [
        name.removesuffix("/").removesuffix(".py").replace("/", ".")
        for row in rows
        for name in re.findall(r"`(.*?)`", row)
    ]

    in_order = [room for floor in floors for room in sorted(floor, key=rooms.index)]
    assert rooms == in_order


def test_each_module_that_the_glossary_names_is_there():
    named = re.findall(r"`((?:nas|search_spaces)/[\w/]*(?:\.py)?)`", _glossary())

    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_each_entry_of_the_glossary_is_explained_once():
    entries = re.findall(r"^\*\*(.+?)\.?\*\*", _glossary(), re.MULTILINE)

    assert len(entries) == len(set(entries))


def _glossary() -> str:
    return (ROOT / "docs" / "glossary.md").read_text()


def _blocks(language: str) -> list[tuple[str, str]]:
    fenced = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [
        (str(page.relative_to(ROOT)), block)
        for page in PAGES
        for block in fenced.findall(page.read_text())
    ]


def test_each_block_of_python_is_python():
    blocks = _blocks("python")

    assert blocks
    for _, block in blocks:
        ast.parse(block)


def test_each_make_target_that_a_page_names_is_there():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (str(page.relative_to(ROOT)), target)
        for page in PAGES
        for target in re.findall(r"(?:`|^\$ )make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }

    assert named
    assert not {(page, target) for page, target in named if target not in targets}


def test_each_module_that_a_page_runs_is_there():
    named = {
        module
        for page in PAGES
        for module in re.findall(r"python -m (experiments[\w.]*)", page.read_text())
    }
    places = {module: ROOT / module.replace(".", "/") for module in named}

    assert named
    assert not [
        module
        for module, place in places.items()
        if not (place / "__main__.py").is_file() and not place.with_suffix(".py").is_file()
    ]


def test_each_page_of_the_documentation_is_in_the_list_of_the_site():
    listed = set(re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text()))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}

    assert pages == listed

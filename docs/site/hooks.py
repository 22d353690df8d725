"""What the site has beside docs/: measurements, and pages made of the commands and the YAML files.

A link of a page to a file of the repository that is no page (code, results) stays as words: the
site has pages alone. That such files exist is tested in tests/contract.
"""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
_SHIM = re.compile(r"https://[\w.]+/iframe-worker/shim")
_IMAGE = re.compile(r"!\[([^\]]*)\]\((?!https?:|data:)([^)\s]+)\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages and pictures of experiments/, and those that are made here."""
    for path in sorted(ROOT.glob("experiments/**/*")):
        if path.suffix in (".md", ".png"):
            place = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(text: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - as MkDocs calls it
    """Lead links from where a page lies in the repository to where pages lie in the site."""
    for mark, make in _MADE.items():
        text = text.replace(mark, make()) if mark in text else text
    source = page.file.src_uri
    in_repository = source if source.startswith("experiments/") else f"docs/{source}"
    folder = PurePosixPath(in_repository).parent
    here = PurePosixPath(source).parent

    def target(link: str) -> str | None:
        place = normpath(str(folder / link))
        uri = place.removeprefix("docs/")
        if files.get_file_from_path(uri) is None:
            return None
        return "/".join([".."] * len(here.parts) + [uri])

    def linked(found: re.Match[str]) -> str:
        words, link, anchor = found[1], found[2], found[3] or ""
        if link == "../README.md" or link.endswith("/../README.md"):
            return f"[{words}]({'/'.join(['..'] * len(here.parts) + ['index.md'])})"
        place = target(link)
        return words if place is None else f"[{words}]({place}{anchor})"

    def drawn(found: re.Match[str]) -> str:
        place = target(found[2])
        return found[0] if place is None else f"![{found[1]}]({place})"

    return _IMAGE.sub(drawn, _LINK.sub(linked, text))


def on_post_page(html: str, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001
    """Take the one script that the theme would load from elsewhere from the site's own files."""
    above = "../" * page.url.count("/")
    return _SHIM.sub(f"{above}assets/iframe-worker.js", html)


def commands_text() -> str:
    """Return the help of all commands, as `nas COMMAND --help` prints it."""
    from nas.cli.commands import COMMANDS

    parts = []
    for command in COMMANDS.values():
        for told in [command, *command.actions]:
            parts += [f"## nas {told.name}", "```text", told.help_text().rstrip(), "```", ""]
    return "\n".join(parts)


def settings_text() -> str:
    """Return the shipped YAML files: each setting with its unit, range and meaning beside it."""
    conf = ROOT / "conf"
    own = sorted(conf.glob("*.yaml"), key=lambda path: (path.stem != "search", path.stem))
    parts = []
    for path in [*own, *sorted(conf.glob("*/**/*.yaml"))]:
        name = path.relative_to(conf).with_suffix("").as_posix()
        group, _, choice = name.rpartition("/")
        title = f"{group}={choice}" if group else f"{name}.yaml"
        text = path.read_text(encoding="utf-8").rstrip()
        parts += [f"## {title}", "```yaml", text, "```", ""]
    return "\n".join(parts)


_MADE = {"<!-- made by commands -->": commands_text, "<!-- made by settings -->": settings_text}

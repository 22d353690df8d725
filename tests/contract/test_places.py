"""Where a test stands: each module is tested in one file, of its name, in the room of its name."""

from pathlib import Path

import nas

ROOT = Path(nas.__file__).parents[1]
# Folders about whole commands, chains of rooms, or the repository itself.
ABOUT_WHOLES = {"commands", "contract", "experiments", "integration", "packaging", "security"}


def modules_of(test: Path) -> list[Path]:
    """Return where the module that a test file names may stand."""
    place = test.relative_to(ROOT / "tests")
    named = place.with_name(place.name.removeprefix("test_"))
    return [ROOT / "nas" / named, ROOT / named]


def test_each_test_file_in_a_room_has_the_name_of_a_module_of_that_room():
    tests = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if path.relative_to(ROOT / "tests").parts[0] not in ABOUT_WHOLES
    ]

    assert len(tests) > 100
    assert [t for t in tests if not any(module.is_file() for module in modules_of(t))] == []


def test_each_folder_of_tests_is_a_room_or_about_wholes():
    rooms = {path.name for path in (ROOT / "nas").iterdir() if path.is_dir()}
    folders = {path.parent.relative_to(ROOT / "tests") for path in ROOT.glob("tests/*/test_*.py")}

    assert {str(folder) for folder in folders} - rooms <= ABOUT_WHOLES | {"search_spaces"}

"""What is other in these data than in those? Lines for people: classes, splits, how many images.

Images are counted by their marks (`nas.data.fingerprint`); where there are too many for marks, the
classes are named whose images differ.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from nas.data.class_names import is_respelled
from nas.data.fingerprint import DigestGroup, Fingerprint, Part

_ADJECTIVES = {"train": "training"}
_NUM_LISTED = 5
_Counts = Mapping[str, Counter[str]]


def changes(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Return a line for each change; empty if the data are the same."""
    if before.digest == now.digest:
        return []
    if before.unit != now.unit:
        return [f"there were {before.unit}, and there are {now.unit} now"]
    if _has_nothing_in_common(before, now):
        return [f"all other {now.unit}: {_told(before)} -> {_told(now)}"]
    renamed = _renamed(before, now)
    lines = [*_class_lines(before, now, renamed), *_split_lines(before, now, renamed)]
    if renamed and not lines and all(map(is_respelled, renamed, renamed.values())):
        return []
    if _has_same_images(before, now):
        lines.insert(0, f"the same {now.unit}, split otherwise")
    return lines or [f"other {now.unit}, or the same under other classes"]


def _has_nothing_in_common(before: Fingerprint, now: Fingerprint) -> bool:
    old, new = (set().union(*map(_marks, data.parts.values())) for data in (before, now))
    return bool(old) and bool(new) and old.isdisjoint(new)


def _told(data: Fingerprint) -> str:
    number = sum(part.whole.count for part in data.parts.values())
    names = [name for name in _class_names(data) if name]
    of = f" of {len(names)} classes ({_listed(names)})" if names else ""
    return f"{_counted(number, data.unit)}{of}"


def _has_same_images(before: Fingerprint, now: Fingerprint) -> bool:
    is_split_otherwise = any(
        before.parts[word].whole != part.whole
        for word, part in now.parts.items()
        if word in before.parts
    )
    return is_split_otherwise and _sum(before) == _sum(now)


def _sum(data: Fingerprint) -> tuple[int, int]:
    """Return the digest of all splits together: digests add up (`nas.data.fingerprint`)."""
    halves = [bytes.fromhex(part.whole.digest) for part in data.parts.values()]
    first = sum(int.from_bytes(half[:8], "little") for half in halves)
    second = sum(int.from_bytes(half[8:], "little") for half in halves)
    return first % 2**64, second % 2**64


def _class_names(data: Fingerprint) -> list[str]:
    return list(dict.fromkeys(name for part in data.parts.values() for name in part.classes))


def _of_class(data: Fingerprint, name: str) -> list[tuple[int, str] | None]:
    found = [part.classes.get(name) for part in data.parts.values()]
    return [None if group is None else (group.count, group.digest) for group in found]


def _renamed(before: Fingerprint, now: Fingerprint) -> dict[str, str]:
    """Return old name -> new name of classes that have the same images in all splits."""
    old, new = _class_names(before), _class_names(now)
    fresh = [name for name in new if name not in old]
    found: dict[str, str] = {}
    for name in old:
        ours = _of_class(before, name)
        free = [other for other in fresh if other not in found.values()]
        equal = [other for other in free if name not in new and _of_class(now, other) == ours]
        if equal:
            found[name] = equal[0]
    return found


def _class_lines(
    before: Fingerprint, now: Fingerprint, renamed: Mapping[str, str]
) -> Iterator[str]:
    old, new = _class_names(before), _class_names(now)
    if not old or not new:  # too many to be on record
        return
    for name, other in renamed.items():
        if not is_respelled(name, other):
            yield f"class '{name}' is called '{other}' now"
    for data, names, verb in ((now, new, "is new"), (before, old, "is gone")):
        known = [*old, *renamed.values()] if data is now else [*new, *renamed]
        odd = [name for name in names if name not in known]
        for name in odd[:_NUM_LISTED]:
            total = sum(g.count for p in data.parts.values() if (g := p.classes.get(name)))
            yield f"class '{name}' {verb} ({_counted(total, data.unit)})"
        if len(odd) > _NUM_LISTED:
            yield f"{len(odd) - _NUM_LISTED} more classes {verb.replace('is', 'are')}"
    if old != new and sorted(old) == sorted(new):
        yield f"the classes stand in another order: {_listed(new)}"


def _split_lines(
    before: Fingerprint, now: Fingerprint, renamed: Mapping[str, str]
) -> Iterator[str]:
    marks = {w: _marks(part) for w, part in before.parts.items()}
    new_marks = {w: _marks(part) for w, part in now.parts.items()}
    is_marked = all(
        sum(counts.values()) == part.whole.count
        for data, found in ((before, marks), (now, new_marks))
        for counts, part in zip(found.values(), data.parts.values(), strict=True)
    )
    if is_marked and len(before.parts) > 1:
        yield from _in_all(marks, new_marks, now.unit)
    for word in dict.fromkeys([*before.parts, *now.parts]):
        if word not in before.parts or word not in now.parts:
            there = "no" if word in before.parts else "a"
            yield f"there is {there} {word} split now"
            continue
        old, new = before.parts[word], now.parts[word]
        if old.whole == new.whole:
            yield from _other_classes(old, new, renamed, _what(word, now.unit))
        elif is_marked:
            yield _by_marks(word, now.unit, marks, new_marks)
        else:
            yield _by_class(old, new, renamed, _what(word, now.unit))


def _in_all(before: _Counts, now: _Counts, unit: str) -> Iterator[str]:
    """Tell how many came and went, whatever their split, if that is not clear from the splits."""
    old, new = (sum(counts.values(), Counter[str]()) for counts in (before, now))
    come, gone = (new - old).total(), (old - new).total()
    if come != gone:
        what = [*([f"{come} new"] if come else []), *([f"{gone} gone"] if gone else [])]
        yield f"{unit} {old.total()} -> {new.total()}: {', '.join(what)}"


def _what(word: str, unit: str) -> str:
    return f"{_ADJECTIVES.get(word, word)} {unit}".strip()


def _marks(part: Part) -> Counter[str]:
    return Counter(mark for group in part.classes.values() for mark in group.marks)


def _by_marks(word: str, unit: str, before: _Counts, now: _Counts) -> str:
    old, new = before[word], now[word]
    gone, come = old - new, new - old
    what, number = _what(word, unit), old.total()
    parts = []
    for other in before:
        moved = come & before[other] if other != word else Counter()
        come = come - moved
        if moved:
            parts.append(f"{moved.total()} that {_was(moved.total())} in {other}")
    if number == new.total() and not parts:
        one_of = f"{gone.total()} of {number} {what}"
        return f"{one_of} {'differs' if gone.total() == 1 else 'differ'}"
    if come:
        parts.append(f"{come.total()} new")
    if gone:
        parts.append(f"{gone.total()} gone from there")
    change = f"{number}" if number == new.total() else f"{number} -> {new.total()}"
    return f"{what} {change}: {', '.join(parts)}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _by_class(old: Part, new: Part, renamed: Mapping[str, str], what: str) -> str:
    odd = [
        name
        for name, group in old.classes.items()
        if (other := new.classes.get(renamed.get(name, name))) is not None
        and not _is_same(group, other)
    ]
    named = f", of the classes {_listed(odd)}" if any(odd) else ""
    if old.whole.count != new.whole.count:
        return f"{what} {old.whole.count} -> {new.whole.count}{named}"
    return f"{what} differ{named}"


def _other_classes(old: Part, new: Part, renamed: Mapping[str, str], what: str) -> Iterator[str]:
    """Tell of images that are the same and have another class."""
    named = {renamed.get(name, name): group for name, group in old.classes.items()}
    pairs = [(named.get(n, DigestGroup(0, "")), group) for n, group in new.classes.items()]
    if not named or not pairs or all(_is_same(a, b) for a, b in pairs):
        return
    relabelled = sum(
        (Counter(after.marks) - Counter(before.marks)).total() for before, after in pairs
    )
    number = f"{relabelled} of {new.whole.count}" if relabelled else "some"
    yield f"{number} {what} {'has' if relabelled == 1 else 'have'} another class"


def _is_same(one: DigestGroup, other: DigestGroup) -> bool:
    return (one.count, one.digest) == (other.count, other.digest)


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NUM_LISTED} more" if len(names) > _NUM_LISTED else ""
    return ", ".join(f"'{name}'" for name in names[:_NUM_LISTED]) + more

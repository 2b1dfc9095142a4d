"""Pre-tokenizer rules to C: a function a rule, where greedy repeats give characters back only if
what follows could want them."""

from __future__ import annotations

from typing import Any

from cllm_gen import unicode
from cllm_gen.lower.output import Output
from cllm_gen.notation.splits import Alternative, CharacterClass, Item, Rule, Split
from cllm_gen.source import Span, SpecError

_GROUPS = {  # class text: (C name, what unicode.h calls it)
    r"\p{L}": ("letter", "UNICODE_L"),
    r"\p{M}": ("mark", "UNICODE_M"),
    r"\p{N}": ("number", "UNICODE_N"),
    r"\p{P}": ("punctuation", "UNICODE_P"),
    r"\p{S}": ("symbol", "UNICODE_S"),
    r"\s": ("space", "UNICODE_WHITE_SPACE"),
}
_MASKS = [("UNICODE_WHITE_SPACE", unicode.WHITE_SPACE)] + [
    (f"UNICODE_{letter}", unicode.members(letter)) for letter in "LMNPSZC"
]
_CHARACTERS = {
    "\n": "newline",
    "\r": "return",
    "\t": "tab",
    " ": "blank",
    "/": "slash",
    "'": "quote",
}
_RESERVED = ("is", "past", "split", "pretokenizer", "unicode")


def class_name(group: CharacterClass) -> str:
    """The C name of a class, from what it holds: `[^\\s\\p{L}]` is `not_space_letter`."""
    if group.text in _GROUPS:
        return _GROUPS[group.text][0]
    parts, left = [], set(group.categories)
    for text, (name, _) in _GROUPS.items():
        members = unicode.WHITE_SPACE if text == r"\s" else unicode.members(text[3:-1])
        if members <= left:
            parts.append(name)
            left -= members
    parts += sorted(name.lower().replace("-", "_") for name in left)
    for first, last in group.ranges:
        ends = [
            _CHARACTERS.get(chr(c))
            or (chr(c) if chr(c).isascii() and chr(c).isalnum() else f"u{c:04x}")
            for c in (first, last)
        ]
        parts.append(ends[0] if first == last else "_to_".join(ends))
    return "_".join((["not"] if group.negated else []) + parts)


def class_test(group: CharacterClass) -> str:
    """A C expression that is true for members `c`."""
    masks, left = [], set(group.categories)
    for name, members in _MASKS:
        if members <= left:
            masks.append(name)
            left -= members
    masks += [
        f"UNICODE_{name.upper().replace('-', '_')}" for name in unicode.CATEGORIES if name in left
    ]
    joined = " | ".join(masks)
    tests = [
        f"unicode_category(c) & ({joined})" if len(masks) > 1 else f"unicode_category(c) & {joined}"
    ]
    tests = (tests if masks else []) + [
        f"c == 0x{first:02X}" if first == last else f"c >= 0x{first:02X} && c <= 0x{last:02X}"
        for first, last in group.ranges
    ]
    whole = tests[0] if len(tests) == 1 else " || ".join(f"({test})" for test in tests)
    return (
        f"!({whole})"
        if group.negated
        else (f"({whole}) != 0" if masks and len(tests) == 1 else whole)
    )


def contains(group: CharacterClass, code_point: int) -> bool:
    """Whether the class holds a code point."""
    inside = unicode.CATEGORIES[unicode.categories()[code_point]] in group.categories
    inside = inside or any(first <= code_point <= last for first, last in group.ranges)
    return inside != group.negated


def overlap(one: CharacterClass, other: CharacterClass) -> bool:
    """Whether some character is in both; may say yes for categories that ranges exhaust."""
    edges = {edge for group in (one, other) for pair in group.ranges for edge in pair}
    edges |= {edge + 1 for edge in edges if edge + 1 < unicode.CODE_POINTS}
    if any(contains(one, edge) and contains(other, edge) for edge in edges):
        return True
    return any(
        (name in one.categories) != one.negated and (name in other.categories) != other.negated
        for name in unicode.CATEGORIES
    )


def _first(item: Item) -> CharacterClass:
    """What an item can begin with."""
    if isinstance(item.what, CharacterClass):
        return item.what
    cases = {item.what[0].lower(), item.what[0].upper()} if item.either_case else {item.what[0]}
    return CharacterClass(frozenset(), tuple((ord(each), ord(each)) for each in sorted(cases)))


def gives_back(item: Item, rest: Alternative) -> bool:
    """Whether a shorter repeat of `item` could let `rest` match where a longer one does not."""
    if item.least == item.most:
        return False
    for after in rest.items:
        if overlap(_first(item), _first(after)):
            return not all(each.least == 0 for each in rest.items) or rest.not_before is not None
        if after.least:
            return False
    return rest.not_before is not None


def _c_string(text: str) -> tuple[str, int]:
    """A C literal and its length in bytes."""
    data = text.encode()
    return "".join(
        chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in data
    ), len(data)


def _literal(item: Item) -> dict:
    assert isinstance(item.what, str)
    text, size = _c_string(item.what)
    function = "past_text_either_case" if item.either_case else "past_text"
    return {
        "kind": "literal",
        "function": function,
        "text": text,
        "size": size,
        "optional": item.least == 0,
    }


def _steps(name: str, items: Alternative, span: Span, nested: bool) -> list[dict]:
    """Functions of one alternative, the inner one (what follows a repeat that gives back) first."""
    steps, before = [], []
    for index, item in enumerate(items.items):
        rest = Alternative(items.items[index + 1 :], items.not_before)
        back = gives_back(item, rest)
        if back and (nested or not isinstance(item.what, CharacterClass)):
            raise SpecError(
                span,
                "a repeat that may have to give characters back"
                + (" twice over" if nested else ""),
                "at most one set per alternative whose characters can also begin what follows",
                r"blanks: \s+ (?!\S)",
            )
        if not isinstance(item.what, CharacterClass):
            steps.append(_literal(item))
            continue
        step = {
            "kind": "class",
            "class": class_name(item.what),
            "least": item.least,
            "most": item.most,
        }
        if back:
            before = _steps(f"{name}_rest", rest, span, True)
            steps.append({**step, "kind": "giving", "rest": f"{name}_rest"})
            break
        steps.append(step)
    else:
        if items.not_before:
            steps.append({"kind": "ahead", "class": class_name(items.not_before)})
    return [*before, {"name": name, "steps": steps}]


def _rule(split: Split, rule: Rule) -> dict:
    name = f"{split.name}_{rule.name}"
    choices = rule.alternatives
    made: dict[str, Any] = {"name": name, "cite": rule.span.cite(), "literals": [], "functions": []}
    if len(choices) > 1:
        for each in choices:
            if len(each.items) > 1 or each.not_before or not isinstance(each.items[0].what, str):
                raise SpecError(
                    rule.span,
                    f"`|` between more than literals in rule {rule.name!r}",
                    "a rule of its own for each alternative that has sets",
                    '"\'s" | "\'t"',
                )
        made["literals"] = [_literal(each.items[0]) for each in choices]
    else:
        made["functions"] = _steps(name, choices[0], rule.span, False)
    return made


def _classes(splits: tuple[Split, ...]) -> list[CharacterClass]:
    """Every class once, in the order of the spec."""
    found: dict[str, CharacterClass] = {}
    for split in splits:
        for rule in split.rules:
            for alternative in rule.alternatives:
                groups = [item.what for item in alternative.items] + [alternative.not_before]
                for group in groups:
                    if isinstance(group, CharacterClass):
                        found.setdefault(class_name(group), group)
    return list(found.values())


def context(splits: tuple[Split, ...]) -> dict:
    """What the template sees."""
    for split in splits:
        if split.name in _RESERVED:
            raise SpecError(
                split.span,
                f"a split named {split.name!r}",
                "a name that says what it finds",
                "split words",
            )
    rules = {split.name: [_rule(split, rule) for rule in split.rules] for split in splits}
    everything = [rule for made in rules.values() for rule in made]
    literals = [s for rule in everything for s in rule["literals"]]
    literals += [
        s
        for rule in everything
        for f in rule["functions"]
        for s in f["steps"]
        if s["kind"] == "literal"
    ]
    used = [(class_name(group), class_test(group), group.text) for group in _classes(splits)]
    return {
        "classes": [{"name": name, "test": test, "text": text} for name, test, text in used],
        "texts": any(s["function"] == "past_text" for s in literals),
        "texts_either_case": any(s["function"] == "past_text_either_case" for s in literals),
        "splits": [  # innermost first, because each calls the one inside it
            {
                "name": split.name,
                "cite": split.span.cite(),
                "note": split.note,
                "rules": rules[split.name],
                "inner": inner.name if inner else None,
            }
            for split, inner in reversed(list(zip(splits, [*splits[1:], None])))
        ],
        "outermost": splits[0].name if splits else None,
    }


def outputs(model) -> list[Output]:
    """The pre-tokenizer of one model; one that hands on whole texts if it has no rules."""
    rules = model.tokenizer.pretokenizer
    specs = [rules.span.path] if rules else []
    return [
        Output(
            path=f"models/{model.name}/pretokenizer.c",
            template="pretokenizer.c.j2",
            context={"model": model.name, **context(rules.splits if rules else ())},
            specs=list(dict.fromkeys([*specs, model.span.path])),
            parameters={"model": model.name, "pretokenizer": rules.name if rules else "none"},
        )
    ]

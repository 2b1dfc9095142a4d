"""Pre-tokenizer rules in the notation cut as the regular expressions do that they stand for."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from cllm_gen import unicode
from cllm_gen.lower import tokenizer
from cllm_gen.lower.chat import outputs as chat_template
from cllm_gen.lower.tokenizer import class_name, class_test, contains, overlap
from cllm_gen.source import SpecError
from cllm_gen.spec.tokenizer import Pretokenizer
from specs.models import pretokenizers
from tests.chat_template.conftest import Model
from tests.tokenizer import corpus, native

_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
RULES = {  # name: (rules, the expressions of the passes)
    "llama3": (pretokenizers.llama3.rules, [_ENDINGS + _WORDS % r"\p{N}{1,3}"]),
    "qwen2": (pretokenizers.qwen2.rules, [_ENDINGS + _WORDS % r"\p{N}"]),
    "gpt2": (
        pretokenizers.gpt2.rules,
        [r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"],
    ),
    "gaps": (
        r"""
        split lines
            line: [\r\n]
        split parts  -- What no rule wants stays between matches.
            word:  \s? [A-Za-zµÀ-ÖØ-öø-ƺ]+
            marks: \s? \p{P}+
            han:   [一-龥ࠀ-一가-퟿]+
            three: \p{N}{2,3} (?!\p{N})
        """,
        [r"[\r\n]", r"\s?[A-Za-zµÀ-ÖØ-öø-ƺ]+|\s?\p{P}+|[一-龥ࠀ-一가-퟿]+|\p{N}{2,3}(?!\p{N})"],
    ),
    "cases": (
        r"""
        split words
            capital: \p{Lu} [\p{Ll}\p{M}]*
            small:   [\p{Ll}\p{M}]+
            shout:   "!?" | "!!"
            rest:    \P{L} [^\p{L}\s]{0,2}
        """,
        [r"\p{Lu}[\p{Ll}\p{M}]*|[\p{Ll}\p{M}]+|!\?|!!|\P{L}[^\p{L}\s]{0,2}"],
    ),
}


@pytest.fixture(scope="module")
def splitters(section_path, tmp_path_factory):
    static = native.objects(tmp_path_factory.mktemp("static"))
    running = {}
    for name, (rules, _) in RULES.items():
        pretokenizer = Pretokenizer(name=name, rules=rules)
        model = SimpleNamespace(
            name="test",
            span=pretokenizer.span,
            tokenizer=SimpleNamespace(pretokenizer=pretokenizer),
        )
        outputs = tokenizer.outputs(model) + chat_template.outputs(Model(""))
        folder = tmp_path_factory.mktemp(name)
        running[name] = native.Native(native.build(folder, outputs, static), section_path)
    yield running
    for program in running.values():
        assert program.close() == 0


@pytest.mark.parametrize("name", RULES)
def test_rules_cut_as_their_expression(splitters, name):
    passes = [pre_tokenizers.Split(Regex(text), "isolated") for text in RULES[name][1]]
    reference = pre_tokenizers.Sequence(passes)

    def check(text):
        if text and "ſ" not in text:  # either case means ASCII's two cases
            assert splitters[name].split(text) == [
                piece for piece, _ in reference.pre_tokenize_str(text)
            ]

    for part in (corpus.blanks, corpus.prose, corpus.scripts):
        for text in part()[::3]:
            check(text.decode())

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(st.one_of(st.text(max_size=5), st.sampled_from(corpus.WORDS + corpus.SPACES))).map(
            "".join
        )
    )
    def any_text(text):
        if not corpus.TOO_NEW & set(map(ord, text)):
            check(text)

    any_text()


def test_served_rules(ours, reference):
    for text in (part.decode() for part in corpus.prose() + corpus.blanks()):
        offsets = [span for _, span in reference.pre_tokenizer.pre_tokenize_str(text)]
        assert ours.split(text) == [text[start:end] for start, end in offsets]


WRONG = [
    ("", "split NAME"),
    ("split words", "a rule"),
    ("letters: \\p{L}+", "split NAME"),
    ("split words\n letters \\p{L}+", "`:`"),
    ("split words\n letters: \\p{L}* ", "at least one character"),
    ("split words\n letters: \\p{Xx}+", "General_Category"),
    ("split words\n letters: [z-a]", "lower character first"),
    ("split words\n letters: \\p{N}{3,1}", "least <= most"),
    ('split words\n letters: "ab"+', "a repeated set"),
    ('split words\n letters: i"é"', "ASCII"),
    ("split words\n a: \\s\n a: \\S", "a name of its own"),
    ("split words\n a: \\s\nsplit words\n a: \\S", "a name of its own"),
]


@pytest.mark.parametrize("rules,expected", WRONG, ids=[rules[-20:] for rules, _ in WRONG])
def test_wrong_rules(rules, expected):
    with pytest.raises(SpecError, match="expected") as raised:
        Pretokenizer(name="wrong", rules=rules)
    assert expected in str(raised.value)
    assert raised.value.span.path.endswith("test_pretokenizer.py")


@pytest.mark.parametrize(
    "rules",
    [
        'split words\n a: \\s+ | "x"',
        "split words\n a: \\s* \\S* \\s+ [\\n]+",
        'split words\n a: " "? \\s+',
    ],
)
def test_rules_that_do_not_compile(rules):
    with pytest.raises(SpecError):
        tokenizer.context(Pretokenizer(name="wrong", rules=rules).splits)


def classes(text):
    return (
        Pretokenizer(name="x", rules=f"split a\n a: {text}")
        .splits[0]
        .rules[0]
        .alternatives[0]
        .items[0]
        .what
    )


def test_classes():
    letters, spaces, others = classes(r"\p{L}"), classes(r"\s"), classes(r"[^\s\p{L}\p{N}]")
    assert class_name(others) == "not_letter_number_space"
    assert class_test(classes(r"[\r\n]")) == "(c == 0x0D) || (c == 0x0A)"
    assert (
        contains(letters, ord("é"))
        and not contains(others, ord("é"))
        and contains(others, ord("-"))
    )
    assert contains(spaces, 0x85) and contains(spaces, 0x3000) and not contains(spaces, 0x1C)
    assert (
        not overlap(letters, spaces)
        and not overlap(others, letters)
        and overlap(classes("[^a]"), letters)
    )
    assert overlap(classes(r"[\n]"), spaces) and not overlap(classes("[a-f]"), classes("[g-z]"))
    assert unicode.members("L") == {"Lu", "Ll", "Lt", "Lm", "Lo"}

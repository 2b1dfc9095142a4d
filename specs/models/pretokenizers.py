"""How tokenizers cut text before byte pairs merge, by the names that GGUF has for the rules."""

from cllm_gen.spec.tokenizer import Pretokenizer

# Numeric characters stand alone; GPT-2's rules cut what is between them. (In the tokenizer's own
# file: Digits with individual_digits, then ByteLevel with its regular expression.)
smollm = Pretokenizer(
    name="smollm",
    rules=r"""
        split digits
            digit:       \p{N}
        split words
            contraction: "'s" | "'t" | "'re" | "'ve" | "'m" | "'ll" | "'d"
            letters:     " "? \p{L}+
            numbers:     " "? \p{N}+
            others:      " "? [^\s\p{L}\p{N}]+
            blanks:      \s+ (?!\S)    -- Leaves the last one to the word behind it.
            blank:       \s+
    """,
)

# The same without the pass over digits: GPT-2's own.
gpt2 = Pretokenizer(
    name="gpt-2",
    rules=r"""
        split words
            contraction: "'s" | "'t" | "'re" | "'ve" | "'m" | "'ll" | "'d"
            letters:     " "? \p{L}+
            numbers:     " "? \p{N}+
            others:      " "? [^\s\p{L}\p{N}]+
            blanks:      \s+ (?!\S)
            blank:       \s+
    """,
)

_CONTRACTIONS = " | ".join(f"""i"'{end}\"""" for end in ("s", "t", "re", "ve", "m", "ll", "d"))

# Llama 3: numbers of up to three digits; one sign may stand before a word; line ends go with the
# signs or blanks before them.
llama3 = Pretokenizer(
    name="llama-bpe",
    rules=rf"""
        split words
            contraction: {_CONTRACTIONS}
            letters:     [^\r\n\p{{L}}\p{{N}}]? \p{{L}}+
            numbers:     \p{{N}}{{1,3}}
            others:      " "? [^\s\p{{L}}\p{{N}}]+ [\r\n]*
            lines:       \s* [\r\n]+
            blanks:      \s+ (?!\S)
            blank:       \s+
    """,
)

# Qwen 2 and 3: as Llama 3, but every digit stands alone.
qwen2 = Pretokenizer(
    name="qwen2",
    rules=rf"""
        split words
            contraction: {_CONTRACTIONS}
            letters:     [^\r\n\p{{L}}\p{{N}}]? \p{{L}}+
            number:      \p{{N}}
            others:      " "? [^\s\p{{L}}\p{{N}}]+ [\r\n]*
            lines:       \s* [\r\n]+
            blanks:      \s+ (?!\S)
            blank:       \s+
    """,
)

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

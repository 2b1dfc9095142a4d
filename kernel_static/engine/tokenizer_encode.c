/* Text to tokens: special tokens first, then what is between them in pieces. */
#include <string.h>

#include "buffer.h"
#include "coroutine.h"
#include "log.h"
#include "model.h"
#include "pretokenizer.h"
#include "tokenizer.h"
#include "tokenizer_tables.h"
#include "unicode.h"
#include "utf8.h"

/* U+2581: how SentencePiece writes a space, so that either means the other. */
#define SPACE_SIGN "\xe2\x96\x81"
#define SPACE_SIGN_SIZE (sizeof SPACE_SIGN - 1)

/* One call of tokenizer_encode_mixed under way. */
struct encoding {
    struct tokenizer_merger merger;
    struct buffer rewritten; /* ordinary text that was not as merging wants it */
    int32_t *tokens;         /* null: they are only counted */
    size_t count, capacity;
    bool no_memory;
};

static bool append_token(struct encoding *encoding, int32_t token) {
    if (!encoding->tokens)
        return ++encoding->count;
    if (encoding->count == encoding->capacity)
        return false;
    encoding->tokens[encoding->count++] = token;
    return true;
}

/* A pretokenizer_sink: merges the piece and appends its tokens. */
static bool encode_piece(void *context, const char *bytes, size_t count) {
    struct encoding *encoding = context;
    coroutine_give_way();
    bool counts = !encoding->tokens;
    size_t room = counts ? 0 : encoding->capacity - encoding->count;
    if (!counts && count / tokenizer_tables.header->longest > room)
        return false; /* cannot fit, so do not start */
    if (tokenizer_tables.header->rules & TOKENIZER_WHOLE_PIECES &&
        count <= tokenizer_tables.header->longest) {
        int32_t token = tokenizer_find(bytes, count);
        if (token >= 0 && tokenizer_tables.kinds[token] == TOKENIZER_ORDINARY)
            return append_token(encoding, token);
    }
    ptrdiff_t more = tokenizer_merge_piece(
        &encoding->merger, bytes, count, counts ? NULL : encoding->tokens + encoding->count, room);
    if (more < 0) {
        log_warn("tokenizer", "no heap to merge a piece of %u bytes", (unsigned)count);
        encoding->no_memory = true;
    }
    if (more < 0 || (!counts && (size_t)more > room))
        return false;
    encoding->count += (size_t)more;
    return true;
}

/* Text in which no literal token is: cut where no token can cross, to merge in small memory. */
static bool encode_between_literals(struct encoding *encoding, const char *bytes, size_t count) {
    size_t done = 0;
    for (size_t at = 1; at < count; at++) {
        if (bytes[at] != ' ' || bytes[at - 1] == ' ' ||
            tokenizer_tables.before_space[(uint8_t)bytes[at - 1]])
            continue;
        if (!encode_piece(encoding, bytes + done, at - done))
            return false;
        done = at;
    }
    return done == count || encode_piece(encoding, bytes + done, count - done);
}

static bool encode_by_score(struct encoding *encoding, const char *bytes, size_t count) {
    size_t done = 0;
    for (size_t at = 0; at < count;) {
        int32_t literal = tokenizer_find_prefix(bytes + at, count - at, TOKENIZER_LITERAL);
        if (literal < 0) {
            at++;
            continue;
        }
        if (!encode_between_literals(encoding, bytes + done, at - done) ||
            !append_token(encoding, literal))
            return false;
        at += tokenizer_token(literal).count;
        done = at;
    }
    return encode_between_literals(encoding, bytes + done, count - done);
}

/* The first space sign in bytes[0, count), or `count`. */
static size_t find_space_sign(const char *bytes, size_t count) {
    for (size_t at = 0; at + SPACE_SIGN_SIZE <= count; at++)
        if (memcmp(bytes + at, SPACE_SIGN, SPACE_SIGN_SIZE) == 0)
            return at;
    return count;
}

/* Space signs become spaces, and one goes first if the vocabulary wants that. */
static void rewrite(struct buffer *out, const char *bytes, size_t count) {
    buffer_clear(out);
    if (tokenizer_tables.header->rules & TOKENIZER_LEADING_SPACE)
        buffer_append(out, " ", 1);
    for (size_t at = 0; at < count;) {
        size_t sign = at + find_space_sign(bytes + at, count - at);
        if (sign > at)
            buffer_append(out, bytes + at, sign - at);
        if (sign < count)
            buffer_append(out, " ", 1);
        at = sign < count ? sign + SPACE_SIGN_SIZE : count;
    }
}

static bool encode_ordinary(struct encoding *encoding, const char *bytes, size_t count) {
    uint32_t rules = tokenizer_tables.header->rules;
    struct pretokenizer_sink sink = {encode_piece, encoding};
    if (count == 0)
        return true;
    if (!(rules & TOKENIZER_BY_SCORE))
        return served_model->split(bytes, count, &sink);
    if (!(rules & TOKENIZER_LEADING_SPACE) && find_space_sign(bytes, count) == count)
        return encode_by_score(encoding, bytes, count);
    rewrite(&encoding->rewritten, bytes, count);
    if (encoding->rewritten.failed) {
        log_warn("tokenizer", "no heap to rewrite %u bytes", (unsigned)count);
        encoding->no_memory = true;
        return false;
    }
    return encode_by_score(encoding, encoding->rewritten.bytes, encoding->rewritten.count);
}

/* Encodes bytes with the specials among them, up to the first that does not fit. */
static bool encode_all(struct encoding *encoding, struct text text,
                       const struct text_range *ordinary, size_t ordinary_count) {
    size_t done = 0; /* what lies before is encoded */
    for (size_t at = 0; at < text.count;) {
        coroutine_give_way();
        if (ordinary_count && at >= ordinary->start) { /* inside a range, or past one */
            at = at < ordinary->end ? ordinary->end : at;
            ordinary++;
            ordinary_count--;
            continue;
        }
        size_t limit = ordinary_count ? ordinary->start : text.count;
        int32_t special = tokenizer_find_prefix(text.bytes + at, limit - at, TOKENIZER_SPECIAL);
        if (special < 0) {
            at++;
            continue;
        }
        if (!encode_ordinary(encoding, text.bytes + done, at - done) ||
            !append_token(encoding, special))
            return false;
        at += tokenizer_token(special).count;
        done = at;
    }
    return encode_ordinary(encoding, text.bytes + done, text.count - done);
}

ptrdiff_t tokenizer_encode_mixed(struct text text, const struct text_range *ordinary,
                                 size_t ordinary_count, int32_t *tokens, size_t capacity) {
    struct encoding encoding = {.tokens = tokens, .capacity = capacity};
    buffer_start(&encoding.rewritten, text.count + 1);
    bool fits = encode_all(&encoding, text, ordinary, ordinary_count);
    tokenizer_merger_release(&encoding.merger);
    buffer_release(&encoding.rewritten);
    if (encoding.no_memory)
        return TOKENIZER_NO_MEMORY;
    return fits ? (ptrdiff_t)encoding.count : TOKENIZER_TOO_LONG;
}

ptrdiff_t tokenizer_encode(struct text text, bool parse_special, int32_t *tokens, size_t capacity) {
    struct buffer valid;
    buffer_start(&valid, 3 * text.count);
    if (!utf8_valid(text)) {
        unicode_append_valid(&valid, text);
        text = (struct text){valid.bytes, valid.count};
    }
    struct text_range all = {0, text.count};
    ptrdiff_t count = TOKENIZER_NO_MEMORY;
    if (valid.failed)
        log_warn("tokenizer", "no heap to replace what is not UTF-8");
    else
        count = tokenizer_encode_mixed(text, &all, parse_special ? 0 : 1, tokens, capacity);
    buffer_release(&valid);
    return count;
}

/* Finds the tokenizer's tables in the model image and checks that they agree. */
#include "tokenizer_tables.h"

#include <string.h>

#include "log.h"
#include "model_image.h"
#include "tokenizer.h"
#include "unicode.h"

struct tokenizer_tables tokenizer_tables;

/* The array's address, or null if it does not lie inside the section. */
static const void *array_at(struct memory_span section, struct tokenizer_array array, size_t size) {
    bool inside = array.offset % 16 == 0 && array.offset <= section.size &&
                  array.count <= (section.size - array.offset) / size;
    return inside ? (const char *)section.start + array.offset : NULL;
}

static bool is_power_of_two(uint32_t n) { return n != 0 && (n & (n - 1)) == 0; }

/* Whether every array has as many elements as the code below counts on. */
static bool counts_agree(const struct tokenizer_header *header) {
    uint32_t scored = header->rules & TOKENIZER_BY_SCORE;
    return header->pages.count == UNICODE_PAGES && header->byte_tokens.count == 256 &&
           header->offsets.count == header->vocabulary + 1 &&
           header->kinds.count == header->vocabulary && is_power_of_two(header->texts.count) &&
           is_power_of_two(header->slots.count) &&
           header->ranks.count == (scored ? header->vocabulary : 0) &&
           header->before_space.count == (scored ? 256 : 0);
}

static bool bind(struct memory_span section) {
    const struct tokenizer_header *header = section.start;
    struct tokenizer_tables *tables = &tokenizer_tables;
    const uint16_t *pages = array_at(section, header->pages, sizeof *pages);
    const uint8_t *rows = array_at(section, header->rows, 1);
    tables->header = header;
    tables->offsets = array_at(section, header->offsets, sizeof *tables->offsets);
    tables->bytes = array_at(section, header->bytes, 1);
    tables->kinds = array_at(section, header->kinds, sizeof *tables->kinds);
    tables->texts = array_at(section, header->texts, sizeof *tables->texts);
    tables->byte_tokens = array_at(section, header->byte_tokens, sizeof *tables->byte_tokens);
    tables->merges = array_at(section, header->merges, sizeof *tables->merges);
    tables->slots = array_at(section, header->slots, sizeof *tables->slots);
    tables->ranks = array_at(section, header->ranks, sizeof *tables->ranks);
    tables->before_space = array_at(section, header->before_space, sizeof *tables->before_space);
    tables->ends = array_at(section, header->ends, sizeof *tables->ends);
    if (!pages || !rows || !tables->offsets || !tables->bytes || !tables->kinds || !tables->texts ||
        !tables->byte_tokens || !tables->merges || !tables->slots || !tables->ranks ||
        !tables->before_space || !tables->ends)
        return false;
    if (!counts_agree(header) || tables->offsets[header->vocabulary] != header->bytes.count)
        return false;
    unicode_bind(pages, rows);
    return true;
}

bool tokenizer_start(void) {
    struct memory_span section = model_image_section("tokenizer");
    const struct tokenizer_header *header = section.start;
    if (section.size < sizeof *header || memcmp(header->magic, TOKENIZER_MAGIC, 8) != 0) {
        log_error("tokenizer", "the model image has no tokenizer section; rebuild it");
        return false;
    }
    if (header->version != TOKENIZER_VERSION || !bind(section)) {
        log_error("tokenizer", "section version %u is malformed, or not %u; rebuild the image",
                  (unsigned)header->version, TOKENIZER_VERSION);
        return false;
    }
    tokenizer_index();
    if (header->rules & TOKENIZER_BY_SCORE)
        log_info("tokenizer", "%u tokens, merged by score", (unsigned)header->vocabulary);
    else
        log_info("tokenizer", "%u tokens, %u merges", (unsigned)header->vocabulary,
                 (unsigned)header->merges.count);
    return true;
}

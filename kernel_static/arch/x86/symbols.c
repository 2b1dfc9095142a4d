/* Looks addresses up in the table that cllm_gen/image/symbols.py writes: addresses ascending,
 * each with the offset of its name. The first pass of the link has an empty table. */

#include "symbols.h"

#include <stddef.h>

#include "layout.h"

struct symbol {
    uint32_t address;
    uint32_t name; /* offset into symbol_names */
};

extern const uint32_t symbol_count;
extern const struct symbol symbol_table[];
extern const char symbol_names[];

const char *symbol_find(uintptr_t address, uintptr_t *offset) {
    if (address < (uintptr_t)layout_image_start || address >= (uintptr_t)layout_text_end)
        return NULL;
    size_t low = 0, high = symbol_count; /* the answer is the entry before the first one above */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (symbol_table[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *offset = address - symbol_table[low - 1].address;
    return symbol_names + symbol_table[low - 1].name;
}

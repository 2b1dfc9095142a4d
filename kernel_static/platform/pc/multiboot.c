/* What the Multiboot loader tells (Multiboot Specification 0.6.96, 3.3). */

#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "panic.h"

#define MAGIC 0x2badb002
#define HAS_COMMAND_LINE (1u << 2)
#define HAS_MODULES (1u << 3)
#define HAS_MEMORY_MAP (1u << 6)
#define MEMORY_AVAILABLE 1
#define COMMAND_LINE_MOST 1024

struct information {
    uint32_t flags;
    uint32_t memory_lower, memory_upper;
    uint32_t boot_device;
    uint32_t command_line;
    uint32_t module_count, modules;
    uint32_t symbols[4];
    uint32_t map_length, map;
};

struct module {
    uint32_t start, end, words, reserved;
};

struct map_entry {
    uint32_t size; /* of what follows this field */
    uint64_t start, length;
    uint32_t type;
} __attribute__((packed));

static char command_line[COMMAND_LINE_MOST];
static struct physical_span memory[MULTIBOOT_SPANS];
static size_t memory_count;
static struct physical_span module;

static const void *pointer(uint32_t address) { return (const void *)(uintptr_t)address; }

/* Loaders put the image's file name first; it is no word of ours. */
static void copy_command_line(const char *text) {
    size_t word = strcspn(text, " ");
    if (!memchr(text, '=', word))
        text += word;
    text += strspn(text, " ");
    if (strlen(text) >= sizeof command_line)
        panic("multiboot: the command line has more than %d bytes", COMMAND_LINE_MOST - 1);
    memcpy(command_line, text, strlen(text) + 1);
}

static void copy_memory_map(const char *map, size_t length) {
    for (size_t offset = 0; offset < length && memory_count < MULTIBOOT_SPANS;) {
        const struct map_entry *entry = (const struct map_entry *)(map + offset);
        if (entry->type == MEMORY_AVAILABLE)
            memory[memory_count++] =
                (struct physical_span){entry->start, entry->start + entry->length};
        offset += entry->size + sizeof entry->size;
    }
}

void multiboot_start(uint32_t magic, uint32_t address) {
    const struct information *information = pointer(address);
    if (magic != MAGIC)
        panic("multiboot: the loader's magic is %#x, expected %#x", magic, MAGIC);
    if (!(information->flags & HAS_MEMORY_MAP))
        panic("multiboot: the loader gave no memory map");
    copy_memory_map(pointer(information->map), information->map_length);
    if (information->flags & HAS_COMMAND_LINE)
        copy_command_line(pointer(information->command_line));
    if ((information->flags & HAS_MODULES) && information->module_count > 0) {
        const struct module *first = pointer(information->modules);
        module = (struct physical_span){first->start, first->end};
    }
}

size_t multiboot_memory(struct physical_span spans[MULTIBOOT_SPANS]) {
    memcpy(spans, memory, memory_count * sizeof memory[0]);
    return memory_count;
}

bool multiboot_module(struct physical_span *result) {
    *result = module;
    return module.end > module.start;
}

const char *platform_command_line(void) { return command_line; }

/* platform/pc/acpi.c over made-up memory: lines "address bytes-in-hex" on stdin. Prints the ids
 * that it finds, at most as many as the argument says. What is viewed is copied to a block of
 * exactly that size, so that the sanitizer sees every access beyond it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel_static/platform/pc/acpi.h"
#include "platform.h"

#define SEGMENTS 16

static struct segment {
    uint64_t start;
    size_t size;
    uint8_t *bytes;
} segments[SEGMENTS];
static size_t segment_count;
static void *views[4096];
static size_t view_count;

const void *acpi_view(uint64_t address, size_t size) {
    for (size_t i = 0; i < segment_count; i++) {
        const struct segment *segment = &segments[i];
        if (address < segment->start || address - segment->start > segment->size ||
            size > segment->size - (address - segment->start))
            continue;
        void *view = views[view_count++] = malloc(size);
        return memcpy(view, segment->bytes + (address - segment->start), size);
    }
    return NULL;
}

void console_write(const char *bytes, size_t count) { fwrite(bytes, 1, count, stderr); }

uint64_t clock_nanoseconds(void) { return 0; }

static void read_segments(void) {
    static char line[600000];
    while (segment_count < SEGMENTS && fgets(line, sizeof line, stdin)) {
        struct segment *segment = &segments[segment_count++];
        char *hex;
        segment->start = strtoull(line, &hex, 0);
        hex += strspn(hex, " ");
        segment->size = strcspn(hex, "\n") / 2;
        segment->bytes = malloc(segment->size + 1);
        for (size_t i = 0; i < segment->size; i++)
            sscanf(hex + 2 * i, "%2hhx", &segment->bytes[i]);
    }
}

int main(int count, char **arguments) {
    (void)count;
    size_t most = strtoul(arguments[1], NULL, 0);
    uint32_t *ids = malloc(most * sizeof *ids + 1);
    read_segments();
    size_t found = acpi_processors(ids, most);
    for (size_t i = 0; i < found; i++)
        printf("%u ", (unsigned)ids[i]);
    printf("\n");
    for (size_t i = 0; i < view_count; i++)
        free(views[i]);
    for (size_t i = 0; i < segment_count; i++)
        free(segments[i].bytes);
    free(ids);
    return 0;
}

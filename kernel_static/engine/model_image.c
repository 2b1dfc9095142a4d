/* The packed model image: checked once, then read in place. */
#include "model_image.h"

#include <string.h>

#include "log.h"
#include "model.h"

#define FORMAT_VERSION 2
#define HEADER_BYTES 64
#define ENTRY_BYTES 64
#define NAME_BYTES 24
#define PAGE_BYTES 4096
#define SECTIONS_MAX 63 /* header and table fit the first page */
#define VERIFY_BYTES ((size_t)1 << 20)

/* One entry of the section table, as it lies in the image. */
struct section {
    char name[NAME_BYTES];
    uint64_t offset, size, checksum;
    uint8_t zero[16];
};

_Static_assert(sizeof(struct section) == ENTRY_BYTES, "a table entry is 64 bytes");

static const uint8_t *base;
static const struct section *sections;
static uint32_t section_count;

/* Progress of model_image_verify: the section, the bytes of it that are summed, and the sums. */
static uint32_t verify_section;
static size_t verify_done;
static uint64_t sum_low, sum_high;
static bool damaged;

static uint64_t read_u64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static bool refuse(const char *what, uint64_t found, uint64_t expected) {
    log_error("model", "%s is %llu, expected %llu; rebuild the image with: cllm-gen build", what,
              (unsigned long long)found, (unsigned long long)expected);
    return false;
}

static bool section_fits(const struct section *section, uint64_t size) {
    return section->name[NAME_BYTES - 1] == '\0' && section->offset % PAGE_BYTES == 0 &&
           section->offset >= PAGE_BYTES && section->offset <= size &&
           section->size <= size - section->offset;
}

bool model_image_open(struct memory_span image) {
    const uint8_t *bytes = image.start, *fingerprint = served_model->fingerprint;
    base = NULL;
    section_count = verify_section = 0;
    verify_done = 0;
    sum_low = sum_high = 0;
    damaged = false;
    if (image.start == NULL || image.size < PAGE_BYTES)
        return refuse("model image size", image.size, PAGE_BYTES);
    if (memcmp(bytes, "CLLMPACK", 8) != 0) {
        log_error("model",
                  "the boot module is not a packed model image (no CLLMPACK at its start)");
        return false;
    }
    uint32_t version, count;
    memcpy(&version, bytes + 8, sizeof version);
    memcpy(&count, bytes + 12, sizeof count);
    if (version != FORMAT_VERSION)
        return refuse("model image format", version, FORMAT_VERSION);
    if (memcmp(bytes + 16, fingerprint, sizeof served_model->fingerprint) != 0) {
        log_error(
            "model",
            "the image was packed for another layout: its fingerprint is %02x%02x%02x%02x..., "
            "this kernel's %02x%02x%02x%02x...; rebuild both with: cllm-gen build",
            bytes[16], bytes[17], bytes[18], bytes[19], fingerprint[0], fingerprint[1],
            fingerprint[2], fingerprint[3]);
        return false;
    }
    uint64_t size = read_u64(bytes + 48);
    if (size > image.size) /* a loader may round the module up */
        return refuse("model image size", image.size, size);
    if (count > SECTIONS_MAX)
        return refuse("section count", count, SECTIONS_MAX);
    const struct section *table = (const struct section *)(bytes + HEADER_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        if (!section_fits(&table[i], size)) {
            log_error("model", "section %u of the image lies outside its %llu bytes", (unsigned)i,
                      (unsigned long long)size);
            return false;
        }
    }
    base = bytes;
    sections = table;
    section_count = count;
    return true;
}

uint64_t model_image_checksum(void) {
    uint64_t all = 0;
    for (uint32_t i = 0; i < section_count; i++)
        all ^= sections[i].checksum;
    return all;
}

struct memory_span model_image_section(const char *name) {
    for (uint32_t i = 0; i < section_count; i++)
        if (strcmp(sections[i].name, name) == 0)
            return (struct memory_span){(void *)(uintptr_t)(base + sections[i].offset),
                                        (size_t)sections[i].size};
    return (struct memory_span){NULL, 0};
}

/* Adds whole words, and a tail padded with zeros, to the running sums. */
static void sum(const uint8_t *bytes, size_t count) {
    uint64_t low = sum_low, high = sum_high;
    for (; count >= 8; bytes += 8, count -= 8) {
        low += read_u64(bytes);
        high += low;
    }
    if (count != 0) {
        uint64_t tail = 0;
        memcpy(&tail, bytes, count);
        low += tail;
        high += low;
    }
    sum_low = low;
    sum_high = high;
}

bool model_image_verify(bool *intact) {
    if (verify_section == section_count) {
        *intact = !damaged;
        return true;
    }
    const struct section *section = &sections[verify_section];
    size_t left = (size_t)section->size - verify_done;
    size_t now = left < VERIFY_BYTES ? left : VERIFY_BYTES;
    sum(base + section->offset + verify_done, now);
    verify_done += now;
    if (verify_done == section->size) {
        uint64_t found = sum_low ^ (sum_high << 32 | sum_high >> 32);
        if (found != section->checksum) {
            log_error("model", "section %s is damaged: checksum %016llx, expected %016llx",
                      section->name, (unsigned long long)found,
                      (unsigned long long)section->checksum);
            damaged = true;
        }
        verify_section++;
        verify_done = 0;
        sum_low = sum_high = 0;
    }
    *intact = !damaged;
    return verify_section == section_count;
}

/* Read first: ACPI Specification 6.5, 5.2.5 (root pointer), 5.2.6 to 5.2.8 (table headers and root
 * tables), 5.2.12 (MADT, "APIC"). Fields need not be aligned and are little-endian. */
#include "acpi.h"

#include <stdbool.h>
#include <string.h>

#include "log.h"

#define POINTER_STEP 16
#define POINTER_SIZE 20 /* of revision 0; its checksum covers these */
#define POINTER_CHECKED 36
#define TABLE_HEADER 36
#define TABLE_MOST (1u << 20) /* bytes: real ones are a hundredth of that */
#define MADT_ENTRIES 44
#define ENTRY_LOCAL_APIC 0
#define ENTRY_LOCAL_APIC_SIZE 8
#define ENTRY_LOCAL_X2APIC 9
#define ENTRY_LOCAL_X2APIC_SIZE 16
#define FLAG_ENABLED 1u

struct table {
    const uint8_t *bytes;
    size_t size;
};

static uint32_t read32(const uint8_t *bytes) {
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint64_t read64(const uint8_t *bytes) {
    return read32(bytes) | (uint64_t)read32(bytes + 4) << 32;
}

/* All bytes of anything with a checksum add up to zero. */
static bool intact(const uint8_t *bytes, size_t size) {
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

static const uint8_t *find_pointer(uint64_t start, uint64_t end) {
    const uint8_t *area = acpi_view(start, (size_t)(end - start));
    size_t size = (size_t)(end - start);
    for (size_t i = 0; area && i + POINTER_SIZE <= size; i += POINTER_STEP)
        if (!memcmp(area + i, "RSD PTR ", 8) && intact(area + i, POINTER_SIZE))
            return area + i;
    return NULL;
}

/* The whole table at an address, if it has this signature and is intact. */
static bool open_table(uint64_t address, const char *signature, struct table *table) {
    const uint8_t *header = acpi_view(address, TABLE_HEADER);
    if (!header || memcmp(header, signature, 4))
        return false;
    size_t size = read32(header + 4);
    const uint8_t *bytes =
        size >= TABLE_HEADER && size <= TABLE_MOST ? acpi_view(address, size) : NULL;
    if (!bytes || !intact(bytes, size)) {
        log_warn("acpi", "the table %.4s at %#llx is damaged", signature,
                 (unsigned long long)address);
        return false;
    }
    *table = (struct table){bytes, size};
    return true;
}

/* The extended root table if the pointer has one that is intact, else the plain one; `width` is
 * the size of its addresses. */
static bool open_root(const uint8_t *pointer, size_t left, struct table *root, size_t *width) {
    if (pointer[15] >= 2 && left >= POINTER_CHECKED) {
        size_t size = read32(pointer + 20);
        bool good = size >= POINTER_CHECKED && size <= left && intact(pointer, size);
        *width = 8;
        if (good && open_table(read64(pointer + 24), "XSDT", root))
            return true;
    }
    *width = 4;
    return open_table(read32(pointer + 16), "RSDT", root);
}

static bool find_madt(struct table *madt) {
    /* The firmware's segments, then the top of conventional memory, where its data may lie. */
    static const struct {
        uint64_t start, end;
    } areas[] = {{0xe0000, 0x100000}, {0x80000, 0xa0000}};
    struct table root;
    size_t width;
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        const uint8_t *pointer = find_pointer(areas[i].start, areas[i].end);
        if (!pointer)
            continue;
        const uint8_t *area = acpi_view(areas[i].start, (size_t)(areas[i].end - areas[i].start));
        size_t left = (size_t)(areas[i].end - areas[i].start) - (size_t)(pointer - area);
        if (!open_root(pointer, left, &root, &width))
            continue;
        for (size_t at = TABLE_HEADER; at + width <= root.size; at += width) {
            const uint8_t *entry = root.bytes + at;
            if (open_table(width == 8 ? read64(entry) : read32(entry), "APIC", madt))
                return true;
        }
    }
    return false;
}

static bool listed(const uint32_t *ids, size_t count, uint32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

size_t acpi_processors(uint32_t *ids, size_t most) {
    struct table madt;
    size_t count = 0;
    if (!find_madt(&madt)) {
        log_info("acpi", "no table of CPUs");
        return 0;
    }
    for (size_t at = MADT_ENTRIES; at + 2 <= madt.size && count < most;) {
        const uint8_t *entry = madt.bytes + at;
        size_t size = entry[1];
        if (size < 2 || size > madt.size - at) {
            log_warn("acpi", "the table of CPUs is cut at byte %zu by an entry of %zu bytes", at,
                     size);
            break;
        }
        uint32_t id = 0, flags = 0;
        if (entry[0] == ENTRY_LOCAL_APIC && size >= ENTRY_LOCAL_APIC_SIZE) {
            id = entry[3];
            flags = read32(entry + 4);
        } else if (entry[0] == ENTRY_LOCAL_X2APIC && size >= ENTRY_LOCAL_X2APIC_SIZE) {
            id = read32(entry + 4);
            flags = read32(entry + 8);
        }
        if (flags & FLAG_ENABLED && !listed(ids, count, id))
            ids[count++] = id;
        at += size;
    }
    return count;
}

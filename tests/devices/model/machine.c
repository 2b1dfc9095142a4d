/* The machine around the device model; see machine.h. */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_io.h"
#include "heap.h"
#include "irq.h"
#include "log.h"
#include "panic.h"
#include "platform.h"

static char complaint[512], log_text[1 << 16];

void complain(const char *format, ...) {
    if (complaint[0] == 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(complaint, sizeof complaint, format, arguments);
        va_end(arguments);
    }
}

const char *machine_complaint(void) { return complaint; }
const char *machine_log(void) { return log_text; }

void log_write(enum log_level level, const char *subsystem, const char *format, ...) {
    size_t used = strlen(log_text);
    va_list arguments;
    va_start(arguments, format);
    used += (size_t)snprintf(log_text + used, sizeof log_text - used, "%d %s: ", level, subsystem);
    used += (size_t)vsnprintf(log_text + used, sizeof log_text - used, format, arguments);
    snprintf(log_text + used, sizeof log_text - used, "\n");
    va_end(arguments);
}

_Noreturn void panic(const char *format, ...) {
    fprintf(stderr, "panic: %s\n", format);
    abort();
}

/* Time passes by being looked at. */
uint64_t clock_nanoseconds(void) {
    static uint64_t now;
    return now += 1000;
}

/* Memory. */

static struct {
    uint8_t *start;
    size_t size;
} spans[16];
static size_t span_count, memory_left = SIZE_MAX;

void machine_limit_memory(size_t bytes) { memory_left = bytes; }

void *memory_reserve(size_t size) {
    size = (size + 4095) & ~(size_t)4095;
    if (span_count == sizeof spans / sizeof *spans || size > memory_left) {
        return NULL;
    }
    memory_left -= size;
    uint8_t *start = aligned_alloc(4096, size);
    memset(start, 0, size);
    spans[span_count].start = start;
    spans[span_count++].size = size;
    return start;
}

void *machine_memory(uint64_t address, size_t size) {
    for (size_t i = 0; i < span_count; i++) {
        uint64_t start = (uintptr_t)spans[i].start;
        if (address >= start && address - start + size <= spans[i].size) {
            return (void *)(uintptr_t)address;
        }
    }
    complain("the device was given %zu bytes at %llx, which nobody reserved", size,
             (unsigned long long)address);
    return NULL;
}

/* Configuration space. A function exists when its vendor is not zero. */

struct function {
    uint8_t bus, device, number;
    uint8_t space[256], writable[256];
};
static struct function functions[64];
static size_t function_count, network; /* network: index of the network device */
static uint32_t config_address;

static void put(uint8_t *at, uint32_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

/* Adds a function; `header` is its header type octet. Returns its index. */
size_t machine_add(unsigned bus, unsigned device, unsigned number, unsigned vendor, unsigned id,
                   unsigned class, unsigned header) {
    struct function *f = &functions[function_count];
    f->bus = (uint8_t)bus;
    f->device = (uint8_t)device;
    f->number = (uint8_t)number;
    put(f->space, vendor | id << 16, 4);
    f->space[0x0a] = (uint8_t)class;
    f->space[0x0b] = (uint8_t)(class >> 8);
    f->space[0x0e] = (uint8_t)header;
    put(f->writable + 4, 0x0547, 2);
    f->writable[0x3c] = 0xff;
    return function_count++;
}

void machine_set(size_t index, unsigned offset, uint32_t value, uint32_t writable, size_t size) {
    put(functions[index].space + offset, value, size);
    put(functions[index].writable + offset, writable, size);
}

uint32_t machine_get(size_t index, unsigned offset) {
    const uint8_t *at = functions[index].space + offset;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void machine_network(size_t index) { network = index; }

bool machine_function_enabled(void) { return (functions[network].space[4] & 6) == 6; }

static struct function *addressed(void) {
    for (size_t i = 0; i < function_count; i++) {
        struct function *f = &functions[i];
        if ((config_address >> 16 & 0xff) == f->bus && (config_address >> 11 & 31) == f->device &&
            (config_address >> 8 & 7) == f->number) {
            return f;
        }
    }
    return NULL;
}

static uint32_t port_read(uint16_t port, unsigned size) {
    uint32_t value = 0xffffffff;
    if (port == 0xcf8 && size == 4) {
        value = config_address;
    } else if (port >= 0xcfc && port + size <= 0xd00 && config_address >> 31) {
        struct function *f = addressed();
        unsigned offset = (config_address & 0xfc) + (port & 3);
        if (offset % size != 0) {
            complain("configuration read of %u bytes at %x", size, offset);
        }
        for (unsigned i = 0; f != NULL && i < size; i++) {
            value = (value & ~(0xffu << 8 * i)) | (uint32_t)f->space[offset + i] << 8 * i;
        }
    } else {
        complain("read of %u bytes from port %x", size, port);
    }
    return value;
}

static void port_write(uint16_t port, uint32_t value, unsigned size) {
    if (port == 0xcf8 && size == 4) {
        config_address = value;
    } else if (port >= 0xcfc && port + size <= 0xd00 && config_address >> 31) {
        struct function *f = addressed();
        unsigned offset = (config_address & 0xfc) + (port & 3);
        if (f != NULL && offset >= 0x10 && offset < 0x28 && (f->space[4] & 3) != 0) {
            complain("base address register at %x moved while the function answers", offset);
        }
        for (unsigned i = 0; f != NULL && i < size; i++) {
            uint8_t mask = f->writable[offset + i];
            f->space[offset + i] =
                (uint8_t)((f->space[offset + i] & ~mask) | (value >> 8 * i & mask));
        }
    } else {
        complain("write of %u bytes to port %x", size, port);
    }
}

uint8_t io_in8(uint16_t port) { return (uint8_t)port_read(port, 1); }
uint16_t io_in16(uint16_t port) { return (uint16_t)port_read(port, 2); }
uint32_t io_in32(uint16_t port) { return port_read(port, 4); }
void io_out8(uint16_t port, uint8_t value) { port_write(port, value, 1); }
void io_out16(uint16_t port, uint16_t value) { port_write(port, value, 2); }
void io_out32(uint16_t port, uint32_t value) { port_write(port, value, 4); }

/* Registers: the mapping's address is a token, never touched. */

static uint8_t window[1];
static uint64_t mapped;
static size_t mapped_size;

void *arch_map_device(uint64_t physical, size_t size) {
    mapped = physical;
    mapped_size = size;
    return window;
}

uint64_t machine_mapped(void) { return mapped; }
size_t machine_mapped_size(void) { return mapped_size; }

static bool sound(const volatile void *base, size_t offset) {
    if (base != window || offset % 4 != 0 || offset + 4 > mapped_size) {
        complain("register access at offset %zx outside the mapping", offset);
        return false;
    }
    if (!machine_function_enabled()) {
        complain("register access at offset %zx before the function was enabled", offset);
    }
    return true;
}

uint32_t mmio_read32(const volatile void *base, size_t offset) {
    return sound(base, offset) ? nic_read(offset) : 0xffffffff;
}

void mmio_write32(volatile void *base, size_t offset, uint32_t value) {
    if (sound(base, offset)) {
        nic_write(offset, value);
    }
}

/* Interrupts. */

static irq_acknowledge *handler;
static void *handler_context;
static unsigned attached = 255;

void irq_attach(unsigned line, irq_acknowledge *acknowledge, void *context) {
    attached = line;
    handler = acknowledge;
    handler_context = context;
}

unsigned machine_interrupt_line(void) { return attached; }

/* As platform_idle does: serves the interrupt if the device asserts one, and says whether. */
bool machine_idle(void) {
    if (handler == NULL || !nic_asserts()) {
        return false;
    }
    handler(handler_context);
    if (nic_asserts()) {
        complain("the handler left the interrupt asserted");
    }
    return true;
}

/* The two interrupt controllers (Intel 8259A) and who is called for which line. */

#include "irq.h"

#include <stddef.h>

#include "arch.h"
#include "arch_io.h"
#include "machine.h"
#include "panic.h"

#define FIRST_COMMAND 0x20
#define FIRST_DATA 0x21
#define SECOND_COMMAND 0xa0
#define SECOND_DATA 0xa1
#define FIRST_VECTOR 32
#define CASCADE_LINE 2
#define COMMAND_START 0x11 /* ICW1: edge by default, cascade, ICW4 follows */
#define MODE_8086 0x01     /* ICW4 */
#define COMMAND_END 0x20
#define COMMAND_READ_SERVICE 0x0b

#define ATTACHED_MOST 8

static struct {
    unsigned line;
    irq_acknowledge *acknowledge;
    void *context;
} attached[ATTACHED_MOST];
static size_t attached_count;
static uint16_t masked = 0xffff & ~(1u << CASCADE_LINE);

static void write_masks(void) {
    io_out8(FIRST_DATA, (uint8_t)masked);
    io_out8(SECOND_DATA, (uint8_t)(masked >> 8));
}

void irq_start(void) {
    arch_controller_start();
    io_out8(FIRST_COMMAND, COMMAND_START);
    io_out8(SECOND_COMMAND, COMMAND_START);
    io_out8(FIRST_DATA, FIRST_VECTOR);
    io_out8(SECOND_DATA, FIRST_VECTOR + 8);
    io_out8(FIRST_DATA, 1 << CASCADE_LINE);
    io_out8(SECOND_DATA, CASCADE_LINE);
    io_out8(FIRST_DATA, MODE_8086);
    io_out8(SECOND_DATA, MODE_8086);
    write_masks();
}

void irq_attach(unsigned line, irq_acknowledge *acknowledge, void *context) {
    kernel_assert(line < IRQ_LINES && line != CASCADE_LINE);
    if (attached_count == ATTACHED_MOST)
        panic("irq: more than %d devices want interrupts", ATTACHED_MOST);
    attached[attached_count].line = line;
    attached[attached_count].acknowledge = acknowledge;
    attached[attached_count].context = context;
    attached_count++;
    masked &= (uint16_t)~(1u << line);
    write_masks();
}

/* The last line of a controller is also what it reports when a request went away before it was
 * taken; then no bit is set in its in-service register, and it expects no end command. */
static bool is_spurious(unsigned line) {
    uint16_t command = line < 8 ? FIRST_COMMAND : SECOND_COMMAND;
    if (line % 8 != 7)
        return false;
    io_out8(command, COMMAND_READ_SERVICE);
    return !(io_in8(command) & 0x80);
}

void irq_deliver(unsigned line) {
    bool spurious = is_spurious(line);
    if (!spurious)
        for (size_t i = 0; i < attached_count; i++)
            if (attached[i].line == line)
                attached[i].acknowledge(attached[i].context);
    if (line >= 8) {
        if (!spurious)
            io_out8(SECOND_COMMAND, COMMAND_END);
        io_out8(FIRST_COMMAND, COMMAND_END);
    } else if (!spurious) {
        io_out8(FIRST_COMMAND, COMMAND_END);
    }
}

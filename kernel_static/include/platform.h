/* What the machine underneath must supply. Implemented twice, with the same file names, in
 * platform/pc (bare metal) and platform/linux (a hosted process); the linker chooses.
 *
 * Everything runs on one thread of control. Nothing here blocks except platform_idle. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start address and size in bytes of a run of memory. */
struct memory_span {
    void *start;
    size_t size;
};

/* Appends bytes to the console (serial and VGA on a PC, stdout when hosted). May be called from
 * an exception handler; never fails. */
void console_write(const char *bytes, size_t count);

/* Nanoseconds since start, monotonic. */
uint64_t clock_nanoseconds(void);

/* Seconds since 1970-01-01 UTC (PC: CMOS clock read once at boot, then the monotonic clock). */
uint64_t clock_unix_seconds(void);

/* Fills count bytes with random numbers fit for keys (PC: generator.h, seeded from RDRAND, else
 * from clock jitter; the kernel log says which. Hosted: the host's). */
void entropy_fill(void *bytes, size_t count);

/* The loader's command line (hosted: the process arguments joined by spaces); never null. */
const char *platform_command_line(void);

/* The packed model image: a Multiboot module, or a mapped file when hosted. False if none came.
 * Read-only, aligned to a page, valid for ever. */
bool platform_model_image(struct memory_span *image);

/* All memory that nothing else owns, as one page-aligned, zero-filled, writable span. Called
 * once, by main, before the heap exists. */
struct memory_span platform_free_memory(void);

/* Waits until a device interrupt, or until clock_nanoseconds() reaches deadline, or less. */
void platform_idle(uint64_t deadline);

/* True once the person at the console asked to stop (hosted: SIGINT or SIGTERM). */
bool platform_stop_requested(void);

/* Ends the run: the process exits with code; a PC reports code to the emulator's debug-exit
 * device if there is one, and halts otherwise. */
_Noreturn void platform_exit(int code);

/* The boot order and the main loop (main.c); called by the platform once its console and clock
 * work and the functions above may be used. */
_Noreturn void kernel_main(void);

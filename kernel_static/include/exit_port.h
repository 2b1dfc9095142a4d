/* How the end of the run reaches QEMU; read by C and assembly. Its isa-debug-exit device turns a
 * byte b written to the port into the exit status 2b + 1. Codes are moved up by EXIT_BASE so that
 * none is mistaken for a failure of QEMU itself, whose status is 1. cllm_gen/machine/qemu.py
 * undoes this. */
#pragma once

#define DEBUG_EXIT_PORT 0xf4
#define EXIT_BASE 16

/* After a panic, an exception, or on a processor that this image cannot run on. */
#define PANIC_EXIT_CODE 101

/* After words on the command line that are not understood. */
#define REFUSED_EXIT_CODE 2

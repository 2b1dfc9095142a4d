/* Linux gives every process the vector registers but the tiles of AMX, whose 8 KiB a thread it
 * must be asked for (arch/x86/xstate of the kernel's documentation). Threads inherit the leave. */
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18
#define CPUID_7_EDX_AMX_TILE (1u << 24)

void host_enable_vectors(void) {
    unsigned eax, ebx, ecx, edx = 0;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && edx & CPUID_7_EDX_AMX_TILE)
        syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

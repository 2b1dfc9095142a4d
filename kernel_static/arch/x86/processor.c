/* What the processor can do and the few instructions that C has no words for
 * (Intel SDM volume 2: CPUID, RDRAND, RDTSC, XSETBV; volume 1, 13.3 for XCR0). */

#include "processor.h"

#include <string.h>

#include "arch.h"
#include "other_processors.h"

#define CPUID_EXT_DX_NX (1u << 20)
#define CPUID_EXT_DX_LONG_MODE (1u << 29)
#define EFER_ACTIVE (1u << 10) /* long mode is active: set by the processor, not by us */
#define CPUID_1_CX_XSAVE (1u << 26)
#define CPUID_1_CX_RDRAND (1u << 30)
#define CPUID_1_CX_HYPERVISOR (1u << 31)
#define CR4_XSAVE ((uintptr_t)1 << 18)
/* Parts of the register state (volume 1, 13.1); some may be enabled only together (volume 2,
 * XSETBV). */
#define STATE_X87 0x1u
#define STATE_SSE 0x2u
#define STATE_AVX 0x4u
#define STATE_AVX512 0xe0u /* mask registers, upper halves of ZMM0-15, ZMM16-31 */
#define STATE_AMX 0x60000u /* tile configuration, tiles */
#define CPUID_XSAVE 0xd
#define CPUID_XSAVE_1_AX_XFD (1u << 4)
#define MSR_XFD 0x1c4

struct cpuid processor_cpuid(uint32_t leaf, uint32_t subleaf) {
    struct cpuid limit, result = {0};
    uint32_t base = leaf & 0xffff0000;
    __asm__("cpuid"
            : "=a"(limit.ax), "=b"(limit.bx), "=c"(limit.cx), "=d"(limit.dx)
            : "a"(base), "c"(0));
    if (limit.ax < leaf || limit.ax - base > 0xffff)
        return result;
    __asm__("cpuid"
            : "=a"(result.ax), "=b"(result.bx), "=c"(result.cx), "=d"(result.dx)
            : "a"(leaf), "c"(subleaf));
    return result;
}

uint64_t processor_read_msr(uint32_t number) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

void processor_write_msr(uint32_t number, uint64_t value) {
    __asm__ volatile("wrmsr" ::"c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

void arch_enable_vectors(void) {
    if (!(processor_cpuid(1, 0).cx & CPUID_1_CX_XSAVE))
        return;
    uintptr_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | CR4_XSAVE));
    uint32_t known = processor_cpuid(CPUID_XSAVE, 0).ax, state = STATE_X87 | STATE_SSE;
    state |= known & STATE_AVX;
    if (state & STATE_AVX && (known & STATE_AVX512) == STATE_AVX512)
        state |= STATE_AVX512;
    if (sizeof(void *) == 8 && (known & STATE_AMX) == STATE_AMX) /* tiles are for 64-bit code */
        state |= STATE_AMX;
    __asm__ volatile("xsetbv" ::"c"(0), "a"(state), "d"(0));
    if (processor_cpuid(CPUID_XSAVE, 1).ax & CPUID_XSAVE_1_AX_XFD)
        processor_write_msr(MSR_XFD, 0); /* volume 1, 13.14: else the first use of a tile traps */
}

void processor_state_save(struct processor_state *state) {
    uintptr_t control0, control3, control4;
    __asm__ volatile("mov %%cr0, %0" : "=r"(control0));
    __asm__ volatile("mov %%cr3, %0" : "=r"(control3));
    __asm__ volatile("mov %%cr4, %0" : "=r"(control4));
    state->control0 = (uint32_t)control0;
    state->control3 = (uint32_t)control3;
    state->control4 = (uint32_t)control4;
    bool has_efer = processor_cpuid(0x80000001, 0).dx & (CPUID_EXT_DX_NX | CPUID_EXT_DX_LONG_MODE);
    state->efer = has_efer ? (uint32_t)processor_read_msr(MSR_EFER) & ~EFER_ACTIVE : 0;
}

uint64_t arch_timestamp(void) {
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static bool random_word(uint32_t *word) {
    for (int tries = 0; tries < 10; tries++) {
        uint8_t good;
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(good)::"cc");
        if (good)
            return true;
    }
    return false;
}

bool arch_random(uint64_t *value) {
    uint32_t low, high;
    if (!(processor_cpuid(1, 0).cx & CPUID_1_CX_RDRAND))
        return false;
    if (!random_word(&low) || !random_word(&high))
        return false;
    *value = (uint64_t)high << 32 | low;
    return true;
}

const char *arch_hypervisor(void) {
    static char signature[13];
    if (processor_cpuid(1, 0).cx & CPUID_1_CX_HYPERVISOR) {
        struct cpuid leaf = processor_cpuid(0x40000000, 0);
        memcpy(signature, &leaf.bx, 12);
    }
    return signature;
}

const char *arch_processor_name(void) {
    static char name[49];
    for (uint32_t part = 0; part < 3; part++) {
        struct cpuid leaf = processor_cpuid(0x80000002 + part, 0);
        memcpy(name + (size_t)part * 16, &leaf, 16);
    }
    const char *first = name;
    while (*first == ' ')
        first++;
    return first;
}

/* STI takes effect after the next instruction, so no interrupt can slip in before HLT and leave
 * the machine asleep. The vectors save general registers only: the rest is declared lost here. */
void arch_wait_for_interrupt(void) {
    __asm__ volatile("sti; hlt; cli" ::
                         : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                           "xmm7");
}

_Noreturn void arch_halt(void) {
    for (;;)
        __asm__ volatile("cli; hlt");
}

_Noreturn void arch_raise_panic(void) {
    __asm__ volatile("int %0" ::"i"(TRAP_PANIC));
    arch_halt();
}

uintptr_t trap_fault_address(void) {
    uintptr_t address;
    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    return address;
}

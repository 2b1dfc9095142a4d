/* What the processor can do and the few instructions that C has no words for
 * (Intel SDM volume 2: CPUID, RDRAND, RDTSC, XSETBV; volume 1, 13.3 for XCR0). */

#include "processor.h"

#include <string.h>

#include "arch.h"

#define CPUID_1_DX_APIC (1u << 9)
#define CPUID_1_CX_XSAVE (1u << 26)
#define CPUID_1_CX_RDRAND (1u << 30)
#define CPUID_1_CX_HYPERVISOR (1u << 31)
#define CR4_XSAVE ((uintptr_t)1 << 18)
/* x87, SSE, AVX, the three AVX-512 parts, the two AMX parts. */
#define XCR0_WANTED 0x600e7u

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
    uint32_t state = processor_cpuid(0xd, 0).ax & XCR0_WANTED;
    __asm__ volatile("xsetbv" ::"c"(0), "a"(state), "d"(0));
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

bool arch_has_local_controller(void) { return processor_cpuid(1, 0).dx & CPUID_1_DX_APIC; }

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
        memcpy(name + part * 16, &leaf, 16);
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

/* PAE's third and last level: four entries, 4 GiB (Intel SDM volume 3, 4.4). A processor without
 * PAE cannot run this kernel: none of those has NX, and few have SSE2. */

#include "paging.h"

#include "panic.h"
#include "processor.h"
#include "tasks.h"

#define CPUID_1_DX_PAE (1u << 6)
#define CR0_PAGING (1u << 31)
#define CR0_WRITE_PROTECT (1u << 16)
#define CR4_PAE (1u << 5)

const unsigned paging_pointers = 4;
const uint64_t paging_pointer_bits = 1; /* present; the others are reserved */

void paging_load(const uint64_t *pointers) {
    if (!(processor_cpuid(1, 0).dx & CPUID_1_DX_PAE))
        panic("paging: this processor has no physical address extension (PAE)");
    tasks_set_page_tables((uintptr_t)pointers);
    uint32_t cr0, cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | CR4_PAE) : "memory");
    __asm__ volatile("mov %0, %%cr3" ::"r"(pointers) : "memory");
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0; jmp 1f; 1:" ::"r"(cr0 | CR0_PAGING | CR0_WRITE_PROTECT)
                     : "memory");
}

/* Identity page tables with write-xor-execute. Both targets use 8-byte entries and the same two
 * lower levels (PAE on i386): a directory entry is a 2 MiB page or a table of 4,096-byte pages
 * (Intel SDM volume 3, 4.4 and 4.5). Tables come from a fixed pool, since they are made before
 * any allocator; memory above 4 GiB takes 1 GiB pages where the processor has them. */

#include "paging.h"

#include "arch.h"
#include "arch_io.h"
#include "log.h"
#include "panic.h"
#include "processor.h"

#define PRESENT 1ULL
#define WRITABLE 2ULL
#define WRITE_THROUGH 8ULL
#define CACHE_DISABLED 16ULL
#define LARGE 128ULL
#define NO_EXECUTE (1ULL << 63)
#define ADDRESS_MASK 0x000ffffffffff000ULL

#define KIB4 4096ULL
#define MIB2 (2ULL << 20)
#define GIB (1ULL << 30)
#define POOL_TABLES 48

static uint64_t pointers[512] __attribute__((aligned(4096)));
static uint64_t pool[POOL_TABLES][512] __attribute__((aligned(4096)));
static unsigned pool_used;
static bool no_execute, loaded;

bool arch_no_execute(void) { return no_execute; }

uint64_t arch_address_limit(void) { return paging_pointers * GIB; }

static uint64_t *new_table(void) {
    if (pool_used == POOL_TABLES)
        panic("paging: all %u page tables are in use", POOL_TABLES);
    return pool[pool_used++];
}

static uint64_t *table_of(uint64_t entry) { return (uint64_t *)(uintptr_t)(entry & ADDRESS_MASK); }

/* The page directory of the GiB that holds address, made if there is none; splits a 1 GiB page. */
static uint64_t *directory_of(uint64_t address) {
    uint64_t *pointer = &pointers[address / GIB];
    if (!(*pointer & PRESENT) || (*pointer & LARGE)) {
        uint64_t *table = new_table();
        if (*pointer & PRESENT)
            for (unsigned i = 0; i < 512; i++)
                table[i] = *pointer + i * MIB2;
        *pointer = (uintptr_t)table | paging_pointer_bits;
    }
    return table_of(*pointer);
}

/* The entry of the 4,096-byte page that holds address; splits a 2 MiB page if it lies in one. */
static uint64_t *page_of(uint64_t address) {
    uint64_t *entry = &directory_of(address)[address / MIB2 % 512];
    if (!(*entry & PRESENT) || (*entry & LARGE)) {
        uint64_t *table = new_table();
        if (*entry & PRESENT)
            for (unsigned i = 0; i < 512; i++)
                table[i] = (*entry & ~LARGE) + i * KIB4;
        *entry = (uintptr_t)table | PRESENT | WRITABLE;
    }
    return &table_of(*entry)[address / KIB4 % 512];
}

static uint64_t entry_bits(unsigned rights) {
    uint64_t bits = PRESENT;
    if (rights & PAGE_WRITE)
        bits |= WRITABLE;
    if (rights & PAGE_DEVICE)
        bits |= CACHE_DISABLED | WRITE_THROUGH;
    if (!(rights & PAGE_EXECUTE) && no_execute)
        bits |= NO_EXECUTE;
    return bits;
}

static void forget(uint64_t address) {
    if (loaded)
        __asm__ volatile("invlpg (%0)" ::"r"((uintptr_t)address) : "memory");
}

/* Sets the entries of [start, end) to address | bits, or to zero when bits is zero. */
static void set_range(uint64_t start, uint64_t end, uint64_t bits) {
    bool huge = processor_cpuid(0x80000001, 0).dx & 1 << 26;
    uint64_t address = start & ~(KIB4 - 1);
    end = (end + KIB4 - 1) & ~(KIB4 - 1);
    if (end > arch_address_limit())
        end = arch_address_limit();
    while (address < end) {
        uint64_t left = end - address, step;
        if (huge && address >= 4 * GIB && address % GIB == 0 && left >= GIB) {
            pointers[address / GIB] = bits ? address | bits | LARGE : 0;
            step = GIB;
        } else if (address % MIB2 == 0 && left >= MIB2) {
            directory_of(address)[address / MIB2 % 512] = bits ? address | bits | LARGE : 0;
            step = MIB2;
        } else {
            *page_of(address) = bits ? address | bits : 0;
            step = KIB4;
        }
        forget(address);
        address += step;
    }
}

void arch_map(uint64_t start, uint64_t end, unsigned rights) {
    if (!no_execute && processor_cpuid(0x80000001, 0).dx & 1 << 20) {
        processor_write_msr(MSR_EFER, processor_read_msr(MSR_EFER) | EFER_NO_EXECUTE);
        no_execute = true;
    }
    set_range(start, end, entry_bits(rights));
}

void arch_unmap(uint64_t start, uint64_t end) { set_range(start, end, 0); }

void arch_paging_start(void) {
    paging_load(pointers);
    loaded = true;
}

void *arch_map_device(uint64_t physical, size_t size) {
    if (physical + size > arch_address_limit() || physical + size > UINTPTR_MAX) {
        log_error("paging", "device registers at %#llx are out of this processor's reach",
                  (unsigned long long)physical);
        return NULL;
    }
    arch_map(physical, physical + size, PAGE_WRITE | PAGE_DEVICE);
    return (void *)(uintptr_t)physical;
}

/* Intel SDM volume 3, chapter 11 (10 in older editions): registers at 16-byte steps in a page, or,
 * in x2APIC mode, as model-specific registers. Only the second mode reaches ids above 255. */
#include "local_apic.h"

#include "arch.h"
#include "arch_io.h"
#include "processor.h"
#include "trap_frame.h"

#define CPUID_1_DX_APIC (1u << 9)
#define MSR_BASE 0x1b
#define BASE_X2APIC (1u << 10)
#define BASE_ADDRESS 0x000ffffffffff000ULL
#define MSR_REGISTERS 0x800 /* plus the register's offset / 16 */

#define ID 0x20
#define END 0xb0
#define SPURIOUS 0xf0
#define SPURIOUS_ENABLE 0x100
#define COMMAND 0x300
#define COMMAND_PENDING (1u << 12)
#define COMMAND_TARGET 0x310
#define PIN0 0x350
#define PIN0_EXTERNAL 0x700

static void *registers;
static bool usable;

static bool is_x2apic(void) { return processor_read_msr(MSR_BASE) & BASE_X2APIC; }

static uint32_t read(uint32_t offset) {
    if (is_x2apic())
        return (uint32_t)processor_read_msr(MSR_REGISTERS + offset / 16);
    return mmio_read32(registers, offset);
}

static void write(uint32_t offset, uint32_t value) {
    if (is_x2apic())
        processor_write_msr(MSR_REGISTERS + offset / 16, value);
    else
        mmio_write32(registers, offset, value);
}

void local_apic_enable(void) { write(SPURIOUS, SPURIOUS_ENABLE | TRAP_SPURIOUS); }

/* "Virtual wire mode" (11.5.1): pin 0 carries what the machine's own controllers ask for. The pins
 * of all other CPUs stay masked. */
void arch_controller_start(void) {
    if (!(processor_cpuid(1, 0).dx & CPUID_1_DX_APIC))
        return;
    if (!is_x2apic()) {
        registers = arch_map_device(processor_read_msr(MSR_BASE) & BASE_ADDRESS, 4096);
        if (!registers)
            return;
    }
    usable = true;
    write(PIN0, PIN0_EXTERNAL);
    local_apic_enable();
}

bool arch_has_controller(void) { return usable; }

uint32_t arch_controller_id(void) { return is_x2apic() ? read(ID) : read(ID) >> 24; }

void local_apic_send(uint32_t id, uint32_t what) {
    if (is_x2apic()) {
        __asm__ volatile("mfence; lfence" ::
                             : "memory"); /* 11.12.3: WRMSR does not wait for stores */
        processor_write_msr(MSR_REGISTERS + COMMAND / 16, (uint64_t)id << 32 | what);
        return;
    }
    write(COMMAND_TARGET, id << 24);
    write(COMMAND, what);
    while (read(COMMAND) & COMMAND_PENDING)
        __builtin_ia32_pause();
}

void local_apic_end(void) { write(END, 0); }

/* The interrupt controller inside every CPU (local APIC), in whichever of its two modes the
 * firmware left it. Only where arch_has_controller. */
#pragma once

#include <stdint.h>

/* Lets this CPU take interrupts from other CPUs. */
void local_apic_enable(void);

/* What is sent: an interrupt at a vector, or one of these; START takes the number of a page. */
#define LOCAL_APIC_VECTOR 0x4000u
#define LOCAL_APIC_STOP 0x4400u  /* non-maskable interrupt */
#define LOCAL_APIC_RESET 0x4500u /* INIT */
#define LOCAL_APIC_START 0x4600u /* SIPI */

/* Sends it to the CPU whose local APIC has this id, and waits until it went out. */
void local_apic_send(uint32_t id, uint32_t what);

/* Ends the service of an interrupt that another CPU sent. */
void local_apic_end(void);

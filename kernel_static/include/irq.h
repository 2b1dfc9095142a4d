/* Device interrupts. They are delivered to the first CPU, and only while it sleeps, in
 * platform_idle or waiting for the others (workers.h): their one purpose is to end that sleep, all
 * work is done by polling from the main loop. Code outside an acknowledge function therefore never
 * has to reckon with being interrupted. */
#pragma once

#define IRQ_LINES 16

/* Called for every interrupt on the line, which other devices may share: makes the device lower
 * its request (reads its cause register) and returns. No logging, no allocation. */
typedef void irq_acknowledge(void *context);

/* Unmasks the line (0 to 15, as PCI configuration space gives it) and calls `acknowledge` for
 * each interrupt. A later call for the same line adds a second device. Panics when more than 8
 * devices are attached. */
void irq_attach(unsigned line, irq_acknowledge *acknowledge, void *context);

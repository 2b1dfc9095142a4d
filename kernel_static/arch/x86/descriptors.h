/* Descriptor tables: the segments and vectors are the same for all CPUs; every CPU has a task of
 * its own, whose selector also tells which CPU it is. */
#pragma once

/* Loads the task and the vectors on this CPU, which is number `processor` from here on. */
void descriptors_load(unsigned processor);

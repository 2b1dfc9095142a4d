/* The run's own metrics: its age, the heap, limits that were met. */
#pragma once

/* Called once, by main, after memory_start and workers_start. */
void vitals_start(void);

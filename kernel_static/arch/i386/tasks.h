/* The first CPU's tasks, made before paging, must know the page tables: a task switch loads CR3
 * from the task state. */
#pragma once

#include <stdint.h>

void tasks_set_page_tables(uint32_t cr3);

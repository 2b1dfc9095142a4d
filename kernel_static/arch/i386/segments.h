/* Selectors into the descriptor table; read by C and assembly. */
#pragma once

#define SEGMENT_CODE 0x08
#define SEGMENT_DATA 0x10
#define SEGMENT_TASK 0x18       /* of the first CPU, and the same for all others behind it */
#define SEGMENT_FAULT_TASK 0x20 /* what a double fault switches to */
#define SEGMENT_TASK_STEP 16
#define SEGMENT_COUNT (3 + 2 * 16)

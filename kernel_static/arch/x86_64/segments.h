/* Selectors into the descriptor table; read by C and assembly. */
#pragma once

#define SEGMENT_CODE 0x08
#define SEGMENT_DATA 0x10
#define SEGMENT_TASK 0x18 /* of the first CPU; the descriptor takes two entries */
#define SEGMENT_TASK_STEP 16
#define SEGMENT_COUNT (3 + 2 * 16)

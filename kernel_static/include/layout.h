/* Addresses that image.ld settles. Each is the place of its name: take the address. */
#pragma once

extern char layout_image_start[], layout_image_end[];
extern char layout_text_end[];   /* [image_start, text_end): executable, read-only */
extern char layout_rodata_end[]; /* [text_end, rodata_end): read-only; the rest is data */
extern char layout_main_guard[], layout_main_stack[], layout_main_stack_top[];
extern char layout_fault_guard[], layout_fault_stack[], layout_fault_stack_top[];

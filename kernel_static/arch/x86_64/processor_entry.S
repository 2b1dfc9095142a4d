/* From start_page.S to C on another CPU: 32-bit protected mode becomes long mode with the page
 * tables and control registers of the CPU that starts this one (processor_state). */

#include "segments.h"

#define EFER 0xc0000080

        .section .text.boot, "ax"
        .code32
        .global processor_enter_protected
processor_enter_protected:
        movw    $start_page_data, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    processor_state + 8, %eax
        movl    %eax, %cr4
        movl    processor_state + 4, %eax
        movl    %eax, %cr3
        movl    $EFER, %ecx
        xorl    %edx, %edx
        movl    processor_state + 12, %eax
        wrmsr
        movl    processor_state, %eax
        movl    %eax, %cr0
        lgdt    descriptor_register
        ljmp    $SEGMENT_CODE, $1f

        .code64
1:      movw    $SEGMENT_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        xorl    %eax, %eax
        xchgq   %rax, processor_state + 16      /* the stack, if this CPU is still expected */
        testq   %rax, %rax
        jz      2f
        movq    %rax, %rsp
        fninit
        ldmxcsr vector_control
        xorl    %ebp, %ebp              /* the end of every backtrace */
        call    processor_enter
2:      hlt
        jmp     2b

        .section .rodata
        .balign 4
vector_control:
        .long   0x1f80                  /* as after a reset: no exceptions, round to nearest */

        .section .note.GNU-stack, "", @progbits

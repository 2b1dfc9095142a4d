/* From the Multiboot loader to C: 32-bit protected mode, paging and interrupts off, EAX the
 * loader's magic, EBX its information (Multiboot Specification 0.6.96, 3.2). */

#include "exit_port.h"
#include "segments.h"

#define CR0_MONITOR   (1 << 1)
#define CR0_EMULATE   (1 << 2)
#define CR0_NATIVE_ERROR (1 << 5)
#define CR4_SSE       (1 << 9 | 1 << 10)    /* state saved by FXSAVE; SSE exceptions wanted */
#define CPUID_1_EDX_SSE2 (1 << 26)

        .section .text.boot, "ax"
        .code32
        .global start
start:
        cld
        movl    $layout_main_stack_top, %esp
        movl    %eax, %esi
        lgdt    descriptor_register
        ljmp    $SEGMENT_CODE, $1f
1:      movw    $SEGMENT_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss

        movl    %ebx, %edi              /* CPUID overwrites EBX */
        movl    $1, %eax
        cpuid
        testl   $CPUID_1_EDX_SSE2, %edx
        jz      no_sse2
        movl    %cr0, %eax              /* compiled C uses SSE registers from its first line */
        andl    $~CR0_EMULATE, %eax
        orl     $(CR0_MONITOR | CR0_NATIVE_ERROR), %eax
        movl    %eax, %cr0
        movl    %cr4, %eax
        orl     $CR4_SSE, %eax
        movl    %eax, %cr4
        fninit

        xorl    %ebp, %ebp              /* the end of every backtrace */
        subl    $8, %esp                /* 16-byte alignment at the call */
        pushl   %edi
        pushl   %esi
        call    pc_start
2:      hlt
        jmp     2b

no_sse2:
        movl    $no_sse2_text, %esi
        movw    $0x3f8, %dx             /* the first serial port, set up by the firmware or not */
3:      lodsb
        testb   %al, %al
        jz      4f
        outb    %al, %dx
        jmp     3b
4:      movb    $(EXIT_BASE + PANIC_EXIT_CODE), %al
        outb    %al, $DEBUG_EXIT_PORT
        jmp     2b

        .section .rodata
no_sse2_text:
        .asciz  "this image needs a processor with SSE2\r\n"
        .balign 8
        .global descriptor_register
descriptor_register:
        .word   SEGMENT_COUNT * 8 - 1
        .long   descriptor_table

        .section .note.GNU-stack, "", @progbits

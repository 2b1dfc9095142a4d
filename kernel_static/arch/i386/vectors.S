/* One stub per vector: 0-31 exceptions, 32-47 device interrupts, then those of
 * trap_frame.h. Each makes the stack a
 * struct trap_frame (target_frame.h) and calls trap_handle. Vector 8, the double fault, has a task
 * of its own (descriptors.c), so its stub is never used. Vector registers are not saved:
 * exceptions do not return, and device interrupts come only where arch_wait_for_interrupt has
 * declared them clobbered. */

        .text

        .macro vector number
        .balign 16
vector_\number:
        .if !((\number == 8) || (\number >= 10 && \number <= 14) || (\number == 17) || (\number == 21) || (\number == 29) || (\number == 30))
        pushl   $0                      /* the processor pushes no error code for this one */
        .endif
        pushl   $\number
        jmp     trap_enter
        .endm

        .altmacro
        .set    number, 0
        .rept   64
        vector  %number
        .set    number, number + 1
        .endr

        .balign 16
trap_enter:
        pushl   %eax
        pushl   %ecx
        pushl   %edx
        pushl   %ebx
        leal    36(%esp), %eax          /* the stack before the trap: over 4 registers, vector, */
        pushl   %eax                    /* error, ip, cs, flags */
        pushl   %ebp
        pushl   %esi
        pushl   %edi
        cld
        movl    %esp, %ebx
        andl    $-16, %esp
        subl    $12, %esp
        pushl   %ebx
        call    trap_handle
        movl    %ebx, %esp
        popl    %edi
        popl    %esi
        popl    %ebp
        addl    $4, %esp
        popl    %ebx
        popl    %edx
        popl    %ecx
        popl    %eax
        addl    $8, %esp                /* vector, error */
        iretl

/* The double-fault task starts here on its own stack, with interrupts off and the task-switched
 * flag set, on which SSE instructions would trap. */
        .balign 16
        .global double_fault_enter
double_fault_enter:
        clts
        xorl    %ebp, %ebp
        andl    $-16, %esp
        call    trap_double_fault

        .section .rodata
        .balign 4
        .global trap_vectors
trap_vectors:
        .macro  vector_address number
        .long   vector_\number
        .endm
        .set    number, 0
        .rept   64
        vector_address %number
        .set    number, number + 1
        .endr

        .section .note.GNU-stack, "", @progbits

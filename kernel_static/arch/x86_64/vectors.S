/* One stub per vector: 0-31 exceptions, 32-47 device interrupts, then those of
 * trap_frame.h. Each makes the stack a
 * struct trap_frame (target_frame.h) and calls trap_handle. Vector registers are not saved:
 * exceptions do not return, and device interrupts come only where arch_wait_for_interrupt has
 * declared them clobbered. */

        .text

        .macro vector number
        .balign 16
vector_\number:
        .if !((\number == 8) || (\number >= 10 && \number <= 14) || (\number == 17) || (\number == 21) || (\number == 29) || (\number == 30))
        pushq   $0                      /* the processor pushes no error code for this one */
        .endif
        pushq   $\number
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
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rbx
        pushq   %rbp
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        cld
        movq    %rsp, %rdi
        movq    %rsp, %rbx
        andq    $-16, %rsp
        call    trap_handle
        movq    %rbx, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rbp
        popq    %rbx
        popq    %rdx
        popq    %rcx
        popq    %rax
        addq    $16, %rsp               /* vector, error */
        iretq

        .section .rodata
        .balign 8
        .global trap_vectors
trap_vectors:
        .macro  vector_address number
        .quad   vector_\number
        .endm
        .set    number, 0
        .rept   64
        vector_address %number
        .set    number, number + 1
        .endr

        .section .note.GNU-stack, "", @progbits

/* System V ABI, AMD64: rbx, rbp and r12 to r15 belong to the caller. */

        .text
        .global stack_switch
stack_switch:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret

        .section .rodata
        .balign 8
        .global stack_switch_registers
stack_switch_registers:
        .quad   6

        .section .note.GNU-stack, "", @progbits

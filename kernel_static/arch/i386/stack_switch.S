/* System V ABI, i386: ebx, esi, edi and ebp belong to the caller. */

        .text
        .global stack_switch
stack_switch:
        movl    4(%esp), %eax
        movl    8(%esp), %edx
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    %esp, (%eax)
        movl    %edx, %esp
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret

        .section .rodata
        .balign 4
        .global stack_switch_registers
stack_switch_registers:
        .long   4

        .section .note.GNU-stack, "", @progbits

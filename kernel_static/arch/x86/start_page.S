/* Where another CPU begins: in real mode at the start of a page below 1 MiB, to which this code is
 * copied, with CS the page's segment (Intel SDM volume 3, 9.4). It goes on in protected mode, with
 * flat segments and paging off, at processor_enter_protected of the target, inside the image. */

#define CR0_PROTECTED 1

        .section .rodata
        .code16
        .global start_page, start_page_end
start_page:
        cli
        cld
        lgdtl   %cs:(table_register - start_page)
        movl    %cr0, %eax
        orl     $CR0_PROTECTED, %eax
        movl    %eax, %cr0
        ljmpl   $(table_code - table), $processor_enter_protected
        .balign 4
table_register:
        .word   table_end - table - 1
        .long   table
start_page_end:

        .balign 8
table:
        .quad   0
table_code:
        .quad   0x00cf9b000000ffff
        .global start_page_data
        .set    start_page_data, . - table
        .quad   0x00cf93000000ffff
table_end:

        .section .note.GNU-stack, "", @progbits

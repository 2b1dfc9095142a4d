/* Code points of UTF-8 and their general categories (Unicode 16.0). The category table rides in the
 * model image's "tokenizer" section; tokenizer_start binds it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "text.h"

#define UNICODE_REPLACEMENT 0xFFFD

/* One bit per general category, in the order of cllm_gen/unicode.py. The control
 * characters that are White_Space (U+0009 to U+000D, U+0085) have a bit of their own. */
#define UNICODE_CC (UINT32_C(1) << 0)
#define UNICODE_CF (UINT32_C(1) << 1)
#define UNICODE_CN (UINT32_C(1) << 2)
#define UNICODE_CO (UINT32_C(1) << 3)
#define UNICODE_CS (UINT32_C(1) << 4)
#define UNICODE_LL (UINT32_C(1) << 5)
#define UNICODE_LM (UINT32_C(1) << 6)
#define UNICODE_LO (UINT32_C(1) << 7)
#define UNICODE_LT (UINT32_C(1) << 8)
#define UNICODE_LU (UINT32_C(1) << 9)
#define UNICODE_MC (UINT32_C(1) << 10)
#define UNICODE_ME (UINT32_C(1) << 11)
#define UNICODE_MN (UINT32_C(1) << 12)
#define UNICODE_ND (UINT32_C(1) << 13)
#define UNICODE_NL (UINT32_C(1) << 14)
#define UNICODE_NO (UINT32_C(1) << 15)
#define UNICODE_PC (UINT32_C(1) << 16)
#define UNICODE_PD (UINT32_C(1) << 17)
#define UNICODE_PE (UINT32_C(1) << 18)
#define UNICODE_PF (UINT32_C(1) << 19)
#define UNICODE_PI (UINT32_C(1) << 20)
#define UNICODE_PO (UINT32_C(1) << 21)
#define UNICODE_PS (UINT32_C(1) << 22)
#define UNICODE_SC (UINT32_C(1) << 23)
#define UNICODE_SK (UINT32_C(1) << 24)
#define UNICODE_SM (UINT32_C(1) << 25)
#define UNICODE_SO (UINT32_C(1) << 26)
#define UNICODE_ZL (UINT32_C(1) << 27)
#define UNICODE_ZP (UINT32_C(1) << 28)
#define UNICODE_ZS (UINT32_C(1) << 29)
#define UNICODE_CONTROL_SPACE (UINT32_C(1) << 30)

#define UNICODE_C                                                                                  \
    (UNICODE_CC | UNICODE_CF | UNICODE_CN | UNICODE_CO | UNICODE_CS | UNICODE_CONTROL_SPACE)
#define UNICODE_L (UNICODE_LL | UNICODE_LM | UNICODE_LO | UNICODE_LT | UNICODE_LU)
#define UNICODE_M (UNICODE_MC | UNICODE_ME | UNICODE_MN)
#define UNICODE_N (UNICODE_ND | UNICODE_NL | UNICODE_NO)
#define UNICODE_P                                                                                  \
    (UNICODE_PC | UNICODE_PD | UNICODE_PE | UNICODE_PF | UNICODE_PI | UNICODE_PO | UNICODE_PS)
#define UNICODE_S (UNICODE_SC | UNICODE_SK | UNICODE_SM | UNICODE_SO)
#define UNICODE_Z (UNICODE_ZL | UNICODE_ZP | UNICODE_ZS)
#define UNICODE_WHITE_SPACE (UNICODE_Z | UNICODE_CONTROL_SPACE)

#define UNICODE_PAGES 4352 /* of 256 code points */

/* Takes the category table: `pages[c >> 8]` is the row of `rows` that holds the category numbers
 * of code points c & ~255 and on. Both must stay valid. */
void unicode_bind(const uint16_t *pages, const uint8_t *rows);

/* The bit of a code point's category. */
uint32_t unicode_category(uint32_t code_point);

/* The character at bytes[*at], *at < count; moves *at behind it. Bytes that are not UTF-8 give
 * U+FFFD, one for each longest beginning of a character that could have been (Unicode 16.0,
 * section 3.9, "U+FFFD Substitution of Maximal Subparts"). */
uint32_t unicode_next(const char *bytes, size_t count, size_t *at);

/* Where the character that ends before `at` begins; valid UTF-8, at > 0. */
size_t unicode_before(const char *bytes, size_t at);

/* Appends the text, with U+FFFD for what is not UTF-8. */
void unicode_append_valid(struct buffer *buffer, struct text text);

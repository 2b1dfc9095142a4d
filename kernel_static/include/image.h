/* Which image this is. */
#pragma once

/* Eight hexadecimal digits, a digest of all objects that are linked; the build writes it. */
extern const char image_identity[];

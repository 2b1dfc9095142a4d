/* The Date field's format, IMF-fixdate (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
 */
#pragma once

#include <stdbool.h>

#define DATE_SIZE 30 /* with the terminating zero */

/* Writes the time now; false if the machine's clock cannot be right. */
bool date_format(char text[DATE_SIZE]);

/* The Gregorian calendar from 2020 on, in GMT. */
#include "date.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "platform.h"

#define DAY 86400
#define YEAR_2020 UINT64_C(1577836800) /* a clock before this was never set */
#define DAYS_TO_2020 18262

static bool is_leap(unsigned year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

bool date_format(char text[DATE_SIZE]) {
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static char kept[DATE_SIZE]; /* of the second `kept_for`: most responses share it */
    static uint64_t kept_for;
    uint64_t now = clock_unix_seconds();
    if (now == kept_for && now) {
        memcpy(text, kept, DATE_SIZE);
        return true;
    }
    if (now < YEAR_2020 || now >= UINT64_C(253402300800)) /* the year 10000 */
        return false;
    unsigned days = (unsigned)(now / DAY), seconds = (unsigned)(now % DAY);
    unsigned year = 2020;
    size_t weekday = days % 7, month = 0;
    days -= DAYS_TO_2020;
    for (; days >= 365u + is_leap(year); year++)
        days -= 365 + is_leap(year);
    for (; days >= lengths[month] + (month == 1 && is_leap(year) ? 1u : 0u); month++)
        days -= lengths[month] + (month == 1 && is_leap(year) ? 1u : 0u);
    snprintf(text, DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", weekdays + 3 * weekday,
             (days + 1) % 100, months + 3 * month, year % 10000, seconds / 3600, seconds / 60 % 60,
             seconds % 60);
    memcpy(kept, text, DATE_SIZE);
    kept_for = now;
    return true;
}

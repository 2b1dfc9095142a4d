/* The battery-backed clock (Motorola MC146818A data sheet). It is taken to run in UTC. */

#include "arch_io.h"
#include "machine.h"

#define INDEX 0x70
#define DATA 0x71
#define STATUS_B_BINARY 0x04
#define STATUS_B_24_HOURS 0x02
#define HOUR_AFTERNOON 0x80

enum { SECONDS = 0x00, MINUTES = 0x02, HOURS = 0x04, DAY = 0x07, MONTH = 0x08, YEAR = 0x09 };
enum { STATUS_B = 0x0b };

struct calendar {
    unsigned second, minute, hour, day, month, year;
};

static unsigned read_register(uint8_t number) {
    io_out8(INDEX, number);
    return io_in8(DATA);
}

static unsigned from_decimal(unsigned value) { return (value >> 4) * 10 + (value & 15); }

static struct calendar read_calendar(void) {
    return (struct calendar){read_register(SECONDS), read_register(MINUTES), read_register(HOURS),
                             read_register(DAY),     read_register(MONTH),   read_register(YEAR)};
}

static bool same(const struct calendar *a, const struct calendar *b) {
    return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
           a->day == b->day && a->month == b->month && a->year == b->year;
}

/* Days from 1970-01-01 to a date of the years 2000 to 2099, in which every fourth is a leap. */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
    static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned since_2000 = year - 2000;
    uint64_t days = 10957 + since_2000 * 365 + (since_2000 + 3) / 4;
    days += before[(month - 1) % 12] + day - 1;
    return days + (since_2000 % 4 == 0 && month > 2);
}

/* Two readings that agree were not taken while the clock was changing. */
uint64_t cmos_unix_seconds(void) {
    struct calendar now = read_calendar(), again = read_calendar();
    for (int tries = 0; tries < 100 && !same(&now, &again); tries++) {
        now = again;
        again = read_calendar();
    }
    unsigned status = read_register(STATUS_B);
    bool afternoon = now.hour & HOUR_AFTERNOON;
    now.hour &= (unsigned)~HOUR_AFTERNOON;
    if (!(status & STATUS_B_BINARY))
        now = (struct calendar){from_decimal(now.second), from_decimal(now.minute),
                                from_decimal(now.hour),   from_decimal(now.day),
                                from_decimal(now.month),  from_decimal(now.year)};
    if (!(status & STATUS_B_24_HOURS))
        now.hour = now.hour % 12 + (afternoon ? 12 : 0);
    uint64_t days = days_since_1970(2000 + now.year, now.month, now.day);
    return ((days * 24 + now.hour) * 60 + now.minute) * 60 + now.second;
}

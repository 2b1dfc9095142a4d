#include "connection.h"
#include "http.h"
#include "platform.h"

#define CHECK_NANOSECONDS UINT64_C(100000000) /* times are kept to a tenth of a second */

bool http_start(void) {
    static const struct stream_events events = {
        .opened = connection_open,
        .received = connection_receive,
        .finished = connection_finish,
        .writable = connection_writable,
        .closed = connection_closed,
    };
    return transport_start(&events);
}

bool http_poll(void) {
    static uint64_t next_check;
    uint64_t now = clock_nanoseconds();
    bool any = connection_end_answered();
    if (now < next_check)
        return any;
    next_check = now + CHECK_NANOSECONDS;
    return connection_check_times(now) || any;
}

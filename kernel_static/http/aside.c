/* Which connection's handler is halfway. */
#include "aside.h"

#include "coroutine.h"
#include "request_handling.h"

static struct connection *halfway;

void aside_take(struct connection *connection) {
    connection->exchange.state = EXCHANGE_OPEN;
    connection->waits_aside = true;
}

bool aside_has(const struct connection *connection) { return connection == halfway; }

static void handle(void *context) { connection_dispatch(context); }

static struct connection *oldest(struct connection *connections) {
    struct connection *found = NULL;
    for (struct connection *each = connections; each; each = each->next)
        if (each->waits_aside && (!found || each->exchange.started < found->exchange.started))
            found = each;
    return found;
}

bool aside_poll(struct connection *connections, struct connection **done) {
    *done = NULL;
    if (halfway) {
        coroutine_go_on();
    } else {
        halfway = oldest(connections);
        if (!halfway)
            return false;
        halfway->waits_aside = false;
        coroutine_begin(handle, halfway);
    }
    if (!coroutine_busy()) {
        *done = halfway;
        halfway = NULL;
    }
    return true;
}

/* Counting what goes wrong. */
#include "net.h"

#include "log.h"

void net_drop(uint64_t *counter, const char *layer, const char *why) {
    (*counter)++;
    log_debug(layer, "dropped: %s", why);
}

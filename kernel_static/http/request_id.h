/* What a request is called in the logs of clients, proxies and servers: X-Request-Id. */
#pragma once

#include <stdbool.h>

#include "text.h"

#define REQUEST_ID_SIZE 25  /* of one made here, with the terminating zero */
#define REQUEST_ID_MOST 128 /* characters of one that is taken over */

/* Called once: what is made is unlikely to have been made by another run. */
void request_id_start(void);

/* Whether a client's is echoed: not too long, and of characters that mean nothing anywhere. */
bool request_id_valid(struct text id);

/* Makes a new one: hexadecimal digits. */
void request_id_make(char id[REQUEST_ID_SIZE]);

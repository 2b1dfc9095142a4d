/* Which web pages may ask (RFC 6454; the Fetch standard calls it CORS).
 *
 * A browser sends requests for any page that it shows, also to addresses that only it can reach,
 * and says in Origin whose page that is. Without keys that is all there is to tell a stranger's
 * page by, so only origins of the list may ask (`origin=`, else the appliance's), and the server's
 * own. With keys and without a list any may: what opens the server is the key, which a browser does
 * not add by itself.
 *
 * The server's own origin is what Host says, but only if that is an address or localhost: another
 * name may be a stranger's that resolves to this address now (DNS rebinding). */
#pragma once

#include <stdbool.h>

#include "text.h"

/* Ends the run if the command line's list is none; called once, after authorization_start. */
void origin_start(void);

/* Whether a request with this Origin (bytes null: not a page's) and Host may be answered. */
bool origin_allowed(struct text origin, struct text host);

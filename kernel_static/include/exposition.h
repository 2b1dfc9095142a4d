/* The page of all metrics (metrics.h), in Prometheus' text exposition format 0.0.4. */
#pragma once

#include "buffer.h"
#include "metrics.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* From now on the page has this group's families. `collect`, which may be null, is called before
 * each page, to set what is not counted as it happens. Called once a group, when its part starts.
 */
void exposition_provide(enum metrics_group group, void (*collect)(void));

/* Appends the page. */
void exposition_write(struct buffer *to);

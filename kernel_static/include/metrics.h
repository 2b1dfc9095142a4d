/* Counting and measuring for Prometheus. What there is stands in specs/metrics; who counts names
 * it, and pays an addition. Nothing here allocates, formats or may fail. Only the main thread of
 * control counts, not work on workers; interrupt handlers do not. exposition.h writes the page. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/names.h"

/* Numbers by enum metric; times are in nanoseconds. */
extern uint64_t metric_values[METRICS];

/* Texts by enum metric_text, without quotes and backslashes; null: not known yet. */
extern const char *metric_texts[METRIC_TEXTS];

/* Bucket i counts what was above bound i - 1 and at most bound i; the last has no bound. */
struct histogram {
    const uint64_t *bounds; /* nanoseconds, ascending; buckets - 1 of them */
    uint64_t *counts;
    size_t buckets;
    uint64_t sum; /* nanoseconds */
};

extern struct histogram metric_histograms[HISTOGRAMS];

static inline void metric_add(enum metric metric, uint64_t more) { metric_values[metric] += more; }

static inline void metric_count(enum metric metric) { metric_add(metric, 1); }

/* For gauges that go down by one at a time. */
static inline void metric_uncount(enum metric metric) { metric_values[metric]--; }

static inline void metric_set(enum metric metric, uint64_t value) { metric_values[metric] = value; }

static inline void metric_observe(enum metric_histogram which, uint64_t nanoseconds) {
    struct histogram *histogram = &metric_histograms[which];
    size_t bucket = 0;
    while (bucket + 1 < histogram->buckets && nanoseconds > histogram->bounds[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum += nanoseconds;
}

/* ---- the table, generated ---- */

enum metric_form {
    METRIC_NUMBERS,   /* `count` of metric_values from `place`, each with its label */
    METRIC_RATIO,     /* the first of `members` by the second */
    METRIC_INFO,      /* 1; label i of `count` says number `members[i]`, or text `texts[i]` */
    METRIC_HISTOGRAM, /* the histogram `place` */
};

/* One family of the page; a number may be in several. */
struct metric_family {
    const char *name, *help, *type;
    enum metrics_group group;
    enum metric_form form;
    bool nanoseconds; /* shown as seconds; of a ratio: its divisor is */
    size_t place, count;
    const char *label;         /* null: none */
    const char *const *labels; /* values of the label, or names of an info's labels */
    const enum metric *members;
    const enum metric_text *texts; /* null: numbers */
};

extern const struct metric_family metric_families[];
extern const size_t metric_family_count;

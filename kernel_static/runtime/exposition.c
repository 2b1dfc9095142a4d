/* Families to lines: HELP, TYPE, then a line for each number. */
#include "exposition.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct {
    bool provided;
    void (*collect)(void);
} groups[METRICS_GROUPS];

void exposition_provide(enum metrics_group group, void (*collect)(void)) {
    groups[group].provided = true;
    groups[group].collect = collect;
}

/* Of nanoseconds: seconds, without zeros at the end. */
static void write_number(struct buffer *to, uint64_t number, bool nanoseconds) {
    unsigned long long whole = nanoseconds ? number / SECOND : number;
    unsigned long long fraction = nanoseconds ? number % SECOND : 0;
    int digits = 9;
    for (; fraction && fraction % 10 == 0; digits--)
        fraction /= 10;
    if (fraction)
        buffer_format(to, "%llu.%0*llu", whole, digits, fraction);
    else
        buffer_format(to, "%llu", whole);
}

static void write_numbers(struct buffer *to, const struct metric_family *family) {
    for (size_t i = 0; i < family->count; i++) {
        buffer_format(to, "%s", family->name);
        if (family->label)
            buffer_format(to, "{%s=\"%s\"}", family->label, family->labels[i]);
        buffer_format(to, " ");
        write_number(to, metric_values[family->place + i], family->nanoseconds);
        buffer_format(to, "\n");
    }
}

static void write_ratio(struct buffer *to, const struct metric_family *family) {
    double part = (double)metric_values[family->members[0]];
    double whole = (double)metric_values[family->members[1]];
    if (family->nanoseconds)
        whole /= (double)SECOND;
    buffer_format(to, "%s %.9g\n", family->name, whole > 0 ? part / whole : 0.0);
}

static void write_info(struct buffer *to, const struct metric_family *family) {
    const char *separator = "{";
    buffer_format(to, "%s", family->name);
    for (size_t i = 0; i < family->count; i++, separator = ",") {
        buffer_format(to, "%s%s=\"", separator, family->labels[i]);
        if (!family->texts)
            write_number(to, metric_values[family->members[i]], false);
        else if (metric_texts[family->texts[i]])
            buffer_format(to, "%s", metric_texts[family->texts[i]]);
        buffer_format(to, "\"");
    }
    buffer_format(to, "} 1\n");
}

static void write_histogram(struct buffer *to, const struct metric_family *family) {
    const struct histogram *histogram = &metric_histograms[family->place];
    unsigned long long count = 0;
    for (size_t i = 0; i < histogram->buckets; i++) {
        count += histogram->counts[i];
        buffer_format(to, "%s_bucket{le=\"", family->name);
        if (i + 1 < histogram->buckets)
            write_number(to, histogram->bounds[i], true);
        else
            buffer_format(to, "+Inf");
        buffer_format(to, "\"} %llu\n", count);
    }
    buffer_format(to, "%s_sum ", family->name);
    write_number(to, histogram->sum, true);
    buffer_format(to, "\n%s_count %llu\n", family->name, count);
}

static void write_family(struct buffer *to, const struct metric_family *family) {
    static void (*const writers[])(struct buffer *, const struct metric_family *) = {
        [METRIC_NUMBERS] = write_numbers,
        [METRIC_RATIO] = write_ratio,
        [METRIC_INFO] = write_info,
        [METRIC_HISTOGRAM] = write_histogram,
    };
    buffer_format(to, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                  family->type);
    writers[family->form](to, family);
}

void exposition_write(struct buffer *to) {
    for (size_t i = 0; i < METRICS_GROUPS; i++)
        if (groups[i].collect)
            groups[i].collect();
    for (size_t i = 0; i < metric_family_count; i++)
        if (groups[metric_families[i].group].provided)
            write_family(to, &metric_families[i]);
}

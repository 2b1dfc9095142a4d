/* The network stack as a process that a test drives over its standard input: explicit time, frames
 * in and out, streams as events. Everything below and above the stack is here or in link.c.
 *
 * Both directions carry records: a letter, a little-endian 32-bit length, the payload. Each request
 * is answered with any number of records, then 'E'. Numbers in payloads are 32 bits unless said.
 *   S command line         start; answers 'B' with 1 or 0
 *   T nanoseconds (64)     let time pass, then poll until nothing happens
 *   F frame                puts a frame on the wire; taken at the next T
 *   w id bytes             stream_write; answers 'n' with the count taken
 *   c, a, r, z id          stream_close, stream_abort, stream_resume, stream_rest
 *   m id echo appetite     echo what arrives (0 or 1); octets to consume of each offer;
 *                          id all ones: streams opened from now on, where an appetite of
 *                          0xfffffffe refuses them
 *   s id                   the stream that can be spared, once it is settled
 *   f drop dup corrupt reorder seed
 *                          faults of the wire, in 65536ths
 *   b count                the device refuses this many transmissions
 *   u up                   link state
 *   h count                the heap fails this many allocations
 *   k key data             answers 'K' with the SipHash-2-4 of data; key of 16 octets
 *   q                      answers 'Q' with lines "name value"
 * Events: F frame sent, O id peer, R id bytes, N id (finished), W id (writable), X id (closed),
 * G level and text (log). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_line.h"
#include "heap.h"
#include "link.h"
#include "log.h"
#include "network_status.h"
#include "panic.h"
#include "platform.h"
#include "siphash.h"
#include "transport.h"

#define EVERY_STREAM UINT32_MAX
#define REFUSE UINT32_C(0xfffffffe)
#define STREAMS 4096

static uint64_t now = 1000000;
static const char *words = "";
static size_t blocks, heap_failures;
static jmp_buf refused; /* back to the command that starts */

/* --- records ------------------------------------------------------------------------------- */

static void put_record(char tag, const void *head, size_t head_size, const void *body,
                       size_t body_size) {
    uint32_t size = (uint32_t)(head_size + body_size);
    fputc(tag, stdout);
    fwrite(&size, sizeof size, 1, stdout);
    if (head_size)
        fwrite(head, 1, head_size, stdout);
    if (body_size)
        fwrite(body, 1, body_size, stdout);
}

static void put_number(char tag, uint32_t number) {
    put_record(tag, &number, sizeof number, NULL, 0);
}

/* --- what is below the stack ------------------------------------------------------------------ */

uint64_t clock_nanoseconds(void) { return now; }

void entropy_fill(void *bytes, size_t count) {
    for (uint8_t *at = bytes; count--; at++)
        *at = (uint8_t)link_random();
}

struct nic *nic_open(void) { return &link_nic; }

struct text command_line_value(const char *key) {
    size_t size = strlen(key);
    for (const char *at = words; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (!strncmp(at, key, size) && at[size] == '=')
            return (struct text){at + size + 1, strcspn(at + size + 1, " ")};
    }
    return (struct text){NULL, 0};
}

_Noreturn void command_line_refuse(const char *key, const char *expected, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    log_write(LOG_ERROR, "command line", "%s=: expected %s", key, text);
    longjmp(refused, 1);
}

uint64_t command_line_number(const char *key, uint64_t least, uint64_t most, uint64_t otherwise) {
    struct text value = command_line_value(key);
    uint64_t number = value.bytes ? strtoull(value.bytes, NULL, 10) : otherwise;
    return number >= least && number <= most ? number : otherwise;
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...) {
    char line[256];
    va_list arguments;
    int size = snprintf(line, sizeof line, "%d %s: ", (int)level, subsystem);
    va_start(arguments, format);
    size += vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
    va_end(arguments);
    put_record('G', line, strlen(line), NULL, 0);
}

_Noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    abort();
}

void *heap_allocate(size_t size) { return heap_resize(NULL, size); }

void *heap_resize(void *block, size_t size) {
    if (heap_failures) {
        heap_failures--;
        return NULL;
    }
    blocks += !block;
    uint8_t *made = realloc(block, size ? size : 1);
    if (!block)
        memset(made, 0xa5, size);
    return made;
}

void heap_release(void *block) {
    blocks -= block != NULL;
    free(block);
}

/* --- what is above it ---------------------------------------------------------------------------
 */

struct user {
    struct stream *stream; /* null once closed */
    uint32_t appetite;
    bool echo, ended;
};

static struct user users[STREAMS];
static uint32_t user_count, default_echo, default_appetite = UINT32_MAX;

static uint32_t id_of(const struct user *user) { return (uint32_t)(user - users); }

static void *opened(struct stream *stream) {
    if (default_appetite == REFUSE || user_count == STREAMS)
        return NULL;
    struct user *user = &users[user_count++];
    *user = (struct user){stream, default_appetite, default_echo, false};
    uint32_t id = id_of(user);
    put_record('O', &id, sizeof id, stream_peer(stream), strlen(stream_peer(stream)));
    return user;
}

static size_t received(void *context, const uint8_t *bytes, size_t count) {
    struct user *user = context;
    uint32_t id = id_of(user);
    if (user->echo)
        count = stream_write(user->stream, bytes, count); /* the rest after `writable` */
    else if (count > user->appetite)
        count = user->appetite;
    put_record('R', &id, sizeof id, bytes, count);
    return count;
}

static void finished(void *context) {
    struct user *user = context;
    put_number('N', id_of(user));
    user->ended = true;
    if (user->echo)
        stream_close(user->stream);
}

static void writable(void *context) {
    struct user *user = context;
    put_number('W', id_of(user));
    if (user->echo)
        stream_resume(user->stream);
}

static void closed(void *context) {
    struct user *user = context;
    put_number('X', id_of(user));
    user->stream = NULL;
}

static struct user *spared;

static struct stream *spare(void) {
    bool alive = spared && spared->stream;
    return alive && stream_settled(spared->stream) ? spared->stream : NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

static void pass_time(uint64_t nanoseconds) {
    static uint8_t frame[2048];
    size_t size;
    now += nanoseconds;
    for (int polls = 0; transport_poll(); polls++)
        if (polls == 2000)
            panic("the stack is busy for ever");
    while (link_departed(frame, sizeof frame, &size))
        put_record('F', frame, size, NULL, 0);
}

static void query(void) {
    static char text[8192];
    const struct net_counters *n = network_counters();
    struct tcp_usage usage = network_tcp_usage();
    int at = 0;
#define LINE(name, value)                                                                          \
    at += snprintf(text + at, sizeof text - (size_t)at, "%s %llu\n", name,                         \
                   (unsigned long long)(value))
#define COUNTER(name) LINE(#name, n->name)
    COUNTER(ethernet_received), COUNTER(ethernet_sent), COUNTER(ethernet_malformed);
    COUNTER(ethernet_not_ours), COUNTER(ethernet_unknown_type), COUNTER(ethernet_busy);
    COUNTER(arp_malformed), COUNTER(arp_conflicts), COUNTER(arp_unresolved), COUNTER(arp_learned);
    COUNTER(ipv4_received), COUNTER(ipv4_malformed), COUNTER(ipv4_bad_checksum);
    COUNTER(ipv4_fragments), COUNTER(ipv4_not_ours), COUNTER(ipv4_unknown_protocol);
    COUNTER(ipv4_unroutable), COUNTER(icmp_malformed), COUNTER(icmp_echoes);
    COUNTER(icmp_ignored), COUNTER(udp_malformed), COUNTER(udp_bad_checksum);
    COUNTER(udp_no_port), COUNTER(dhcp_malformed), COUNTER(dhcp_ignored), COUNTER(dhcp_sent);
    COUNTER(tcp_malformed), COUNTER(tcp_bad_checksum), COUNTER(tcp_resets_sent);
    COUNTER(tcp_challenges), COUNTER(tcp_accepted), COUNTER(tcp_no_room), COUNTER(tcp_spared);
    COUNTER(tcp_backlog_full), COUNTER(tcp_retransmissions), COUNTER(tcp_fast_retransmissions);
    COUNTER(tcp_duplicates), COUNTER(tcp_out_of_order), COUNTER(tcp_timed_out);
    COUNTER(tcp_probes);
    LINE("connections", usage.connections);
    LINE("pending", usage.pending);
    LINE("waiting", usage.waiting);
    LINE("heap_blocks", blocks);
    LINE("deadline", transport_deadline());
    LINE("now", now);
    put_record('Q', text, (size_t)at, NULL, 0);
}

static uint32_t number_at(const uint8_t *payload, size_t index) {
    uint32_t number;
    memcpy(&number, payload + 4 * index, sizeof number);
    return number;
}

static void handle(char tag, uint8_t *payload, size_t size) {
    static const struct stream_events events = {opened,   received, finished,
                                                writable, closed,   spare};
    struct user *user =
        size >= 4 && number_at(payload, 0) < user_count ? &users[number_at(payload, 0)] : NULL;
    bool alive = user && user->stream;
    struct siphash_key key;
    uint64_t time;
    switch (tag) {
    case 'S':
        words = strndup((const char *)payload, size);
        link_seed((uint32_t)command_line_number("seed", 0, UINT32_MAX, 1));
        put_number('B', !setjmp(refused) && transport_start(&events));
        break;
    case 'T':
        memcpy(&time, payload, sizeof time);
        pass_time(time);
        break;
    case 'F':
        link_arrive(payload, size);
        break;
    case 'w':
        put_number('n', alive ? (uint32_t)stream_write(user->stream, payload + 4, size - 4) : 0);
        break;
    case 'c':
        if (alive)
            stream_close(user->stream);
        break;
    case 'a':
        if (alive)
            stream_abort(user->stream);
        break;
    case 'r':
        if (alive)
            stream_resume(user->stream);
        break;
    case 'z':
        if (alive)
            stream_rest(user->stream);
        break;
    case 's':
        spared = user;
        break;
    case 'm':
        if (number_at(payload, 0) == EVERY_STREAM) {
            default_echo = number_at(payload, 1);
            default_appetite = number_at(payload, 2);
        } else if (user) {
            user->echo = number_at(payload, 1);
            user->appetite = number_at(payload, 2);
        }
        break;
    case 'f':
        link_faults = (struct link_faults){number_at(payload, 0), number_at(payload, 1),
                                           number_at(payload, 2), number_at(payload, 3)};
        link_seed(number_at(payload, 4));
        break;
    case 'b':
        link_busy = number_at(payload, 0);
        break;
    case 'u':
        link_is_up = number_at(payload, 0);
        break;
    case 'h':
        heap_failures = number_at(payload, 0);
        break;
    case 'k':
        key = (struct siphash_key){number_at(payload, 0) | (uint64_t)number_at(payload, 1) << 32,
                                   number_at(payload, 2) | (uint64_t)number_at(payload, 3) << 32};
        time = siphash(&key, payload + 16, size - 16);
        put_record('K', &time, sizeof time, NULL, 0);
        break;
    case 'q':
        query();
        break;
    default:
        panic("unknown request %c", tag);
    }
}

int main(void) {
    static uint8_t payload[1 << 20];
    uint32_t size;
    int tag;
    while ((tag = fgetc(stdin)) != EOF) {
        if (fread(&size, sizeof size, 1, stdin) != 1 || size > sizeof payload ||
            fread(payload, 1, size, stdin) != size)
            return 2;
        handle((char)tag, payload, size);
        put_record('E', NULL, 0, NULL, 0);
        fflush(stdout);
    }
    return 0;
}

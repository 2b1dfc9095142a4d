/* Reliable byte streams from clients: the seam between HTTP and what carries it. Implemented by
 * net/transport.c over the kernel's own TCP, and by platform/linux/transport.c over the host's
 * sockets. The upper layer registers its callbacks once; streams never call it re-entrantly from
 * inside stream_write, stream_close or stream_abort. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream; /* one accepted connection; owned by the transport */

struct stream_events {
    /* A connection was accepted. Returns the upper layer's context for it, or null to refuse
     * (the stream is then aborted). */
    void *(*opened)(struct stream *stream);
    /* Bytes wait. Returns how many were consumed; the rest stay in the transport's buffer (and
     * close the peer's window) and are offered again when more arrive or after stream_resume. */
    size_t (*received)(void *context, const uint8_t *bytes, size_t count);
    /* The peer will send no more (FIN), and all it sent has been consumed. Sending is still
     * allowed. */
    void (*finished)(void *context);
    /* Space for sending became free after a short stream_write. */
    void (*writable)(void *context);
    /* The stream is gone (closed both ways, reset or timed out); it must not be used after. */
    void (*closed)(void *context);
    /* Which stream the upper layer could do without, or null: asked while all LIMIT_CONNECTIONS are
     * taken and a client waits for a place. Changes nothing; if the place is taken, the stream is
     * reset and `closed` follows. */
    struct stream *(*spare)(void);
};

/* Listens on the port of the command line (`port=`, default 8080 hosted and 80 on a PC) and brings
 * up the address (`ip=`, else DHCP). Returns false, having logged why, if no device or socket
 * works. */
bool transport_start(const struct stream_events *events);

/* Moves packets and runs timers and callbacks; returns true if anything happened. Never blocks. */
bool transport_poll(void);

/* When the next timer is due, in clock_nanoseconds() units; UINT64_MAX if none. */
uint64_t transport_deadline(void);

/* Queues bytes for sending; returns how many were taken (less than count when buffers are full:
 * `writable` follows). */
size_t stream_write(struct stream *stream, const void *bytes, size_t count);

/* Free space that stream_write would take now, in bytes. */
size_t stream_writable(const struct stream *stream);

/* Whether nothing is under way: the peer has acknowledged all that was written, and nothing that it
 * sent waits. */
bool stream_settled(const struct stream *stream);

/* Sends what is queued, then FIN. `closed` follows. */
void stream_close(struct stream *stream);

/* Resets the connection now. `closed` follows at the next transport_poll. */
void stream_abort(struct stream *stream);

/* Offers unconsumed bytes again at the next transport_poll. */
void stream_resume(struct stream *stream);

/* No request is being read or answered: gives the stream's buffers back, if nothing is under way.
 * They come again with the peer's next bytes; until then nothing is to be written. */
void stream_rest(struct stream *stream);

/* The peer as text, "a.b.c.d:port", for the log. Valid as long as the stream. */
const char *stream_peer(const struct stream *stream);

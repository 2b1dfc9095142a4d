/* Who asks, and how much each was served: the fair order of clients. Each has a counter of rows
 * computed for it, and who has the least goes first; one that comes back, or is new, begins with
 * the least of those that are there, so that nobody saves up a claim (Sheng et al., "Fairness in
 * Serving Large Language Models", 2024, algorithm 2: the virtual token counter). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct client {
    struct client *next;
    uint64_t name;
    uint64_t served;         /* rows */
    size_t jobs;             /* that it has with the engine; a client without any is forgotten */
    size_t waiting, running; /* of these */
};

/* The client of that name, for one more job; null when there is no memory. */
struct client *clients_join(uint64_t name);

/* One of its jobs is gone. */
void clients_leave(struct client *client);

/* How many of the client's jobs wait; 0 for a stranger. */
size_t clients_waiting(uint64_t name);

/* The client with the most jobs that run, if that is more than one; else null. */
struct client *clients_greediest(void);

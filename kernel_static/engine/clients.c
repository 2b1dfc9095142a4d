/* A list: there are never more clients than jobs. */
#include "clients.h"

#include "heap.h"

static struct client *clients;
static uint64_t least_served; /* where those who come begin, while nobody is there */

static struct client *find(uint64_t name) {
    struct client *client = clients;
    while (client && client->name != name)
        client = client->next;
    return client;
}

struct client *clients_join(uint64_t name) {
    struct client *client = find(name);
    if (!client) {
        client = heap_allocate(sizeof *client);
        if (!client)
            return NULL;
        uint64_t least = clients ? UINT64_MAX : least_served;
        for (const struct client *other = clients; other; other = other->next)
            least = other->served < least ? other->served : least;
        *client = (struct client){.next = clients, .name = name, .served = least};
        clients = client;
    }
    client->jobs++;
    return client;
}

void clients_leave(struct client *client) {
    if (--client->jobs)
        return;
    struct client **link = &clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    least_served = client->served;
    heap_release(client);
}

size_t clients_waiting(uint64_t name) {
    const struct client *client = find(name);
    return client ? client->waiting : 0;
}

struct client *clients_greediest(void) {
    struct client *most = NULL;
    for (struct client *client = clients; client; client = client->next)
        if (client->running > (most ? most->running : 1))
            most = client;
    return most;
}

/* Takes time in proportion to what is looked at, also where all values are equal. */
#include "candidates_choice.h"

bool candidate_before(const struct candidate_order *order, struct candidate a, struct candidate b) {
    float x = a.value, y = b.value;
    if (order->near) {
        x = -__builtin_fabsf(x - order->center);
        y = -__builtin_fabsf(y - order->center);
    }
    return x > y || (x == y && a.token < b.token);
}

static void swap(struct candidate *a, struct candidate *b) {
    struct candidate moved = *a;
    *a = *b;
    *b = moved;
}

/* Moves the middle one of first, middle and last to the last place. */
static void choose_pivot(const struct candidate_order *order, struct candidate *items,
                         size_t count) {
    struct candidate *first = items, *middle = items + count / 2, *last = items + count - 1;
    if (candidate_before(order, *middle, *first))
        swap(middle, first);
    if (candidate_before(order, *last, *middle))
        swap(last, middle);
    if (candidate_before(order, *middle, *first))
        swap(middle, first);
    swap(middle, last);
}

void choose_first(struct choice *choice, const struct candidate_order *order, size_t count,
                  size_t most, float enough) {
    size_t end = choice->count + count;
    while (choice->count < end && choice->count < most &&
           (!choice->count || choice->mass < enough)) {
        struct candidate *items = choice->items + choice->count;
        size_t left = end - choice->count, above = 0;
        float mass = 0;
        choose_pivot(order, items, left);
        for (size_t i = 0; i + 1 < left; i++)
            if (candidate_before(order, items[i], items[left - 1])) {
                mass += items[i].weight;
                swap(&items[above++], &items[i]);
            }
        swap(&items[above], &items[left - 1]);
        if (above && (choice->count + above >= most || choice->mass + mass >= enough)) {
            end = choice->count + above;
        } else {
            choice->mass += mass + items[above].weight;
            choice->count += above + 1;
        }
    }
}

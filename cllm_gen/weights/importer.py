"""A GGUF file to a model spec: hyper-parameters from the metadata, types from the tensors, and the
forward pass of the file's family, as Python formatted with black."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cllm_gen.spec.model import QUANTISATIONS
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.tokenizer_import import IMPORTS, chat_template_source, tokenizer_spec_source

BLACK_COLUMNS = 100


@dataclass(frozen=True)
class Family:
    """What the importer knows about an architecture: the spec's constants and forward pass, and
    the tensors that pass reads. `constants` are (name, expression) with {holes} for metadata."""

    description: str
    blocks: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    layer: str
    layer_tensors: tuple[str, ...]


FAMILIES = {
    "llama": Family(
        description="a llama-family decoder",
        blocks=("gated_mlp", "grouped_query_attention", "normalised"),
        constants=(
            ("HEADS", "{heads}"),
            ("KV_HEADS", "{kv_heads}"),
            ("HIDDEN", "{hidden}"),
            ("EPSILON", "{epsilon!r}"),
            ("ROTATION", "Rope(width={head}, base={base!r})"),
        ),
        layer="""
        y = normalised(block, x, "attn_norm.weight", EPSILON)
        x = x + grouped_query_attention(block, y, HEADS, KV_HEADS, ROTATION)
        y = normalised(block, x, "ffn_norm.weight", EPSILON)
        x = x + gated_mlp(block, y, HIDDEN)
""",
        layer_tensors=(
            "attn_norm",
            "attn_q",
            "attn_k",
            "attn_v",
            "attn_output",
            "ffn_norm",
            "ffn_gate",
            "ffn_up",
            "ffn_down",
        ),
    ),
}


def import_gguf(root: Path, path: Path, name: str | None = None) -> str:
    """Writes specs/models/NAME.py and returns that path. Raises ModelFileError, and then writes
    nothing."""
    file = GgufFile(path)
    name = name or _name(file)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ModelFileError(
            f"{path.name}: {name!r} cannot name a spec; give --name with a-z, 0-9 and _"
        )
    text = spec_source(file, name)
    target = root / "specs" / "models" / f"{name}.py"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target.relative_to(root).as_posix()


def spec_source(file: GgufFile, name: str) -> str:
    """The spec's text."""
    import black

    architecture = _field(file, "general.architecture", str)
    family = FAMILIES.get(architecture)
    if family is None:
        raise ModelFileError(
            f"{file.path.name}: family {architecture!r}; known are {', '.join(sorted(FAMILIES))}"
        )
    facts = _facts(file, architecture)
    tied = _check_tensors(file, family, facts["layers"])
    return black.format_str(
        _compose(file, family, facts, tied, name), mode=black.Mode(line_length=BLACK_COLUMNS)
    )


def _compose(file: GgufFile, family: Family, facts: dict[str, Any], tied: bool, name: str) -> str:
    title = _plain(re.sub(r"[.-](I?Q\d\w*|F16|F32|BF16)$", "", file.path.stem, flags=re.IGNORECASE))
    organization, licence = (
        _plain(file.metadata.get(f"general.{key}", "")) for key in ("organization", "license")
    )
    origin = " ".join(
        filter(None, (organization and f"by {organization}", licence and f"({licence})"))
    )
    head = "table" if tied else 'model.weight("output.weight", model.vocabulary, model.width)'
    logits = (
        "logits from the embedding table itself (tied)" if tied else "logits from a head of its own"
    )
    package = _package(file.path)
    constants = "\n".join(f"{key} = {text.format(**facts)}" for key, text in family.constants)
    chat_template = file.metadata.get("tokenizer.chat_template", "")
    if not isinstance(chat_template, str):
        raise ModelFileError(
            f"{file.path.name}: metadata field tokenizer.chat_template is not a string"
        )
    return f'''"""{title} {origin}{':' if origin else 'is'} {family.description}.

Token embedding, {facts["layers"]} layers of grouped-query attention and gated MLP over a residual stream, a final
norm, and {logits}. Imported from the file's metadata.
"""

from cllm_gen.spec.model import Gguf, Model
from cllm_gen.spec.tensor import Forward, Rope, linear, rms_norm
{IMPORTS.splitlines()[0]}
{IMPORTS.splitlines()[1]}
from specs.models.blocks import {", ".join(family.blocks)}

{constants}


def forward(model, rows):
    """The pass over one step's rows."""
    table = model.weight("token_embd.weight", model.vocabulary, model.width)
    x = rows.embed(table)
    for layer in rows.layers(model.layers):
        block = model.block(layer)
        {family.layer.strip()}
    hidden = rms_norm(x, model.weight("output_norm.weight", model.width), EPSILON)
    return Forward(hidden=hidden, logits=linear({head}, rows.asked(hidden)))


CHAT_TEMPLATE = {chat_template_source(chat_template)}

model = Model(
    name="{name}",
    title="{title}",
    width={facts["width"]},
    layers={facts["layers"]},
    vocabulary={facts["vocabulary"]},
    context={facts["context"]},
    weights=Gguf(
        file={json.dumps(file.path.name)},
        {f'package="{package}",' if package else ""}
        sha256="{hashlib.sha256(file.data).hexdigest()}",
    ),
    types={json.dumps(types(file))},
    {_tokenizer(file)}
    chat_template=CHAT_TEMPLATE,
    forward=forward,
)
'''


def _facts(file: GgufFile, architecture: str) -> dict[str, Any]:
    """Hyper-parameters by the names that FAMILIES uses."""
    get = lambda key, kind: _field(file, f"{architecture}.{key}", kind)  # noqa: E731
    heads = get("attention.head_count", int)
    facts = {
        "layers": get("block_count", int),
        "width": get("embedding_length", int),
        "context": get("context_length", int),
        "hidden": get("feed_forward_length", int),
        "heads": heads,
        "epsilon": float(f"{get('attention.layer_norm_rms_epsilon', float):.7g}"),
    }
    optional = file.metadata.get
    facts["kv_heads"] = optional(f"{architecture}.attention.head_count_kv", heads)
    facts["base"] = optional(f"{architecture}.rope.freq_base", 10000.0)
    facts["head"] = optional(
        f"{architecture}.attention.key_length", facts["width"] // max(heads, 1)
    )
    turned = optional(f"{architecture}.rope.dimension_count", facts["head"])
    for key, value in facts.items():
        kinds = (int, float) if key in ("epsilon", "base") else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < 2**31:
            raise ModelFileError(
                f"{file.path.name}: {architecture}: {key} is {value!r}, not a positive number"
            )
    if turned != facts["head"]:
        raise ModelFileError(
            f"{file.path.name}: rotary positions turn {turned} of {facts['head']} values of a head; "
            "only whole heads are known"
        )
    if heads % facts["kv_heads"]:
        raise ModelFileError(
            f"{file.path.name}: {heads} heads cannot share {facts['kv_heads']} KV heads equally"
        )
    table = file.tensors.get("token_embd.weight")
    if table is None or len(table.shape) != 2:
        raise ModelFileError(f"{file.path.name}: no matrix token_embd.weight")
    return {**facts, "vocabulary": table.shape[0]}


def _check_tensors(file: GgufFile, family: Family, layers: int) -> bool:
    """Compares the tensors with those that the family's pass reads; true if the head is tied."""
    wanted = {"token_embd.weight", "output_norm.weight"}
    if layers > len(file.tensors):
        raise ModelFileError(
            f"{file.path.name}: {layers} layers, but only {len(file.tensors)} tensors"
        )
    wanted |= {f"blk.{i}.{part}.weight" for i in range(layers) for part in family.layer_tensors}
    missing, others = sorted(wanted - set(file.tensors)), sorted(
        set(file.tensors) - wanted - {"output.weight"}
    )
    if missing:
        raise ModelFileError(f"{file.path.name}: no tensor {missing[0]!r} ({len(missing)} missing)")
    if others:
        raise ModelFileError(
            f"{file.path.name}: tensor {others[0]!r}, which the pass of {family.description} does not read "
            f"({len(others)} such)"
        )
    for tensor in file.tensors.values():
        if tensor.type not in QUANTISATIONS or (tensor.type == "f32") != (len(tensor.shape) == 1):
            raise ModelFileError(
                f"{file.path.name}: tensor {tensor.name!r} is {tensor.type} of shape {tensor.shape}; known are "
                f"vectors of f32 and matrices of {', '.join(q for q in QUANTISATIONS if q != 'f32')}"
            )
    return "output.weight" not in file.tensors


def types(file: GgufFile) -> dict[str, str]:
    """Patterns for the spec's `types`: exceptions first, the commonest matrix type last."""
    matrices = {t.name: t.type for t in file.tensors.values() if len(t.shape) == 2}
    common = Counter(matrices.values()).most_common(1)[0][0]
    found = {"*_norm.weight": "f32"}
    parts: dict[str, dict[str, str]] = {}
    for name, kind in matrices.items():
        parts.setdefault(re.sub(r"^blk\.\d+\.", "blk.*.", name), {})[name] = kind
    for pattern, members in parts.items():
        kinds = set(members.values())
        if kinds == {common}:
            continue
        found |= (
            {pattern: kinds.pop()}
            if len(kinds) == 1
            else {n: k for n, k in members.items() if k != common}
        )
    return {**found, "*.weight": common}


def _field(file: GgufFile, key: str, kind: type) -> Any:
    value = file.metadata.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        found = "is missing" if value is None else f"is {str(value)[:60]!r}"
        raise ModelFileError(
            f"{file.path.name}: metadata field {key} {found}; a {kind.__name__} is expected"
        )
    return value


def _tokenizer(file: GgufFile) -> str:
    try:
        return tokenizer_spec_source(file)
    except ModelFileError as error:
        prefix = "" if str(error).startswith(file.path.name) else f"{file.path.name}: "
        raise ModelFileError(f"{prefix}{error}") from None
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            f"{file.path.name}: the tokenizer's metadata contradicts itself: {error}"
        ) from None


def _plain(value: Any) -> str:
    """Text that is safe inside quotes of Python and C."""
    return re.sub(r"[^A-Za-z0-9 ._+-]+", " ", value).strip() if isinstance(value, str) else ""


def _name(file: GgufFile) -> str:
    """From basename and size label, else from the file's own name."""
    base, size = file.metadata.get("general.basename"), file.metadata.get("general.size_label")
    text = f"{base} {size}" if isinstance(base, str) and isinstance(size, str) else file.path.stem
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _package(path: Path) -> str | None:
    """The installed distribution that ships the file."""
    wanted = path.resolve()
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            if file.name == path.name and Path(distribution.locate_file(file)).resolve() == wanted:
                return distribution.metadata["Name"]
    return None

"""A GGUF file to a model spec: hyper-parameters from the metadata, types from the tensors, and the
forward pass of the file's family, as Python formatted with black."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from cllm_gen.spec.weight import QUANTISATIONS
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.families import FAMILIES, ROPE_FACTORS, Family, facts_of, metadata_field
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.locate import is_piece
from cllm_gen.weights.tokenizer_import import IMPORTS, chat_template_source, tokenizer_spec_source

BLACK_COLUMNS = 100


PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}Assistant: "
    "{% elif message['role'] == 'user' %}User: "
    "{% endif %}"
    "{{ message['content'] + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For files without a chat template: a base model that goes on with a dialogue."""


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

    architecture = metadata_field(file, "general.architecture", str)
    family = FAMILIES.get(architecture)
    if family is None:
        raise ModelFileError(
            f"{file.path.name}: family {architecture!r}; known are {', '.join(sorted(FAMILIES))}"
        )
    facts = facts_of(file, architecture)
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
    constants = "\n".join(f"{key} = {text.format(**facts)}" for key, text in family.constants)
    chat_template = file.metadata.get("tokenizer.chat_template", "")
    if not isinstance(chat_template, str):
        raise ModelFileError(
            f"{file.path.name}: metadata field tokenizer.chat_template is not a string"
        )
    tokenizer = _tokenizer(file)
    if not chat_template:
        begins = "{{ bos_token }}" * ("add_beginning=True" in tokenizer)
        chat_template = begins + PLAIN_TEMPLATE
        template_note = "# The file has no template: this one is for a base model, which was not taught to chat.\n"
    else:
        template_note = ""
    operations = sorted({"Forward", "Rope", "linear", "rms_norm", *family.operations})
    imports = IMPORTS.splitlines()[: 2 if "pretokenizers." in tokenizer else 1]
    return f'''"""{title} {origin}{':' if origin else 'is'} {family.description}.

Token embedding, {facts["layers"]} layers of grouped-query attention and gated MLP over a residual stream, a final
norm, and {logits}. Imported from the file's metadata.
"""

from cllm_gen.spec.model import Gguf, Model
from cllm_gen.spec.tensor import {", ".join(operations)}
{chr(10).join(imports)}
from specs.models.blocks import {", ".join(family.blocks)}

{constants}


def forward(model, rows):
    """The pass over one step's rows."""
    table = model.weight("token_embd.weight", model.vocabulary, model.width)
    x = {family.embedding}
    for layer in rows.layers(model.layers):
        block = model.block(layer)
        {family.layer.strip()}
    hidden = rms_norm(x, model.weight("output_norm.weight", model.width), EPSILON)
    return Forward(hidden=hidden, logits=linear({head}, rows.asked(hidden)))


{template_note}CHAT_TEMPLATE = {chat_template_source(chat_template)}

model = Model(
    name="{name}",
    title="{title}",
    width={facts["width"]},
    layers={facts["layers"]},
    vocabulary={facts["vocabulary"]},
    context={facts["context"]},
    weights=Gguf(
        file={json.dumps(file.path.name)},
        {_origin(file.path)}
        sha256="{hashlib.sha256(file.data).hexdigest()}",
    ),
    types={json.dumps(types(file))},
    {tokenizer}
    chat_template=CHAT_TEMPLATE,
    forward=forward,
)
'''


def _check_tensors(file: GgufFile, family: Family, layers: int) -> bool:
    """Compares the tensors with those that the family's pass reads; true if the head is tied."""
    wanted = {"token_embd.weight", "output_norm.weight"}
    if layers > len(file.tensors):
        raise ModelFileError(
            f"{file.path.name}: {layers} layers, but only {len(file.tensors)} tensors"
        )
    wanted |= {f"blk.{i}.{part}" for i in range(layers) for part in family.tensors}
    missing, others = sorted(wanted - set(file.tensors)), sorted(
        set(file.tensors) - wanted - {"output.weight", ROPE_FACTORS}
    )
    if missing:
        raise ModelFileError(f"{file.path.name}: no tensor {missing[0]!r} ({len(missing)} missing)")
    if others:
        raise ModelFileError(
            f"{file.path.name}: tensor {others[0]!r}, which the pass of {family.description} does not read "
            f"({len(others)} such)"
        )
    for tensor in file.tensors.values():
        if tensor.type not in (QUANTISATIONS if len(tensor.shape) == 2 else ("f32",)):
            raise ModelFileError(
                f"{file.path.name}: tensor {tensor.name!r} is {tensor.type} of shape {tensor.shape}; known are "
                f"vectors of f32 and matrices of {', '.join(QUANTISATIONS)}"
            )
    return "output.weight" not in file.tensors


def types(file: GgufFile) -> dict[str, str]:
    """Patterns for the spec's `types`: exceptions first, the commonest matrix type last."""
    matrices = {t.name: t.type for t in file.tensors.values() if len(t.shape) == 2}
    common = Counter(matrices.values()).most_common(1)[0][0]
    found = {"*_norm.weight": "f32"}
    if any(name.endswith(".bias") for name in file.tensors):
        found["*.bias"] = "f32"
    parts: dict[str, dict[str, str]] = {}
    for name, kind in matrices.items():
        parts.setdefault(re.sub(r"^blk\.\d+\.", "blk.*.", name), {})[name] = kind
    for pattern, members in parts.items():
        usual = Counter(members.values()).most_common(1)[0][0]
        found |= {name: kind for name, kind in members.items() if kind != usual}
        if usual != common or len(set(members.values())) > 1:
            found[pattern] = usual
    return {**found, "*.weight": common}


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


def _origin(path: Path) -> str:
    """What the spec says of the packages that ship the file, whole or in pieces."""
    wanted, pieces = path.resolve(), {}
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            place = Path(str(distribution.locate_file(file)))
            if file.name == path.name and place.resolve() == wanted:
                return f'package="{distribution.metadata["Name"]}",'
            if is_piece(file.name, path.name) and place.is_file():
                pieces[file.name] = (distribution.metadata["Name"], place.stat().st_size)
    parts = [pieces[name] for name in sorted(pieces)]
    if parts and sum(size for _, size in parts) == path.stat().st_size:
        return f"parts={tuple(name for name, _ in parts)!r},".replace("'", '"')
    return ""

"""What the appliance is and does, as llama.cpp's server tells it (tools/server/README.md there)."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Field,
    Integer,
    Literal,
    Number,
    Object,
    String,
)
from specs.api.completion import generation_settings

default_settings = Object(
    "default_settings",
    "What POST /completion does where nothing is said.",
    Field("params", generation_settings, "Its fields; a seed of -1 is another one each time."),
    Field("n_ctx", Integer(), "Tokens that prompt and answer may have together."),
)

modalities = Object(
    "modalities",
    "What the model understands besides text.",
    Field("vision", Literal(False), "No images."),
    Field("video", Literal(False), "No moving ones."),
    Field("audio", Literal(False), "No sound."),
)

template_caps = Object(
    "template_caps",
    "What conversations may hold.",
    Field("supports_string_content", Literal(True), "Texts."),
    Field("supports_typed_content", Literal(False), "Parts reach the template as one text."),
    Field("supports_tools", Literal(False), "Tools are not called."),
    Field("supports_tool_calls", Literal(False), "Tools are not called."),
    Field("supports_parallel_tool_calls", Literal(False), "Tools are not called."),
    Field("supports_object_arguments", Literal(False), "Tools are not called."),
    Field("supports_preserve_reasoning", Literal(False), "The model does not reason apart."),
    Field("supports_reasoning_effort", Literal(False), "The model does not reason apart."),
)

properties = Object(
    "properties",
    "What is served.",
    Field("default_generation_settings", default_settings, "Defaults."),
    Field("total_slots", Integer(), "Texts that share each pass through the model."),
    Field("model_alias", String(), "The model's name."),
    Field("model_path", String(), "The file that its weights were packed from."),
    Field("modalities", modalities, "What it understands besides text."),
    Field("chat_template", String(), "Jinja, as the model came with it."),
    Field("chat_template_caps", template_caps, "What conversations may hold."),
    Field("bos_token", String(), "Begins a text; empty if the model has no such token."),
    Field("eos_token", String(), "Ends an answer."),
    Field("build_info", String(), "Weights, kernels and image, as `system_fingerprint` has them."),
    Field("endpoint_slots", Literal(True), "GET /slots is served."),
    Field("endpoint_props", Literal(False), "Nothing can be set."),
    Field("endpoint_metrics", Literal(True), "GET /metrics is served."),
    Field("is_sleeping", Literal(False), "The model stays in memory."),
    Field("ui", Literal(False), "There are no pages for people."),
    Field("cors_proxy_enabled", Literal(False), "Other servers are not asked."),
)

slot_params = Object(
    "slot_params",
    "How the slot draws, as it was asked for.",
    Field("seed", Integer(), "The seed that was taken."),
    Field("temperature", Number(), "See POST /completion, as for all of these."),
    Field("dynatemp_range", Number(), "See there."),
    Field("dynatemp_exponent", Number(), "See there."),
    Field("top_k", Integer(), "0: all."),
    Field("top_p", Number(), "See there."),
    Field("min_p", Number(), "See there."),
    Field("top_n_sigma", Number(), "See there."),
    Field("xtc_probability", Number(), "See there."),
    Field("xtc_threshold", Number(), "See there."),
    Field("typical_p", Number(), "See there."),
    Field("min_keep", Integer(), "See there."),
    Field("repeat_last_n", Integer(), "-1: all."),
    Field("repeat_penalty", Number(), "See there."),
    Field("presence_penalty", Number(), "See there."),
    Field("frequency_penalty", Number(), "See there."),
    Field("dry_multiplier", Number(), "See there."),
    Field("dry_base", Number(), "See there."),
    Field("dry_allowed_length", Integer(), "See there."),
    Field("dry_penalty_last_n", Integer(), "-1: all."),
    Field("mirostat", Integer(), "See there."),
    Field("mirostat_tau", Number(), "See there."),
    Field("mirostat_eta", Number(), "See there."),
    Field("n_probs", Integer(), "Likeliest tokens that are told for each."),
    Field("post_sampling_probs", Boolean(), "See there."),
)

next_token = Object(
    "next_token",
    "How far the answer is.",
    Field("has_next_token", Boolean(), "More follows."),
    Field("n_remain", Integer(), "Tokens that it may still have."),
    Field("n_decoded", Integer(), "Tokens that it has."),
)

slot = Object(
    "slot",
    "A place in the batch.",
    Field("id", Integer(), "Its number, from 0."),
    Field("id_task", Integer(), "The job in it, counted from 1; -1: none."),
    Field("n_ctx", Integer(), "Tokens that prompt and answer may have together."),
    Field("speculative", Boolean(), "Tokens are guessed and verified together."),
    Field("is_processing", Boolean(), "There is a job in it."),
    Field("n_prompt_tokens", Integer(), "Tokens of its prompt."),
    Field(
        "n_prompt_tokens_processed", Integer(), "Of prompt and answer, computed or from the cache."
    ),
    Field("params", slot_params, "How it draws, if there is a job.", required=False),
    Field(
        "next_token",
        Array(next_token),
        "How far it is, if there is a job: one element, as llama.cpp has it.",
        required=False,
    ),
)

api = Api(
    "state",
    "What is served, and what it does.",
    Route(
        "GET /props",
        "Tells what is served.",
        handler="handle_get_properties",
        response=properties,
        aliases=["/v1/props"],
    ),
    Route(
        "GET /slots",
        "Tells what the model works on.",
        handler="handle_list_slots",
        response=Array(slot),
        aliases=["/v1/slots"],
    ),
)

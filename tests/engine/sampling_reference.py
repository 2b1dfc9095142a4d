"""What the rules of a chain mean, in float64 and written for clarity.

Candidates are a dictionary from token to logit. Rules that choose by likelihood take ties in the order
of tokens. Sources: Keskar et al. 2019 (repetition), OpenAI's API reference (presence, frequency), Tang
et al. 2024 (top-n-sigma), Meister et al. 2022 (typical), Holtzman et al. 2019 (top-p), Nguyen et al.
2024 (min-p), Basu et al. 2021 (mirostat); DRY, XTC and the range of temperatures as their authors
describe them (text-generation-webui 5677 and 6335; llama.cpp's temp-ext)."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

Candidates = dict[int, float]
DEFAULT = ("penalties dry top_n_sigma top_k typical_p top_p min_p xtc temperature").split()


def ranked(candidates: Candidates) -> list[int]:
    return sorted(candidates, key=lambda token: (-candidates[token], token))


def probabilities(candidates: Candidates) -> dict[int, float]:
    top = max(candidates.values())
    weights = {token: math.exp(value - top) for token, value in candidates.items()}
    mass = math.fsum(weights.values())
    return {token: weight / mass for token, weight in weights.items()}


def entropy(candidates: Candidates) -> float:
    return -math.fsum(p * math.log(p) for p in probabilities(candidates).values() if p)


def keep(candidates: Candidates, tokens: Sequence[int]) -> Candidates:
    return {token: candidates[token] for token in tokens}


def until(candidates: Candidates, order: Sequence[int], part: float, least: int) -> Candidates:
    """The first of an order that have a part of the mass."""
    p, sum_ = probabilities(candidates), 0.0
    kept: list[int] = []
    for token in order:
        if kept and sum_ >= part and len(kept) >= least:
            break
        kept.append(token)
        sum_ += p[token]
    return keep(candidates, kept)


def penalties(candidates: Candidates, rules: dict[str, Any], tokens: Sequence[int]) -> Candidates:
    last = rules.get("repeat_last_n", 0)
    occurrences = Counter(tokens[-last:] if last else ())
    factor = rules.get("repeat_penalty", 1.0)
    changed = dict(candidates)
    for token in occurrences.keys() & candidates.keys():
        value = changed[token]
        value = value / factor if value > 0 else value * factor
        value -= rules.get("frequency_penalty", 0.0) * occurrences[token]
        changed[token] = value - rules.get("presence_penalty", 0.0)
    return changed


def breaker_length(words: Sequence[bytes], breaker: bytes) -> int | None:
    """With how many words more the breaker ends that begins in the first word, if one does."""
    if breaker in words[0]:
        return 0
    lengths = []
    for start in range(len(words[0])):
        text, more = words[0][start:], 0
        while len(text) < len(breaker) and more + 1 < len(words):
            more += 1
            text += words[more]
        if text.startswith(breaker):
            lengths.append(more)
    return max(lengths, default=None)


def dry(
    candidates: Candidates, rules: dict[str, Any], tokens: Sequence[int], words: Sequence[bytes]
) -> Candidates:
    last, allowed = rules.get("dry_last_n", 0), rules.get("dry_allowed_length", 0)
    multiplier, base = rules.get("dry_multiplier", 0.0), rules.get("dry_base", 0.0)
    breakers = rules.get("breakers", ())
    window = list(tokens[-last:] if last else ())
    if not multiplier or base < 1 or not window:
        return candidates
    limit, texts = len(window), [words[token] for token in window]
    for back in range(len(window)):
        lengths = [breaker_length(texts[len(window) - 1 - back :], each) for each in breakers]
        if any(each is not None for each in lengths):
            limit = back - max(each for each in lengths if each is not None)
            break
    if limit < allowed or len(window) <= allowed:
        return candidates
    longest: dict[int, int] = {}
    for place in range(1, len(window)):  # the token there followed on what may be repeated
        length = 0
        while length < place and window[place - 1 - length] == window[-1 - length]:
            length += 1
        length = min(length, limit)
        if length >= allowed:
            longest[window[place]] = max(length, longest.get(window[place], 0))
    changed = dict(candidates)
    for token, length in longest.items():
        if token in changed and not any(breaker in words[token] for breaker in breakers):
            changed[token] -= multiplier * base ** (length - allowed)
    return changed


def top_n_sigma(candidates: Candidates, rules: dict[str, Any]) -> Candidates:
    values = list(candidates.values())
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    least = max(values) - rules["top_n_sigma"] * deviation
    return {token: value for token, value in candidates.items() if value >= least}


def typical_p(candidates: Candidates, rules: dict[str, Any]) -> Candidates:
    p, expected = probabilities(candidates), entropy(candidates)
    order = sorted(candidates, key=lambda token: (abs(-math.log(p[token]) - expected), token))
    return until(candidates, order, rules["typical_p"], rules.get("min_keep", 0))


def min_p(candidates: Candidates, rules: dict[str, Any]) -> Candidates:
    least, order = rules.get("min_keep", 0), ranked(candidates)
    bound = candidates[order[0]] + math.log(rules["min_p"])
    return keep(candidates, [t for i, t in enumerate(order) if i < least or candidates[t] >= bound])


def xtc(candidates: Candidates, rules: dict[str, Any]) -> Candidates:
    """As if the die had fallen so."""
    p, order = probabilities(candidates), ranked(candidates)
    likely = [token for token in order if p[token] >= rules["xtc_threshold"]]
    kept = order[max(0, len(likely) - 1) :]
    return keep(candidates, kept) if len(kept) >= rules.get("min_keep", 0) else candidates


def temperature(candidates: Candidates, rules: dict[str, Any]) -> Candidates:
    value, spread = rules.get("temperature", 1.0), rules.get("dynatemp_range", 0.0)
    if spread > 0 and len(candidates) > 1:
        share = entropy(candidates) / math.log(len(candidates))
        low = max(0.0, value - spread)
        value = low + (value + spread - low) * share ** rules.get("dynatemp_exponent", 1.0)
    if value <= 0:
        return keep(candidates, ranked(candidates)[:1])
    return {token: logit / value for token, logit in candidates.items()}


def chain(
    logits: Sequence[float],
    rules: dict[str, Any],
    tokens: Sequence[int] = (0,),
    words: Sequence[bytes] = (),
) -> Candidates:
    """What a chain leaves of a row."""
    candidates = {token: float(logit) for token, logit in enumerate(logits)}
    for rule in rules.get("chain", DEFAULT):
        if rule == "penalties":
            candidates = penalties(candidates, rules, tokens)
        elif rule == "dry":
            candidates = dry(candidates, rules, tokens, words)
        elif rule == "top_n_sigma" and rules.get(rule, 0) > 0:
            candidates = top_n_sigma(candidates, rules)
        elif rule == "top_k" and rules.get(rule, 0) > 0:
            candidates = keep(candidates, ranked(candidates)[: rules["top_k"]])
        elif rule == "typical_p" and 0 < rules.get(rule, 0) < 1:
            candidates = typical_p(candidates, rules)
        elif rule == "top_p" and rules.get(rule, 1) < 1:
            least = rules.get("min_keep", 0)
            candidates = until(candidates, ranked(candidates), rules["top_p"], least)
        elif rule == "min_p" and rules.get(rule, 0) > 0:
            candidates = min_p(candidates, rules)
        elif rule == "xtc" and rules.get("xtc_probability", 0) > 0:
            candidates = xtc(candidates, rules)
        elif rule == "temperature":
            candidates = temperature(candidates, rules)
    return candidates


def mirostat(candidates: Candidates, version: int, mu: float, vocabulary: int) -> Candidates:
    """What is drawn from when surprise is bounded by mu bits."""
    order, p = ranked(candidates), probabilities(candidates)
    if version == 2:
        kept = [token for token in order if -math.log2(p[token]) <= mu]
        return keep(candidates, kept or order[:1])
    measured = order[:100]
    t = [math.log((i + 2) / (i + 1)) for i in range(len(measured) - 1)]
    b = [math.log(p[x] / p[y]) for x, y in itertools.pairwise(measured)]
    s = math.fsum(x * y for x, y in zip(t, b)) / math.fsum(x * x for x in t)
    e = s - 1
    k = (e * 2**mu / (1 - vocabulary**-e)) ** (1 / s)
    return keep(candidates, order[: max(1, int(k))])

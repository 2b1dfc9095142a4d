"""Variables of a chat template: jinja2's scopes, and one C variable of one kind for each name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from cllm_gen.lower.chat.kind import Kind, c_literal, join
from cllm_gen.lower.chat.value import Value

TAKEN = frozenset(
    "auto bool break case char const continue default do double else enum extern false float for goto if "
    "inline int int64_t long null register restrict return run short signed sizeof static struct switch text "
    "true typedef union unsigned void volatile while size_t".split()
)
"""Names that mean something else in the generated function."""


@dataclass
class Scope:
    """The template, or the body of one loop. `own` are the names set in it (also in its ifs, not
    in loops inside); `path` leads to it: names and ids of nodes. `state` says which of them are "set" or only "maybe" set here.
    """

    path: tuple[tuple[str, int], ...]
    own: frozenset[str]
    parent: Scope | None = None
    state: dict[str, str] = field(default_factory=dict)
    block: list = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    loop: dict[str, Any] | None = None

    def chain(self) -> Iterator[Scope]:
        """This scope and all around it."""
        scope: Scope | None = self
        while scope:
            yield scope
            scope = scope.parent


def names_set(body: list[nodes.Node]) -> frozenset[str]:
    """Names that statements set in their own scope; a namespace's attributes count where it is made."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            found.add(node.target.name)
            found |= {f"{node.target.name}.{name}" for name in _namespace(node)}
        elif isinstance(node, nodes.If):
            found |= names_set([*node.body, *node.elif_, *node.else_])
    return frozenset(found)


def _namespace(node: nodes.Assign) -> list[str]:
    """The names that `{% set it = namespace(name=...) %}` gives."""
    call = node.node
    if not isinstance(call, nodes.Call) or not isinstance(call.node, nodes.Name):
        return []
    return [pair.key for pair in call.kwargs] if call.node.name == "namespace" else []


class Facts:
    """What one pass over the template learns for the next: kinds, reads, and who needs a start
    value. Passes repeat until nothing new is learnt."""

    def __init__(self) -> None:
        self.kinds: dict[tuple, Kind] = {}
        self.read: set[tuple] = set()
        self.used: set[tuple] = set()
        """What the pass before read."""
        self.started: set[tuple] = set()

    def snapshot(self) -> tuple:
        return (dict(self.kinds), set(self.read), set(self.started))

    def hold(self, key: tuple, kind: Kind) -> None:
        """The variable also holds a value of this kind; raises Mixed."""
        self.kinds[key] = join(self.kinds.get(key), kind)


def c_name(scope: Scope, name: str) -> str:
    """The C name of a scope's variable: its own, with its loop's in front if that is taken."""
    plain = name.replace(".", "_")
    outer = [
        s
        for s in scope.chain()
        if s is not scope and (name in s.own or (s.loop and s.loop["target"] == name))
    ]
    clash = plain in TAKEN or outer or (scope.loop and plain == scope.loop["index"])
    return f"{scope.path[-1][0]}_{plain}" if clash else plain


def read(facts: Facts, scope: Scope, name: str, otherwise) -> Value:
    """The value of a variable that may be set in `scope` or around it; `otherwise()` gives the
    global of that name."""
    for each in scope.chain():
        if each.loop and each.loop["target"] == name:
            facts.read.add((each.path, name))
            return Value(facts.kinds[(each.path, name)], each.loop["c"])
        state = each.state.get(name) if name in each.own else None
        if not state:
            continue
        key = (each.path, name)
        if state == "maybe":
            outer = read(facts, each.parent, name, otherwise) if each.parent else otherwise()
            facts.started.add(key)
            facts.hold(key, outer.kind)
        return variable(facts, each, name)
    return otherwise()


def variable(facts: Facts, scope: Scope, name: str) -> Value:
    """The variable itself, or the constant that it always is."""
    kind = facts.kinds[(scope.path, name)]
    if kind.known:
        constants = {"text": lambda: c_literal(kind.constant), "int": lambda: str(kind.constant)}
        spelled = constants.get(kind.name, lambda: "true" if kind.constant else "false")()
        return Value(kind, spelled)
    facts.read.add((scope.path, name))
    return Value(kind, c_name(scope, name))


def merged(states: list[dict[str, str]]) -> dict[str, str]:
    """The state after branches that came with these states."""
    names = {name for state in states for name in state}
    return {
        name: "set" if all(state.get(name) == "set" for state in states) else "maybe"
        for name in sorted(names)
    }

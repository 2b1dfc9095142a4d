"""Statements of a chat template to C: one pass over jinja2's tree, keeping track of what every
variable can hold and leaving out branches that can never be taken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from jinja2 import nodes

from cllm_gen.lower.chat.expression import Expressions
from cllm_gen.lower.chat.kind import BOOL, INT, MESSAGE, MESSAGES, UNDEFINED, Kind, Mixed, c_literal
from cllm_gen.lower.chat.scope import TAKEN, Facts, Scope, c_name, merged, names_set, read
from cllm_gen.lower.chat.value import OR, Unsupported, Value, known, present, refuse
from cllm_gen.source import Span, SpecError

STATEMENTS = "{{ ... }}, for over messages (with else, break, continue), if, elif, else, set"
_ORIGINS = {"template": "CHAT_TEMPLATE", "message": "CHAT_MESSAGE"}
_CHOICES = (nodes.CondExpr, nodes.And, nodes.Or)
_KEEPING = ("default", "d", "string")  # filters that leave a text as it is


class Compiler(Expressions):
    """One pass: statements become nested lists of dicts that the template prints."""

    def __init__(self, model, facts: Facts, places: dict[int, tuple[Span, str]]):
        self.model, self.facts, self.places = model, facts, places
        self.scope: Scope = Scope((), frozenset())
        self.block: list[dict[str, Any]] = []
        self.ended = False
        self.span, self.tag = model.span, ""

    def template(self, tree: nodes.Template) -> list[dict[str, Any]]:
        self.scope = Scope((("chat", id(tree)),), names_set(tree.body), block=self.block)
        self.body(tree.body)
        self.start_values(self.scope)
        return self.block

    # Emission

    def line(self, text: str) -> None:
        self.block.append({"line": text})

    def cite(self) -> None:
        """Names the spec line of what follows, unless the line before did."""
        comment = f"/* {self.span.cite()} */"
        if not self.block or all(each.get("cited") != comment for each in self.block[-4:]):
            self.block.append({"line": comment, "cited": comment})

    def write(self, to: str, text: str, origin: str, constant: str | None = None) -> None:
        """Appends one run of bytes to the output (`to` empty) or to a text."""
        last = self.block[-1] if self.block else {}
        if constant is not None and last.get("constant") is not None and last["to"] == to:
            self.block.pop()
            constant = last["constant"] + constant
            text = c_literal(constant)
        if constant == "":
            return
        call = f"chat_add(run, &{to}, " if to else "chat_write(run, "
        self.block.append(
            {"line": f"{call}{text}, {_ORIGINS[origin]});", "to": to, "constant": constant}
        )

    def branch(self, arms: list[tuple[str, Any]], otherwise: Any) -> None:
        """An if chain; each arm is a condition and a function that emits its body."""
        outer, before, after = self.block, dict(self.scope.state), []
        made: list[dict[str, Any]] = []
        for test, emit in [*arms, (None, otherwise)]:
            self.block, self.ended, self.scope.state = [], False, dict(before)
            if emit:
                emit()
            made.append({"test": test, "body": self.block})
            if not self.ended:
                after.append(self.scope.state)
        self.block, self.ended = outer, not after
        self.scope.state = merged(after) if after else before
        if not made[-1]["body"]:
            made.pop()
        if any(arm["body"] for arm in made):
            self.block.append({"arms": made})

    # Names

    def lookup(self, name: str) -> Value:
        return read(self.facts, self.scope, name, lambda: self.global_value(name))

    def global_value(self, name: str) -> Value:
        tokenizer = self.model.tokenizer
        if name == "messages":
            return Value(MESSAGES, "run->messages")
        if name == "add_generation_prompt":
            return Value(BOOL, "run->add_generation_prompt")
        if name in ("bos_token", "eos_token"):
            return known(tokenizer.beginning_text if name == "bos_token" else tokenizer.end_text)
        if name in ("loop", "range", "dict", "lipsum", "cycler", "joiner", "namespace"):
            refuse("expression", f"the name {name!r} here")
        return Value(UNDEFINED)

    @property
    def namespaces(self) -> frozenset[str]:
        return frozenset(name for scope in self.scope.chain() for name in scope.own if "." in name)

    def in_range(self, messages: Value) -> bool:
        return any(scope.loop and scope.loop["list"] == messages.c for scope in self.scope.chain())

    def loop_attribute(self, name: str) -> Value:
        loop = next((scope.loop for scope in self.scope.chain() if scope.loop), None)
        if loop is None:
            refuse("expression", "`loop` outside a for")
        index, count = loop["index"], f"{loop['list']}.count"
        values = {
            "index0": Value(INT, index, positive=True),
            "index": Value(INT, f"{index} + 1", 3, positive=True),
            "first": Value(BOOL, f"{index} == 0", 5),
            "last": Value(BOOL, f"{index} + 1 == {count}", 5),
            "length": Value(INT, count, positive=True),
            "revindex": Value(INT, f"{count} - {index}", 3, positive=True),
            "revindex0": Value(INT, f"{count} - {index} - 1", 3, positive=True),
        }
        return values[name] if name in values else refuse("attribute", f"loop.{name}")

    # Statements

    def body(self, body: list[nodes.Node]) -> None:
        for node in body:
            if self.ended:
                return
            outer = self.span, self.tag
            try:
                self.place(node)
                method = getattr(self, "emit_" + type(node).__name__.lower(), None)
                if method is None:
                    raise Unsupported(f"the statement {type(node).__name__}", STATEMENTS)
                method(node)
            except (Unsupported, Mixed) as why:
                found = why.found if isinstance(why, Unsupported) else f"a variable that is {why}"
                expected = (
                    why.expected
                    if isinstance(why, Unsupported)
                    else "one kind of value for each variable"
                )
                raise SpecError(
                    self.span,
                    f"in the chat template's line {node.lineno}, {self.tag}: {found}",
                    expected,
                    "{% for message in messages %}{{ message['content'] }}{% endfor %}",
                ) from None
            self.span, self.tag = outer

    def place(self, node: nodes.Node) -> None:
        self.span, self.tag = self.places.get(id(node), (self.span, self.tag))

    def emit_output(self, node: nodes.Output) -> None:
        for each in node.nodes:
            if self.ended:
                return
            if isinstance(each, nodes.TemplateData):
                self.write("", c_literal(each.data), "template", each.data)
                continue
            self.place(each)
            self.cite()
            if (
                isinstance(each, nodes.Call)
                and isinstance(each.node, nodes.Name)
                and each.node.name == "raise_exception"
            ):
                self.line(f"chat_fail(run, {self.reason(each)});")
                self.line("return;")
                self.ended = True
            else:
                self.text(each, "")

    def reason(self, node: nodes.Call) -> str:
        """The message of raise_exception; what varies in it shows as "..."."""

        def parts(each: nodes.Node) -> str:
            if isinstance(each, nodes.Add):
                return parts(each.left) + parts(each.right)
            if isinstance(each, nodes.Concat):
                return "".join(map(parts, each.nodes))
            return str(each.value) if isinstance(each, nodes.Const) else "..."

        if len(node.args) != 1 or node.kwargs:
            refuse("call", "raise_exception without one message")
        return c_literal(parts(node.args[0])).removeprefix("CHAT_LITERAL(")[:-1]

    def text(self, node: nodes.Node, to: str, strict: bool = False) -> None:
        """Appends an expression's text to the output or to the text `to`. With `strict`, only
        texts are allowed, as operands of `+` are."""
        value = self.value(node)
        if value.kind.known:
            text = "" if value.kind == UNDEFINED else str(value.kind.constant)
            self.write(to, c_literal(text), "template", text)
        elif isinstance(node, nodes.Concat) and value.kind.name == "text":
            for each in node.nodes:
                self.text(each, to)
        elif isinstance(node, nodes.Add) and value.kind.name == "text":
            for each in (node.left, node.right):
                self.text(each, to, strict=True)
        elif not value.c and isinstance(node, _CHOICES):
            self.choose(node, lambda taken: self.text(taken, to, strict))
        elif not value.c and isinstance(node, nodes.Filter) and node.node and node.name in _KEEPING:
            missing = node.name != "string" and self.value(node.node).kind == UNDEFINED
            self.text(node.args[0] if missing else node.node, to, strict)
        else:
            self.append(value, to, strict)

    def choose(
        self, node: nodes.CondExpr | nodes.And | nodes.Or, emit: Callable[[nodes.Node], None]
    ) -> None:
        """Emits whichever operand of a choice is its value."""
        if isinstance(node, nodes.CondExpr):
            assert node.expr2 is not None, "value_condexpr refuses it"
            test, one, other = node.test, node.expr1, node.expr2
        elif isinstance(node, nodes.Or):
            test, one, other = node.left, node.left, node.right
        else:
            test, one, other = node.left, node.right, node.left
        value = self.condition(test)
        if value.kind.known:
            emit(one if value.kind.constant else other)
        else:
            self.branch([(value.c, lambda: emit(one))], lambda: emit(other))

    def append(self, value: Value, to: str, strict: bool) -> None:
        kind = value.kind
        if kind.pieces and value.c:
            whole = present(value, strict)
            self.line(
                f"chat_add_all(run, &{to}, {whole});" if to else f"chat_write_all(run, {whole});"
            )
        elif kind.name == "text" and value.c:
            self.write(to, value.c, kind.origin)
        elif kind.name == "int":
            self.write(to, f"chat_decimal(run, {value.c})", "template")
        elif kind.name == "bool":
            self.write(
                to, f'{value.at(OR)} ? CHAT_LITERAL("True") : CHAT_LITERAL("False")', "template"
            )
        else:
            refuse("expression", f"a {kind.name} where a text is needed")

    def emit_if(self, node: nodes.If) -> None:
        arms, otherwise = [], (lambda: self.body(node.else_)) if node.else_ else None
        first = (self.span, self.tag)
        for arm in [node, *node.elif_]:
            self.place(arm)
            test = self.condition(arm.test)
            emit = partial(self.body, arm.body)
            if not test.kind.known:
                arms.append((test.c, emit))
            elif test.kind.constant:
                otherwise = emit
                break
        self.span, self.tag = first
        if arms:
            self.cite()
            self.branch(arms, otherwise)
        elif otherwise:
            otherwise()

    def emit_for(self, node: nodes.For) -> None:
        if not isinstance(node.target, nodes.Name) or node.test is not None or node.recursive:
            raise Unsupported(
                "a for with a filter, `recursive` or several targets",
                "{% for message in messages %}",
            )
        messages = self.value(node.iter)
        if messages.kind.name != "messages":
            if messages.kind == UNDEFINED:
                return self.body(node.else_)
            raise Unsupported(
                f"a for over a {messages.kind.name}", "a for over messages, or a slice of them"
            )
        self.cite()
        target, outer = node.target.name, self.block
        before: list[dict[str, Any]] = []
        held = messages.c
        if "(" in held or isinstance(node.iter, nodes.Getattr):  # made once, and kept
            held = f"{target}_list"
            before.append({"line": f"struct chat_messages {held} = {messages.c};"})
        # jinja2 takes the else branch unless some round ran to its end.
        cut = node.else_ and any(node.find_all((nodes.Break, nodes.Continue)))
        if cut:
            before.append({"line": f"bool {target}_finished = false;"})
        path = (*self.scope.path, (target, id(node)))
        self.facts.kinds[(path, target)] = MESSAGE
        name = target if target not in TAKEN else f"{target}_value"
        loop = {"target": target, "c": name, "index": f"{target}_index", "list": held}
        around = self.scope
        inner = Scope(path, names_set(node.body), around, loop=loop)
        self.scope, self.block = inner, inner.block
        self.body(node.body)
        if cut and not self.ended:
            self.line(f"{target}_finished = true;")
        self.start_values(inner)
        if (path, target) in self.facts.used:
            inner.block.insert(
                0, {"line": f"const struct chat_message *{name} = &{held}.first[{loop['index']}];"}
            )
        index = loop["index"]
        head = f"for (int64_t {index} = 0; {index} < {held}.count; {index}++)"
        self.block = [*before, {"head": head, "body": inner.block}] if before else outer
        self.scope, self.ended = around, False
        if not before:
            self.block.append({"head": head, "body": inner.block})
        if node.else_:
            test = f"!{target}_finished" if cut else f"{held}.count == 0"
            self.branch([(test, lambda: self.body(node.else_))], None)
        if before:
            outer.append({"bare": self.block})
            self.block = outer

    def emit_break(self, _: nodes.Node) -> None:
        self.line("break;")
        self.ended = True

    def emit_continue(self, _: nodes.Node) -> None:
        self.line("continue;")
        self.ended = True

    # Variables

    def emit_assign(self, node: nodes.Assign) -> None:
        if isinstance(node.target, nodes.NSRef):
            name = f"{node.target.name}.{node.target.attr}"
            scope = next((s for s in self.scope.chain() if name in s.own), None)
            if scope is None:
                raise Unsupported(
                    f"{name}, which namespace() was not given",
                    "{% set ns = namespace(name=value) %}",
                )
            return self.assign(scope, name, node.node)
        if not isinstance(node.target, nodes.Name):
            raise Unsupported("a set of several names", "{% set name = value %}")
        name, call = node.target.name, node.node
        if (
            isinstance(call, nodes.Call)
            and isinstance(call.node, nodes.Name)
            and call.node.name == "namespace"
        ):
            if call.args:
                raise Unsupported(
                    "namespace() with a mapping", "{% set ns = namespace(name=value) %}"
                )
            for pair in call.kwargs:
                self.assign(self.scope, f"{name}.{pair.key}", pair.value)
            return None
        return self.assign(self.scope, name, node.node)

    def assign(self, scope: Scope, name: str, node: nodes.Node) -> None:
        value = self.value(node)
        if (
            value.kind.name == "text"
            and not value.c
            and not value.kind.known
            and value.kind.origin != "mixed"
        ):
            value = Value(Kind("text", origin="mixed", absent=value.kind.absent))
        key = (scope.path, name)
        self.facts.hold(key, value.kind)
        kind = self.facts.kinds[key]
        if not kind.known:
            self.cite()
            self.store(scope, name, kind, node, value)
        scope.state[name] = "set"

    def store(self, scope: Scope, name: str, kind: Kind, node: nodes.Node, value: Value) -> None:
        """Emits the assignment, as a declaration if it is the variable's first and always runs."""
        c = c_name(scope, name)
        here = (
            self.block is scope.block
            and name not in scope.declared
            and (scope.path, name) not in self.facts.started
        )
        if here:
            scope.declared.add(name)
        place = f"{kind.c_type}{c}" if here else c
        if not value.c and isinstance(node, _CHOICES):
            if here:
                self.line(f"{place};")
            self.choose(node, lambda taken: self.store(scope, name, kind, taken, self.value(taken)))
        elif not kind.pieces:
            self.line(f"{place} = {value.c};")
        elif value.kind.name != "text":
            self.line(f"{place} = {'' if here else '(struct chat_text)'}{{.absent = true}};")
        elif value.kind.pieces and value.c:
            self.line(f"{place} = {value.c};")
        elif value.c:
            self.line(f"{place} = chat_one(run, {value.c}, {_ORIGINS[value.kind.origin]});")
        elif here:
            self.line(f"{place} = {{0}};")
            self.text(node, c)
        else:
            outer, self.block = self.block, [{"line": "struct chat_text joined = {0};"}]
            self.text(node, "joined")
            self.line(f"{c} = joined;")
            outer.append({"bare": self.block})
            self.block = outer
        if here and (scope.path, name) not in self.facts.used:
            self.line(f"(void){c};")

    def start_values(self, scope: Scope) -> None:
        """Declares, first thing in the scope, what was not declared where it is set."""
        outer_block, self.block = self.block, []
        for name in sorted(scope.own):
            key = (scope.path, name)
            kind, c = self.facts.kinds.get(key), c_name(scope, name)
            if kind is None or kind.known or name in scope.declared:
                continue
            start = self._outer(scope, name) if key in self.facts.started else None
            if start is None:
                self.line(f"{kind.c_type}{c};")
            elif not kind.pieces or start.kind.pieces:
                self.line(f"{kind.c_type}{c} = {start.c};")
            elif start.kind.name != "text":
                self.line(f"{kind.c_type}{c} = {{.absent = true}};")
            else:
                self.line(
                    f"{kind.c_type}{c} = chat_one(run, {start.c}, {_ORIGINS[start.kind.origin]});"
                )
            if key not in self.facts.used:
                self.line(f"(void){c};")
        scope.block[:0], self.block = self.block, outer_block

    def _outer(self, scope: Scope, name: str) -> Value:
        if scope.parent is None:
            return self.global_value(name)
        return read(self.facts, scope.parent, name, lambda: self.global_value(name))

"""Expressions of a chat template: their kinds and their C, with Python's meaning."""

from __future__ import annotations

from jinja2 import nodes

from cllm_gen.lower.chat.kind import (
    BOOL,
    INT,
    MESSAGE,
    MESSAGES,
    NONE,
    UNDEFINED,
    Kind,
    Mixed,
    join,
)
from cllm_gen.lower.chat.value import (
    ATOM,
    CHOICE,
    FACTOR,
    OR,
    ORDER,
    SUM,
    UNARY,
    Value,
    both,
    equal,
    flat,
    invert,
    known,
    present,
    printed,
    refuse,
    truth,
    without_constant,
)

FIELDS = ("role", "content")
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_TRIMS = {"strip": "chat_trim", "lstrip": "chat_trim_start", "rstrip": "chat_trim_end"}
_STARTS = {"startswith": "text_starts_with", "endswith": "text_ends_with"}


class Expressions:
    """Values of expressions. The statements' side supplies `lookup` and `enclosing_loop`."""

    def lookup(self, name: str) -> Value:
        raise NotImplementedError

    def loop_attribute(self, name: str) -> Value:
        raise NotImplementedError

    def in_range(self, messages: Value) -> bool:
        """Whether the list is known to hold a message here."""
        raise NotImplementedError

    failing = False
    """Whether something since this was last reset can fail the run."""

    def value(self, node: nodes.Node) -> Value:
        method = getattr(self, "value_" + type(node).__name__.lower(), None)
        if method is None:
            refuse("expression", f"the construct {type(node).__name__}")
        return method(node)

    def condition(self, node: nodes.Node) -> Value:
        """The value's truth; `and` and `or` need no more than that of their operands."""
        if not isinstance(node, (nodes.And, nodes.Or)):
            return truth(self.value(node))
        stops, sign = (True, "||") if isinstance(node, nodes.Or) else (False, "&&")
        failing, self.failing = self.failing, False
        left = self.condition(node.left)
        safe, self.failing = not self.failing, self.failing or failing
        if left.kind.known:
            return left if left.kind.constant is stops else self.condition(node.right)
        right = self.condition(node.right)
        if right.kind.known and right.kind.constant is not stops:
            return left
        return right if right.kind.known and safe else both(left, right, sign)

    def value_const(self, node: nodes.Const) -> Value:
        return known(node.value)

    def value_templatedata(self, node: nodes.TemplateData) -> Value:
        return known(node.data)

    def value_name(self, node: nodes.Name) -> Value:
        return self.lookup(node.name)

    # Operators

    def value_not(self, node: nodes.Not) -> Value:
        return invert(self.condition(node.node))

    def value_and(self, node: nodes.And) -> Value:
        """One of the operands, as in Python."""
        left = self.value(node.left)
        stops = isinstance(node, nodes.Or)
        if left.kind.known:
            return left if bool(left.kind.constant) is stops else self.value(node.right)
        right = self.value(node.right)
        if left.kind.name == right.kind.name == "bool":
            return self.condition(node)
        return self._chosen(left, right)

    value_or = value_and

    def _chosen(self, one: Value, other: Value) -> Value:
        """The kind of a choice between two values, which statements make."""
        try:
            kind = join(without_constant(one.kind), without_constant(other.kind))
        except Mixed as why:
            refuse("expression", f"a choice that is {why}")
        return Value(kind)

    def value_condexpr(self, node: nodes.CondExpr) -> Value:
        test = self.condition(node.test)
        if test.kind.known:
            taken = node.expr1 if test.kind.constant else node.expr2
            return self.value(taken) if taken is not None else Value(UNDEFINED)
        if node.expr2 is None:
            refuse("expression", "`a if b` without else")
        one, other = self.value(node.expr1), self.value(node.expr2)
        made = self._chosen(one, other)
        simple = one.c and other.c and not made.kind.pieces and one.kind.name == other.kind.name
        if simple and not one.kind.pieces and not other.kind.pieces:
            return Value(made.kind, f"{test.at(OR)} ? {one.at(OR)} : {other.at(OR)}", CHOICE)
        return made

    def value_concat(self, node: nodes.Concat) -> Value:
        return self._joined([self.value(each) for each in node.nodes], loose=True)

    def _joined(self, parts: list[Value], loose: bool) -> Value:
        for part in parts:
            if part.kind.name in ("message", "messages") or (
                not loose and part.kind.name != "text"
            ):
                refuse("expression", f"a text put together with a {part.kind.name}")
        if all(part.kind.known for part in parts):
            return known("".join(printed(part.kind) for part in parts))
        return Value(Kind("text", origin="mixed"))

    def value_add(self, node: nodes.Add) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if "text" in (left.kind.name, right.kind.name):
            return self._joined([left, right], loose=False)
        return self._arithmetic(left, right, "+", SUM, lambda a, b: a + b)

    def _arithmetic(self, left: Value, right: Value, sign: str, precedence: int, fold) -> Value:
        if not {left.kind.name, right.kind.name} <= {"int", "bool"}:
            refuse("expression", f"{left.kind.name} {sign} {right.kind.name}")
        if left.kind.known and right.kind.known:
            return known(fold(left.kind.constant, right.kind.constant))
        positive = left.positive and right.positive and sign != "-"
        return Value(
            INT, f"{left.at(precedence)} {sign} {right.at(precedence - 1)}", precedence, positive
        )

    def value_sub(self, node: nodes.Sub) -> Value:
        return self._arithmetic(
            self.value(node.left), self.value(node.right), "-", SUM, lambda a, b: a - b
        )

    def value_mul(self, node: nodes.Mul) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        return self._arithmetic(left, right, "*", FACTOR, lambda a, b: a * b)

    def value_mod(self, node: nodes.Mod) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if right.kind.name != "int" or not right.kind.known or right.kind.constant <= 0:
            refuse("expression", "% by something else than a positive number")
        made = self._arithmetic(left, right, "%", FACTOR, lambda a, b: a % b)
        if left.positive or made.kind.known:
            return made
        return Value(INT, f"({made.c} + {right.c}) % {right.c}", FACTOR, True)  # Python rounds down

    def value_neg(self, node: nodes.Neg) -> Value:
        value = self.value(node.node)
        if value.kind.name != "int":
            refuse("expression", f"minus a {value.kind.name}")
        if value.kind.known:
            return known(-value.kind.constant)
        return Value(INT, f"-{value.at(ATOM)}", UNARY)

    def value_compare(self, node: nodes.Compare) -> Value:
        left, made = node.expr, known(True)
        for operand in node.ops:
            test = self._compared(operand.op, left, operand.expr)
            if made.kind.known and made.kind.constant:
                made = test
            elif not made.kind.known:
                made = both(made, test, "&&")
            left = operand.expr
        return made

    def _compared(self, op: str, left: nodes.Node, right: nodes.Node) -> Value:
        if op in ("in", "notin"):
            found = self._within(self.value(left), right)
            return found if op == "in" else invert(found)
        one, other = self.value(left), self.value(right)
        if op in ("eq", "ne"):
            same = equal(one, other)
            return same if op == "eq" else invert(same)
        if not {one.kind.name, other.kind.name} <= {"int", "bool"}:
            refuse("expression", f"{one.kind.name} {_COMPARISONS[op]} {other.kind.name}")
        if one.kind.known and other.kind.known:
            a, b = one.kind.constant, other.kind.constant
            return known({"lt": a < b, "lteq": a <= b, "gt": a > b, "gteq": a >= b}[op])
        return Value(BOOL, f"{one.at(ORDER - 1)} {_COMPARISONS[op]} {other.at(ORDER - 1)}", ORDER)

    def _within(self, part: Value, whole: nodes.Node) -> Value:
        if isinstance(whole, (nodes.List, nodes.Tuple)):
            made = known(False)
            for item in whole.items:
                test = equal(part, self.value(item))
                if test.kind.known and not test.kind.constant:
                    continue
                if made.kind.known or test.kind.known:
                    made = test if not made.kind.known or not made.kind.constant else made
                else:
                    made = both(made, test, "||")
            return made
        value = self.value(whole)
        if value.kind.name == "message" and part.kind.name == "text" and part.kind.known:
            return known(part.kind.constant in FIELDS)
        if (
            value.kind.name != "text"
            or part.kind.name != "text"
            or value.kind.absent
            or part.kind.absent
        ):
            refuse("expression", f"{part.kind.name} in {value.kind.name}")
        if value.kind.known and part.kind.known:
            return known(part.kind.constant in value.kind.constant)
        return Value(BOOL, f"chat_contains({flat(value)}, {flat(part)})")

    # Attributes, items, calls

    def value_getattr(self, node: nodes.Getattr) -> Value:
        if isinstance(node.node, nodes.Name) and node.node.name == "loop":
            return self.loop_attribute(node.attr)
        if isinstance(node.node, nodes.Name) and f"{node.node.name}.{node.attr}" in self.namespaces:
            return self.lookup(f"{node.node.name}.{node.attr}")
        owner = self.value(node.node)
        if owner.kind.name == "message" and not hasattr(dict, node.attr):
            return self._field(owner, node.attr)
        refuse("attribute", f"attribute {node.attr!r} of a {owner.kind.name}")

    @property
    def namespaces(self) -> frozenset[str]:
        """Attributes of namespaces that are known here, as `name.attribute`."""
        return frozenset()

    def _field(self, owner: Value, name: str) -> Value:
        if name not in FIELDS:
            return Value(UNDEFINED)
        return Value(
            Kind("text", origin="message"), f"{owner.at(ATOM)}->{name}", checked=owner.checked
        )

    def value_getitem(self, node: nodes.Getitem) -> Value:
        call = node.node
        called = call.node if isinstance(call, nodes.Call) else None
        split = isinstance(called, nodes.Getattr) and called.attr == "split"
        if split and isinstance(call, nodes.Call) and isinstance(called, nodes.Getattr):
            return self._split(call, called.node, node.arg)
        owner = self.value(node.node)
        if owner.kind.name == "message":
            key = self.value(node.arg)
            if key.kind.known and isinstance(key.kind.constant, str):
                return self._field(owner, key.kind.constant)
        if owner.kind.name == "messages" and isinstance(node.arg, nodes.Slice):
            return self._slice(owner, node.arg)
        if owner.kind.name == "messages":
            index = self.value(node.arg)
            if index.kind.name == "int":
                return self._element(owner, index)
        refuse("expression", f"a subscript of a {owner.kind.name}")

    def _element(self, owner: Value, index: Value) -> Value:
        if index.kind.known and index.kind.constant == 0 and self.in_range(owner):
            return Value(MESSAGE, f"{owner.at(ATOM)}.first")
        self.failing = True
        return Value(MESSAGE, f"chat_message_at(run, {owner.c}, {index.c})", checked=True)

    def _slice(self, owner: Value, bounds: nodes.Slice) -> Value:
        if bounds.step is not None:
            refuse("expression", "a slice with a step")
        ends = []
        for node, otherwise in ((bounds.start, "0"), (bounds.stop, "CHAT_END")):
            value = self.value(node) if node is not None else Value(INT, otherwise)
            if value.kind.name not in ("int", "none"):
                refuse("expression", f"a slice bound that is a {value.kind.name}")
            ends.append(otherwise if value.kind.name == "none" else value.c)
        return Value(MESSAGES, f"chat_slice({owner.c}, {ends[0]}, {ends[1]})")

    def _split(self, call: nodes.Call, owner: nodes.Node, index: nodes.Node) -> Value:
        text, which = self.value(owner), self.value(index)
        marks = [self.value(each) for each in call.args]
        good = (
            len(marks) == 1
            and not call.kwargs
            and marks[0].kind.name == "text"
            and marks[0].kind.known
        )
        if not good or not marks[0].kind.constant or which.kind.constant not in (0, -1):
            refuse("call", "a use of .split that is not .split(mark)[0] or .split(mark)[-1]")
        if text.kind.known:
            return known(text.kind.constant.split(marks[0].kind.constant)[which.kind.constant])
        function = "chat_before_first" if which.kind.constant == 0 else "chat_after_last"
        return self._derived(text, f"{function}({{}}, {marks[0].c})")

    def _derived(self, text: Value, c: str) -> Value:
        """A run of bytes inside a text that is one run of bytes itself."""
        if text.kind.name != "text" or text.kind.pieces or not text.c:
            refuse("expression", f"this operation on a {text.kind.name} that was put together")
        return Value(Kind("text", origin=text.kind.origin), c.format(text.c), checked=text.checked)

    def _trimmed(self, text: Value, method: str, strict: bool = True) -> Value:
        if text.kind.name != "text":
            refuse("expression", f"a {text.kind.name} trimmed")
        if text.kind.known:
            return known(getattr(text.kind.constant, method)())
        if text.kind.pieces and text.c and method == "strip":
            return Value(
                Kind("text", origin="mixed"), f"chat_trim_all(run, {present(text, strict)})"
            )
        return self._derived(text, f"{_TRIMS[method]}({{}})")

    def value_call(self, node: nodes.Call) -> Value:
        if isinstance(node.node, nodes.Name):
            refuse("call", f"a call of {node.node.name} here")
        if (
            not isinstance(node.node, nodes.Getattr)
            or node.kwargs
            or node.dyn_args
            or node.dyn_kwargs
        ):
            refuse("call", "this call")
        owner, name = self.value(node.node.node), node.node.attr
        arguments = [self.value(each) for each in node.args]
        if owner.kind.name == "message" and name == "get" and arguments and arguments[0].kind.known:
            found = self._field(owner, str(arguments[0].kind.constant))
            otherwise = arguments[1] if len(arguments) > 1 else Value(NONE)
            return otherwise if found.kind == UNDEFINED else found
        if owner.kind.name == "text" and name in _TRIMS and not arguments:
            return self._trimmed(owner, name)
        if (
            owner.kind.name == "text"
            and name in _STARTS
            and len(arguments) == 1
            and not owner.kind.absent
        ):
            if owner.kind.known and arguments[0].kind.known:
                return known(getattr(owner.kind.constant, name)(arguments[0].kind.constant))
            return Value(BOOL, f"{_STARTS[name]}({flat(owner)}, {flat(arguments[0])})")
        refuse("call", f"a call of .{name} of a {owner.kind.name}")

    # Filters and tests

    def value_filter(self, node: nodes.Filter) -> Value:
        if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
            refuse("filter", f"the filter {node.name!r} used so")
        value = self.value(node.node)
        if node.name in ("default", "d") and len(node.args) == 1:
            if value.kind.absent == "undefined":
                refuse("filter", "default of a variable that is only sometimes undefined")
            return self.value(node.args[0]) if value.kind == UNDEFINED else value
        if node.args:
            refuse("filter", f"the filter {node.name!r} with arguments")
        if node.name == "trim":
            return self._trimmed(value, "strip", strict=False)
        if node.name in ("length", "count") and not value.kind.absent:
            if value.kind.name == "text" and value.kind.known:
                return known(len(value.kind.constant))
            if value.kind.name == "messages":
                return Value(INT, f"{value.at(ATOM)}.count", positive=True)
            return Value(INT, f"chat_length({flat(value)})", positive=True)
        if node.name == "string" and value.kind.name == "text" and not value.kind.absent:
            return value
        if node.name in ("first", "last") and value.kind.name == "messages":
            return self._element(value, known(0 if node.name == "first" else -1))
        refuse("filter", f"the filter {node.name!r} on a {value.kind.name}")

    def value_test(self, node: nodes.Test) -> Value:
        if node.name in ("eq", "==", "equalto", "ne", "!=") and len(node.args) == 1:
            return self._compared(
                "ne" if node.name in ("ne", "!=") else "eq", node.node, node.args[0]
            )
        value = self.value(node.node)
        kind, absent = value.kind, value.kind.absent
        if value.checked and node.name in ("defined", "undefined"):
            refuse("test", f"`is {node.name}` of a message that may not be there")
        absence = {"undefined": "undefined", "none": "none", "false": "False"}
        if node.name == "defined":
            return invert(self._is_absent(value, "undefined"))
        if node.name in absence and not (
            node.name == "false" and kind.name == "bool" and not kind.known
        ):
            return self._is_absent(value, absence[node.name])
        if node.name in ("true", "false"):
            if kind.known or kind.name != "bool":
                return known(
                    kind.name == "bool" and kind.known and kind.constant is (node.name == "true")
                )
            return value if node.name == "true" else invert(value)
        if node.name in ("string", "iterable", "sequence") and absent:
            if absent == "undefined" and node.name != "string":
                refuse("test", f"`is {node.name}` of a variable that is only sometimes undefined")
            return Value(BOOL, f"!{value.at(UNARY)}.absent", UNARY)
        names = {
            "string": ("text",),
            "mapping": ("message",),
            "number": ("int", "bool"),
            "boolean": ("bool",),
            "iterable": ("text", "message", "messages", "undefined"),
            "sequence": ("text", "message", "messages", "undefined"),
            "integer": ("int",),
        }
        if node.name not in names or node.args or absent:
            refuse("test", f"the test `is {node.name}` on a {kind.name}")
        return known(kind.name in names[node.name])

    def _is_absent(self, value: Value, what: str) -> Value:
        if value.kind.absent:
            return (
                Value(BOOL, f"{value.at(ATOM)}.absent")
                if value.kind.absent == what
                else known(False)
            )
        if what == "False":
            return known(
                value.kind.name == "bool" and value.kind.known and value.kind.constant is False
            )
        return known(value.kind.name == what)

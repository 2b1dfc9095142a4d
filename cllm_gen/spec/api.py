"""An API: families of routes. A family is one file in specs/api; a surface is the families that an
appliance serves together.

api = Api(
    "tokens",
    "Text to tokens and back.",
    Route("POST /tokenize", "Cut text into tokens.", handler="handle_tokenize",
          request=tokenize_request, response=tokenize_response),
)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cllm_gen.notation.route import EXAMPLE as NOTATION_EXAMPLE
from cllm_gen.notation.route import Pattern, read_route
from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.scalar import Base64, Float, Integer, Literal, literal_span
from cllm_gen.spec.schema import Array, Map, Object, Union

ERRORS = ("openai", "anthropic")
PARAMETERS_MAX = 4  # ROUTE_PARAMETERS_MAX of include/route.h

_EXAMPLE = 'Route("GET /health", "Whether requests are answered.", handler="handle_health", response=health)'


@dataclass(frozen=True)
class Text:
    """An answer that is not JSON: its media type, and what it says."""

    media_type: str
    doc: str


@dataclass(frozen=True)
class Route:
    """One method on one path, and the C function that answers it.

    request         body's schema; none: the route takes no body
    response        schema of a whole answer, an array of objects, or the text that it is
    aliases         other paths at which the same is answered
    stream          schema of one event, if the answer may come as server-sent events; or several, each
                    with a name: the literal that its first field, `type`, is
    stream_end      schema of a stream's last event, where it is another than the others'; then no
                    `[DONE]` follows it
    errors          whose shape errors have: OpenAI's or Anthropic's
    authenticated   whether the exchange must carry the appliance's key, where one is set
    quiet           whether answers are told in the log at debug level only, but for refusals: of what
                    probes ask all the time
    statuses        other statuses than 200 and the errors of every route, with their meaning
    """

    notation: str
    summary: str
    handler: str
    response: Object | Union | Array | Text
    request: Object | None = None
    stream: Object | Sequence[Object] | None = None
    stream_end: Object | None = None
    authenticated: bool = True
    quiet: bool = False
    statuses: Sequence[tuple[int, str]] = ()
    aliases: Sequence[str] = ()
    errors: str = "openai"
    span: Span = field(default_factory=caller_span)
    pattern: Pattern = field(init=False)
    alias_patterns: tuple[Pattern, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.notation, str):
            raise SpecError(
                self.span,
                f"route {self.notation!r}",
                "a method and a path in one string",
                NOTATION_EXAMPLE,
            )
        span = literal_span(self.span, self.notation)
        object.__setattr__(self, "span", span)
        pattern = read_route(self.notation, span)
        object.__setattr__(self, "pattern", pattern)
        names = pattern.parameters
        if len(names) > PARAMETERS_MAX or len(set(names)) != len(names):
            raise SpecError(
                span,
                f"parameters {', '.join(names)} in {self.notation!r}",
                f"at most {PARAMETERS_MAX} parameters, each name once",
                NOTATION_EXAMPLE,
            )
        object.__setattr__(self, "alias_patterns", tuple(self._read_aliases()))
        if not isinstance(self.summary, str) or not self.summary.strip():
            raise SpecError(
                span, f"route {self.notation!r} without a summary", "a sentence", _EXAMPLE
            )
        if not isinstance(self.handler, str) or not re.match(r"handle_[a-z0-9_]+\Z", self.handler):
            raise SpecError(
                span, f"handler {self.handler!r}", "a C function named handle_...", _EXAMPLE
            )
        if self.request is not None and not isinstance(self.request, Object):
            raise SpecError(
                span, f"request={self.request!r} of {self.notation!r}", "an Object", _EXAMPLE
            )
        listed = isinstance(self.response, Array) and isinstance(self.response.item, Object)
        if not listed and not isinstance(self.response, (Object, Union, Text)):
            raise SpecError(
                span,
                f"response={self.response!r} of {self.notation!r}",
                "an Object, an Array of them, a Union or a Text",
                _EXAMPLE,
            )
        for event in self.events:
            if not isinstance(event, Object):
                raise SpecError(
                    span, f"stream={event!r} of {self.notation!r}", "an Object", _EXAMPLE
                )
            if not isinstance(self.stream, Object) and event_name(event) is None:
                raise SpecError(
                    event.span,
                    f"event {event.name!r} without a name, one of several in {self.notation!r}",
                    "a first field `type` that is a Literal",
                    'Field("type", Literal("message_start"), "The event.")',
                )
        if self.stream_end is not None and not (
            isinstance(self.stream_end, Object) and isinstance(self.stream, Object)
        ):
            raise SpecError(
                span,
                f"stream_end={self.stream_end!r} of {self.notation!r}",
                "an Object, beside a `stream` that is one",
                "stream=token, stream_end=answer",
            )
        if self.errors not in ERRORS:
            raise SpecError(
                span,
                f"errors={self.errors!r} of {self.notation!r}",
                "one of " + ", ".join(ERRORS),
                'errors="anthropic"',
            )
        if self.request is not None and pattern.method in ("GET", "DELETE"):
            raise SpecError(
                span,
                f"a request body on {self.notation!r}",
                "POST, PUT or PATCH for a route with a body",
                '"POST /tokenize"',
            )
        _check_readable(self.request, [self.request.name] if self.request else [])

    @property
    def events(self) -> tuple[Object, ...]:
        """What may come in a stream."""
        if self.stream is None:
            return ()
        if not isinstance(self.stream, Object):
            return tuple(self.stream)
        return (self.stream, self.stream_end) if self.stream_end else (self.stream,)

    @property
    def has_named_events(self) -> bool:
        return self.stream is not None and not isinstance(self.stream, Object)

    def _read_aliases(self) -> Iterator[Pattern]:
        """Of paths without a method, with the same parameters in the same order."""
        example = 'Route("GET /v1/models", ..., aliases=["/models"])'
        if isinstance(self.aliases, str):
            raise SpecError(self.span, f"aliases={self.aliases!r}", "a list of paths", example)
        for path in self.aliases:
            if not isinstance(path, str) or not path.startswith("/"):
                raise SpecError(self.span, f"alias {path!r}", "a path without a method", example)
            span = literal_span(self.span, path)
            pattern = read_route(f"{self.pattern.method} {path}", span)
            if pattern.parameters != self.pattern.parameters:
                raise SpecError(
                    span,
                    f"alias {path!r} of {self.notation!r}",
                    f"the same parameters: {', '.join(self.pattern.parameters) or 'none'}",
                    example,
                )
            yield pattern


def event_name(event: Object) -> str | None:
    """The name that an event has by its first field."""
    first = event.fields[0] if event.fields else None
    if first and first.name == "type" and isinstance(first.type, Literal):
        return first.type.value if isinstance(first.type.value, str) else None
    return None


def _check_readable(type, path: list[str]) -> None:
    """Types that can only be written must not stand in a request."""
    if isinstance(type, Object):
        for item in type.fields:
            made = isinstance(item.type, Array) and item.type.made
            narrow = isinstance(item.type, Integer) and item.type.bits != 64
            if made or narrow or isinstance(item.type, (Literal, Float, Base64)):
                raise SpecError(
                    item.span,
                    f"{item.type.__class__.__name__} in request field {'.'.join([*path, item.name])}",
                    "a type that can be read (Enum, Number, String)",
                    'Field("object", Enum("kind", "list"), "...")',
                )
            _check_readable(item.type, [*path, item.name])
    elif isinstance(type, (Array, Map)):
        _check_readable(type.item if isinstance(type, Array) else type.value, path)
    elif isinstance(type, Union):
        for _, each in type.alternatives:
            _check_readable(each, path)


@dataclass(frozen=True)
class Api:
    """One family of routes; its name is the file of kernel_static/api that holds its handlers."""

    name: str
    summary: str
    routes: tuple[Route, ...]
    span: Span

    def __init__(self, name: str, summary: str, *routes: Route):
        span = literal_span(caller_span(), name)
        example = 'Api("tokens", "Text to tokens and back.", Route(...), Route(...))'
        if not isinstance(name, str) or not re.match(r"[a-z][a-z0-9_]*\Z", name):
            raise SpecError(span, f"api name {name!r}", "a lower-case identifier", example)
        if not isinstance(summary, str) or not summary.strip():
            raise SpecError(span, f"api {name!r} without a summary", "a sentence", example)
        for route in routes:
            if not isinstance(route, Route):
                raise SpecError(span, f"{route!r} in api {name!r}", "a Route", example)
        if not routes:
            raise SpecError(span, f"api {name!r} without routes", "one Route or more", example)
        for attribute, value in (
            ("name", name),
            ("summary", summary),
            ("routes", routes),
            ("span", span),
        ):
            object.__setattr__(self, attribute, value)


@dataclass(frozen=True)
class Surface:
    """The families that are served together, in order: a router, its handlers and its pages, which all
    appliances with this surface share. A family may be given as the module that holds it as `api`,
    and a surface stands for its families."""

    name: str
    families: tuple[Api, ...]
    span: Span = field(compare=False)

    def __init__(self, name: str, *families: object, span: Span | None = None):
        span = span or literal_span(caller_span(), name)
        example = 'Surface("openai", health.api, chat.api)'
        if not isinstance(name, str) or not re.match(r"[a-z][a-z0-9_]*\Z", name):
            raise SpecError(span, f"surface name {name!r}", "a lower-case identifier", example)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "families", tuple(_families(families, span)))
        object.__setattr__(self, "span", span)


def _families(given: Sequence[object], span: Span) -> Iterator[Api]:
    for each in given:
        family = getattr(each, "api", each)
        if isinstance(each, Surface):
            yield from each.families
        elif isinstance(family, Api):
            yield family
        else:
            raise SpecError(
                span,
                f"{each!r} in an appliance's api",
                "families from specs/api",
                "api=[health.api, chat.api]",
            )

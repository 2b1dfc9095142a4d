"""An appliance: one api, one model, the devices and wire formats it drives, its memory map, the
instruction sets each target carries, and every limit, named once. One appliance is one image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.api import Surface
from cllm_gen.spec.device import Device
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.protocol import Protocol
from cllm_gen.spec.target import Target

KIB, MIB = 1024, 1024 * 1024
PAGE = 4 * KIB


@dataclass(frozen=True)
class Limits:
    """Every bound on what a client may make the appliance hold. All reach C as `LIMIT_<NAME>`."""

    connections: int = 128
    """TCP connections that may be open at once; one more takes the place of the one idle longest."""
    backlog: int = 64
    """TCP connections whose handshake is unfinished."""
    request_line_bytes: int = 4 * KIB
    """Method, target and version; longer answers 414."""
    header_bytes: int = 16 * KIB
    """All request header fields together; more answers 431."""
    header_fields: int = 64
    """Request header fields; more answers 431."""
    body_bytes: int = 1 * MIB
    """Request body after transfer decoding; more answers 413."""
    request_seconds: int = 30
    """Time from a request's first byte to its last; slower answers 408."""
    idle_seconds: int = 75
    """Keep-alive connections without a request are closed after this."""
    sequences: int = 64
    """Texts that the model works on at once; more wait."""
    pending_requests: int = 128
    """Texts waiting for the model; one more answers 503, and so does one more of a client of which
    more wait than there is room left."""
    parallel_jobs: int = 16
    """Jobs of one request that are with the engine together; the others follow."""
    queue_seconds: int = 120
    """Time that a text may wait for the model; then it is answered 503."""
    heartbeat_seconds: int = 10
    """A stream to which nothing was sent for so long is sent a comment."""
    logit_biases: int = 1024
    """Tokens whose logits a request may change; more answers 400."""
    json_depth: int = 32
    """Nesting of values in a request body."""
    stream_backlog_bytes: int = 256 * KIB
    """Streamed response bytes that a slow client may leave waiting; beyond it the stream ends."""
    own_bytes: int = 24 * KIB
    """Memory that each connection has for its request and its response."""
    shared_bytes: int = 8 * MIB
    """Memory that connections which need more share; what finds none left answers 503."""
    tcp_send_bytes: int = 24 * KIB
    """Send buffer of one TCP connection that is not at rest."""
    tcp_receive_bytes: int = 32 * KIB
    """Receive buffer (largest window) of one TCP connection that is not at rest."""

    def held(self) -> int:
        """Bytes of heap that all clients together can hold, but for what their handlers work with."""
        each = self.own_bytes + self.tcp_send_bytes + self.tcp_receive_bytes
        return self.connections * each + self.shared_bytes

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, int) or value <= 0:
                raise SpecError(
                    caller_span(),
                    f"limit {item.name}={value!r}",
                    "a positive integer",
                    f"Limits({item.name}={item.default})",
                )


def limit_names() -> list[str]:
    """Of all limits, in their order."""
    return [item.name for item in fields(Limits)]


@dataclass(frozen=True)
class MemoryMap:
    """Sizes in bytes of what the image reserves; the rest of RAM becomes the KV cache."""

    heap: int = 24 * MIB
    """The general heap: connections, request arenas, response buffers."""
    stack: int = 256 * KIB
    """Each kernel stack, guard page not counted. Tile kernels keep panels of weights on it."""
    load_address: int = 1 * MIB
    """Physical address at which the Multiboot loader places the image."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, int) or not 0 < value < 4096 * MIB or value % PAGE:
                raise SpecError(
                    caller_span(),
                    f"memory {item.name}={value!r}",
                    f"whole pages of {PAGE} bytes, at least one, below 4 GiB",
                    f"MemoryMap({item.name}={getattr(MemoryMap, item.name) // KIB} * KIB)",
                )


@dataclass(frozen=True)
class Appliance:
    """`targets` maps each target to the instruction sets that its image carries, least capable first.
    `devices` are those that targets without a host drive; of several for the network, the first that
    works is taken."""

    name: str
    summary: str
    api: Surface | Sequence[object]
    """A surface, or the families of one of its own."""
    model: Any
    devices: Sequence[Device]
    protocols: Sequence[Protocol]
    targets: Mapping[Target, Sequence[InstructionSet]]
    default: bool = False
    """This one runs where none is named."""
    keys: Sequence[str] = ()
    """Clients must send one of them; none: everybody may ask. `key=` on the command line takes their
    place. They stand in the image, and in generated/."""
    origins: Sequence[str] = ()
    """Origins whose web pages may ask, such as "http://localhost:3000"; "*" is any. `origin=` on the
    command line takes their place."""
    kv_cache: str = "f16"
    """Type of cached keys and values: f16 or i8."""
    memory: MemoryMap = field(default_factory=MemoryMap)
    limits: Limits = field(default_factory=Limits)
    any_model: bool = True
    """A request may name any model; False: only the one that is served, else 404."""
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise SpecError(
                self.span, f"appliance name {self.name!r}", "a C identifier", 'name="smollm2"'
            )
        held, least = self.limits.held(), self.memory.heap * 3 // 4
        if held > least:
            raise SpecError(
                self.span,
                f"limits that let clients hold {held} bytes of a heap of {self.memory.heap}",
                f"at most three quarters of it, {least} bytes",
                "memory=MemoryMap(heap=24 * MIB)",
            )
        if self.kv_cache not in ("f16", "i8"):
            raise SpecError(self.span, f"kv_cache={self.kv_cache!r}", "f16 or i8", 'kv_cache="f16"')
        self._check_access(
            "key", self.keys, r"[!#-+\--\[\]-~]+\Z", "printable characters but commas"
        )
        self._check_access(
            "origin",
            self.origins,
            r"(\*|null|https?://[^/,\s\"\\]+)\Z",
            '"http://host:port", or "*"',
        )
        self._check_targets()
        self._check_parts("device", Device, self.devices)
        self._check_parts("protocol", Protocol, self.protocols)

    def _check_access(self, noun: str, given: Sequence[str], rule: str, expected: str) -> None:
        wrong = [each for each in given if not isinstance(each, str) or not re.match(rule, each)]
        if isinstance(given, str) or wrong:
            found = f"{noun}s={given!r}" if isinstance(given, str) else f"{noun} {wrong[0]!r}"
            example = 'origins=["http://localhost:3000"]' if noun == "origin" else 'keys=["a-key"]'
            raise SpecError(self.span, found, f"a list of {expected}", example)

    def _check_targets(self) -> None:
        """Every target can hold the sets that it is given."""
        example = "targets={i386: [sse2], x86_64: [sse2, avx2]}"
        if not self.targets or not all(isinstance(each, Target) for each in self.targets):
            found = ", ".join(repr(each) for each in self.targets if not isinstance(each, Target))
            raise SpecError(
                self.span,
                f"targets {found or 'of no kind'}",
                "at least one of specs/targets",
                example,
            )
        for target, sets in self.targets.items():
            holds = [isa.name for isa in target.sets]
            wrong = [isa.name for isa in sets if isa.name not in holds]
            if wrong or not sets:
                raise SpecError(
                    self.span,
                    f"{target.name} with {wrong[0] if wrong else 'no instruction set'}",
                    f"sets that it can hold: {', '.join(holds)}",
                    example,
                )

    def _check_parts(
        self, noun: str, kind: type[Device] | type[Protocol], parts: Sequence[Any]
    ) -> None:
        """Each device, or protocol, once, and all that the targets are written for."""
        names = [each.name if isinstance(each, kind) else repr(each) for each in parts]
        for each, name in zip(parts, names):
            if not isinstance(each, kind) or names.count(name) > 1:
                raise SpecError(
                    self.span,
                    f"{noun} {name}{' twice' if isinstance(each, kind) else ''}",
                    f"each {noun} of specs/{noun}s at most once",
                    f"{noun}s=[{', '.join(dict.fromkeys(names))}]",
                )
        for target in self.targets:
            wanted = [each.name for each in getattr(target, f"{noun}s")]
            missing = [name for name in wanted if name not in names]
            if missing:
                raise SpecError(
                    self.span,
                    f"{noun}s without {missing[0]}",
                    f"all that {target.name} is written for: {', '.join(wanted)}",
                    f"{noun}s=[{', '.join([*names, *missing])}]",
                )
            if kind is Device and target.devices and not self.network_devices:
                raise SpecError(
                    self.span,
                    "devices without one for the network",
                    f"at least one, which {target.name} drives itself",
                    f"devices=[{', '.join(['e1000', *names])}]",
                )

    @property
    def network_devices(self) -> list[Device]:
        """In the order in which their drivers are asked."""
        return [each for each in self.devices if each.is_network]

    def target(self, name: str | None = None) -> Target:
        """By name; without one, the default of its targets or else the first. Raises SpecError."""
        if name is None:
            return next((each for each in self.targets if each.default), next(iter(self.targets)))
        for each in self.targets:
            if each.name == name:
                return each
        raise SpecError(
            self.span,
            f"appliance {self.name} without target {name}",
            f"one of its targets: {', '.join(each.name for each in self.targets)}",
            f"targets={{{name}: [...]}}, with {name} from specs/targets/{name}.py",
        )

    @property
    def surface(self) -> Surface:
        """What it serves; that of a list of families has the appliance's name."""
        if isinstance(self.api, Surface):
            return self.api
        return Surface(self.name, *self.api, span=self.span)

    @property
    def sets(self) -> list[InstructionSet]:
        """Those of all its targets, each once."""
        return list({isa.name: isa for listed in self.targets.values() for isa in listed}.values())

    @property
    def process(self) -> Target:
        """The first target whose image runs as a process of this machine. Raises SpecError."""
        for each in self.targets:
            if each.is_process:
                return each
        raise SpecError(
            self.span,
            f"appliance {self.name} without a target that runs as a process",
            "one, to measure its kernels here",
            "targets={hosted: [...]}",
        )

"""The network stack in a process of its own (harness.c), and the network it is plugged into."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.native import pipe
from tests.net import wire

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
FOR_NEW = 2**32 - 1
ALL = 2**32 - 1
REFUSE = 2**32 - 2
STATIC = "ip=10.0.2.15/24,10.0.2.2 port=80"


@dataclass(frozen=True)
class Event:
    """Something the upper layer was told: O opened, R received, N finished, W writable, X closed."""

    kind: str
    stream: int
    data: bytes = b""


class Kernel:
    """`frames` are those it sent and nobody has looked at yet; ARP requests for hosts in
    `neighbours` are answered at once unless that is turned off."""

    def __init__(self, program: Path, words: str = STATIC, failing_allocations: int = 0):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.stdin = pipe(self.process.stdin)
        self.stdout = pipe(self.process.stdout)
        self.stderr = pipe(self.process.stderr)
        self.frames: list[bytes] = []
        self.events: list[Event] = []
        self.log: list[str] = []
        self.damage = False  # the wire may flip bits: frames with a bad checksum are not for us
        self.neighbours = {wire.HOST: wire.HOST_MAC}
        self.heap_fails(failing_allocations)
        self.started = self._number(self._call("S", words.encode()), "B")
        if self.started:
            self.run()
        self.first_frames = list(self.frames)
        if self.started and words == STATIC:
            self.frames.clear()

    def close(self) -> None:
        """Ends the process; sanitizer reports (leaks included) fail the test."""
        self.stdin.close()
        errors = self.stderr.read().decode(errors="replace")
        assert self.process.wait(20) == 0, errors
        self.stdout.close()
        self.stderr.close()

    def _call(self, tag: str, payload: bytes = b"") -> list[tuple[str, bytes]]:
        try:
            self.stdin.write(tag.encode() + struct.pack("<I", len(payload)) + payload)
            self.stdin.flush()
        except BrokenPipeError:
            pass
        records: list[tuple[str, bytes]] = []
        while True:
            head = self.stdout.read(5)
            if len(head) < 5:
                raise AssertionError(
                    "the stack died:\n" + self.stderr.read().decode(errors="replace")
                )
            body = self.stdout.read(struct.unpack("<I", head[1:])[0])
            kind = chr(head[0])
            if kind == "E":
                return records
            if kind == "F":
                if not self.damage or wire.is_sound(body):
                    self.frames.append(body)
            elif kind == "G":
                self.log.append(body.decode())
            elif kind in "ORNWX":
                self.events.append(Event(kind, struct.unpack("<I", body[:4])[0], body[4:]))
            else:
                records.append((kind, body))

    @staticmethod
    def _number(records: list[tuple[str, bytes]], tag: str) -> int:
        return next(struct.unpack("<I", body)[0] for kind, body in records if kind == tag)

    def _numbers(self, tag: str, *numbers: int) -> None:
        self._call(tag, struct.pack(f"<{len(numbers)}I", *numbers))

    # The wire.

    def send(self, *frames: bytes) -> None:
        """Puts frames on the wire and lets the kernel take them, at this instant."""
        for frame in frames:
            self._call("F", frame)
        self.run()

    def queue(self, *frames: bytes) -> None:
        for frame in frames:
            self._call("F", frame)

    def _questions(self) -> list[tuple[bytes, wire.Arp]]:
        """Frames by which the kernel asks for the address of a neighbour."""
        read = [(frame, wire.read_arp(frame)) for frame in self.frames]
        return [
            (frame, found)
            for frame, found in read
            if found
            and found.operation == 1
            and found.target in self.neighbours
            and found.sender != found.target
        ]

    def run(self, nanoseconds: int = 0) -> None:
        """Lets time pass in one step; answers ARP."""
        self._call("T", struct.pack("<Q", nanoseconds))
        while asked := self._questions():
            for frame, found in asked:
                mac = self.neighbours[found.target]
                self.frames.remove(frame)
                self._call(
                    "F",
                    wire.arp(
                        2,
                        mac,
                        found.target,
                        found.sender_mac,
                        found.sender,
                        destination=found.sender_mac,
                    ),
                )
            self._call("T", struct.pack("<Q", 0))

    def run_for(self, nanoseconds: int, step: int = 50 * MILLISECOND) -> None:
        while nanoseconds > 0:
            self.run(min(step, nanoseconds))
            nanoseconds -= step

    def take(self) -> list[bytes]:
        frames, self.frames = self.frames, []
        return frames

    def segments(self) -> list[wire.Segment]:
        """TCP segments sent since the last look; other frames are thrown away."""
        return [segment for frame in self.take() if (segment := wire.read_tcp(frame))]

    def take_events(self, kinds: str = "ORNWX") -> list[Event]:
        found = [event for event in self.events if event.kind in kinds]
        self.events = [event for event in self.events if event.kind not in kinds]
        return found

    def received(self, stream: int) -> bytes:
        return b"".join(e.data for e in self.take_events("R") if e.stream == stream)

    # The upper layer.

    def write(self, stream: int, data: bytes) -> int:
        return self._number(self._call("w", struct.pack("<I", stream) + data), "n")

    def close_stream(self, stream: int) -> None:
        self._numbers("c", stream)
        self.run()

    def abort_stream(self, stream: int) -> None:
        self._numbers("a", stream)
        self.run()

    def resume_stream(self, stream: int) -> None:
        self._numbers("r", stream)
        self.run()

    def rest_stream(self, stream: int) -> None:
        self._numbers("z", stream)

    def spare(self, stream: int) -> None:
        self._numbers("s", stream)

    def mode(self, stream: int = FOR_NEW, echo: bool = False, appetite: int = ALL) -> None:
        self._numbers("m", stream, int(echo), appetite)

    # Faults.

    def faults(self, drop=0.0, duplicate=0.0, corrupt=0.0, reorder=0.0, seed=1) -> None:
        self.damage = corrupt > 0
        self._numbers("f", *(int(x * 65536) for x in (drop, duplicate, corrupt, reorder)), seed)

    def device_busy(self, count: int) -> None:
        self._numbers("b", count)

    def link(self, up: bool) -> None:
        self._numbers("u", int(up))

    def heap_fails(self, count: int) -> None:
        self._numbers("h", count)

    # What it says of itself.

    def siphash(self, key: bytes, data: bytes) -> int:
        return next(
            int.from_bytes(body, "little")
            for kind, body in self._call("k", key + data)
            if kind == "K"
        )

    def status(self) -> dict[str, int]:
        body = next(body for kind, body in self._call("q") if kind == "Q").decode()
        return {name: int(value) for name, value in (line.split() for line in body.splitlines())}

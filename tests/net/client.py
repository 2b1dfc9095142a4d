"""A TCP peer under a test's full control: every segment is sent by hand."""

from __future__ import annotations

from tests.net import wire
from tests.net.kernel import Kernel


class Client:
    """`next` is our next sequence number, `expected` the kernel's; offsets in `send` and in answers
    are absolute sequence numbers."""

    def __init__(
        self, kernel: Kernel, port: int = 40000, sequence: int = 1000, window: int = 65535
    ):
        self.kernel, self.port, self.next, self.window = kernel, port, sequence, window
        self.expected = 0
        self.start = sequence
        self.stream = -1
        self.iss = 0

    def segment(
        self, flags, data=b"", *, sequence=None, acknowledgment=None, window=None, options=b""
    ) -> bytes:
        return wire.tcp(
            flags,
            self.port,
            self.next if sequence is None else sequence,
            self.expected if acknowledgment is None else acknowledgment,
            self.window if window is None else window,
            data,
            options,
        )

    def answers(self) -> list[wire.Segment]:
        return [each for each in self.kernel.segments() if each.port == self.port]

    def send(self, flags, data=b"", *, advance=True, **more) -> list[wire.Segment]:
        """Sends one segment and returns what came back; our sequence number moves past it."""
        frame = self.segment(flags, data, **more)
        if advance and "sequence" not in more:
            self.next = (self.next + len(data) + ("F" in flags) + ("S" in flags)) % 2**32
        self.kernel.send(frame)
        return self.answers()

    def follow(self, answers: list[wire.Segment]) -> bytes:
        """Takes in-order data and FIN; returns the data."""
        data = b""
        for each in answers:
            if each.sequence == self.expected:
                data += each.data
                self.expected = (self.expected + each.length) % 2**32
        return data

    def syn(self, options: bytes = wire.mss_option(1460)) -> wire.Segment:
        (answer,) = self.send("S", options=options, acknowledgment=0)
        assert answer.has("SA") and answer.acknowledgment == self.next, answer
        self.iss, self.expected = answer.sequence, (answer.sequence + 1) % 2**32
        return answer

    def connect(self, options: bytes = wire.mss_option(1460)) -> Client:
        self.syn(options)
        assert self.send("A") == []
        (event,) = self.kernel.take_events("O")
        assert event.data.decode() == f"{wire.HOST}:{self.port}"
        self.stream = event.stream
        return self

    def events(self, kinds: str = "RNWX") -> list:
        return [e for e in self.kernel.take_events(kinds) if e.stream == self.stream]

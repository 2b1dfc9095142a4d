"""A TCP peer that runs by itself: enough of a client to move bytes over a bad wire."""

from __future__ import annotations

from tests.net import wire
from tests.net.kernel import MILLISECOND, Kernel

TIMEOUT = 300 * MILLISECOND


class Peer:
    """Sends `outgoing`, collects `incoming`; `step` is called once for each pass of time. Keeps what
    comes out of order, acknowledges everything, repeats after three duplicates or a timeout."""

    def __init__(
        self,
        kernel: Kernel,
        port: int,
        outgoing: bytes,
        *,
        sequence=7,
        window=65535,
        mss=1460,
        shift=None,
    ):
        self.kernel, self.port, self.outgoing, self.mss = kernel, port, outgoing, mss
        self.start, self.window, self.shift = sequence, window, shift
        self.sent = self.acknowledged = 0  # octets of outgoing
        self.their_window = 0
        self.their_start: int | None = None
        self.incoming = bytearray()
        self.early: dict[int, bytes] = {}
        self.their_fin: int | None = None
        self.fin_acknowledged = self.reset = self.greeted = False
        self.duplicates, self.clock, self.repeat_at = 0, 0, 0
        self.their_shift = 0

    @property
    def expected(self) -> int:
        assert self.their_start is not None
        return (
            self.their_start
            + len(self.incoming)
            + (self.their_fin is not None and self.their_fin == len(self.incoming))
        )

    @property
    def done(self) -> bool:
        return self.fin_acknowledged and self.their_fin == len(self.incoming)

    def _frame(self, flags, at: int, data=b"", options=b"") -> bytes:
        acknowledgment = 0 if self.their_start is None else self.expected
        return wire.tcp(
            flags, self.port, self.start + at, acknowledgment, self.window, data, options
        )

    def _data(self, at: int) -> bytes:
        data = self.outgoing[at : at + self.mss]
        last = at + len(data) == len(self.outgoing)
        return self._frame("FPA" if last else "A", 1 + at, data)

    def step(self, segments: list[wire.Segment], nanoseconds: int) -> list[bytes]:
        """Takes what arrived, returns the frames to send."""
        self.clock += nanoseconds
        frames = []
        for segment in segments:
            if segment.port == self.port:
                frames += self._take(segment)
        if self.their_start is None:
            if self.clock >= self.repeat_at:
                self.repeat_at = self.clock + TIMEOUT
                options = wire.mss_option(self.mss) + (
                    b"" if self.shift is None else wire.scale_option(self.shift)
                )
                frames.append(self._frame("S", 0, options=options))
            return frames
        if not self.fin_acknowledged and self.clock >= self.repeat_at:
            frames.append(self._data(self.acknowledged))
            self.sent = max(self.sent, min(len(self.outgoing), self.acknowledged + self.mss))
            self.repeat_at = self.clock + TIMEOUT
        room = min(self.their_window, 40 * self.mss)
        while self.sent < len(self.outgoing) and self.sent + self.mss <= self.acknowledged + room:
            frames.append(self._data(self.sent))
            self.sent = min(len(self.outgoing), self.sent + self.mss)
        return frames

    def _take(self, segment: wire.Segment) -> list[bytes]:
        if segment.has("R"):
            self.reset |= not self.done  # a stray copy of our last words may well be reset
            return []
        if segment.has("S"):
            if self.their_start is None:
                self.their_start = segment.sequence + 1
                self.their_window = segment.window
                if 3 in segment.options:
                    self.their_shift = segment.options[3][0]
                self.repeat_at = self.clock + TIMEOUT
            return [self._frame("A", 1 + self.sent)]
        if self.their_start is None:
            return []
        self._acknowledge(segment)
        frames = []
        if self.duplicates == 3:
            frames.append(self._data(self.acknowledged))
        if segment.length:
            self._keep(segment)
            frames.append(self._frame("A", 1 + self.sent + (self.sent == len(self.outgoing))))
        return frames

    def _acknowledge(self, segment: wire.Segment) -> None:
        new = (segment.acknowledgment - self.start - 1) % 2**32
        if new > len(self.outgoing) + 1:
            return  # older than our first octet
        if new > self.acknowledged or (new == len(self.outgoing) + 1 and not self.fin_acknowledged):
            self.fin_acknowledged |= new == len(self.outgoing) + 1
            self.acknowledged = min(new, len(self.outgoing))
            self.sent = max(self.sent, self.acknowledged)
            self.duplicates = 0
            self.repeat_at = self.clock + TIMEOUT
        elif new == self.acknowledged and not segment.length and self.sent > new:
            self.duplicates += 1
        if new >= self.acknowledged:
            self.their_window = segment.window << self.their_shift

    def _keep(self, segment: wire.Segment) -> None:
        assert self.their_start is not None
        at = (segment.sequence - self.their_start) % 2**32
        if at > 2**31:
            return
        if segment.has("F"):
            self.their_fin = at + len(segment.data)
        self.early[at] = max(self.early.get(at, b""), segment.data, key=len)
        while True:
            here = len(self.incoming)
            fitting = [a for a in self.early if a <= here]
            if not fitting:
                return
            for a in fitting:
                data = self.early.pop(a)
                if a + len(data) > here and a <= here == len(self.incoming):
                    self.incoming += data[here - a :]


def run(kernel: Kernel, peers: list[Peer], limit: int, step: int = 5 * MILLISECOND) -> None:
    """Lets time pass until all peers are done; fails after `limit` nanoseconds of it."""
    passed = 0
    while not all(peer.done for peer in peers):
        assert passed < limit, [
            (p.port, p.acknowledged, len(p.incoming), p.their_fin) for p in peers
        ]
        assert not any(peer.reset for peer in peers)
        segments = kernel.segments()
        for peer in peers:
            kernel.queue(*peer.step(segments, step))
        kernel.run(step)
        passed += step

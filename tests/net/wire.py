"""Frames built and read from the RFCs' pictures, without help from generated code."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

KERNEL_MAC = bytes.fromhex("525400123456")
HOST_MAC = bytes.fromhex("525500000202")
BROADCAST_MAC = b"\xff" * 6
KERNEL = "10.0.2.15"
HOST = "10.0.2.2"

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
NAMES = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK}


def ip_bytes(address: str) -> bytes:
    return socket.inet_aton(address)


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload: bytes, kind: int, source=HOST_MAC, destination=KERNEL_MAC) -> bytes:
    return destination + source + struct.pack("!H", kind) + payload


def arp(
    operation: int,
    sender_mac: bytes,
    sender: str,
    target_mac: bytes,
    target: str,
    source: bytes | None = None,
    destination: bytes = BROADCAST_MAC,
) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x800, 6, 4, operation)
    body += sender_mac + ip_bytes(sender) + target_mac + ip_bytes(target)
    return ethernet(body, 0x806, source or sender_mac, destination)


def ipv4(
    payload: bytes,
    protocol: int,
    source=HOST,
    destination=KERNEL,
    *,
    flags=0x4000,
    options=b"",
    source_mac=HOST_MAC,
    destination_mac=KERNEL_MAC,
) -> bytes:
    size = 20 + len(options)
    head = (
        struct.pack(
            "!BBHHHBBH4s4s",
            0x40 | size // 4,
            0,
            size + len(payload),
            1,
            flags,
            64,
            protocol,
            0,
            ip_bytes(source),
            ip_bytes(destination),
        )
        + options
    )
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(head + payload, 0x800, source_mac, destination_mac)


def pseudo_header(source: str, destination: str, protocol: int, size: int) -> bytes:
    return ip_bytes(source) + ip_bytes(destination) + struct.pack("!HH", protocol, size)


def icmp_echo(identifier: int, sequence: int, payload: bytes, kind=8) -> bytes:
    body = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence) + payload
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def udp(
    payload: bytes, source_port: int, port: int, source=HOST, destination=KERNEL, **more
) -> bytes:
    body = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload
    value = checksum(pseudo_header(source, destination, 17, len(body)) + body) or 0xFFFF
    return ipv4(body[:6] + struct.pack("!H", value) + payload, 17, source, destination, **more)


def flags_of(names: str | int) -> int:
    return names if isinstance(names, int) else sum(NAMES[name] for name in names)


def tcp(
    flags,
    port: int,
    sequence: int,
    acknowledgment=0,
    window=65535,
    data=b"",
    options=b"",
    *,
    to_port=80,
    source=HOST,
    destination=KERNEL,
) -> bytes:
    options += b"\0" * (-len(options) % 4)
    body = (
        struct.pack(
            "!HHIIBBHHH",
            port,
            to_port,
            sequence % 2**32,
            acknowledgment % 2**32,
            (20 + len(options)) // 4 << 4,
            flags_of(flags),
            window,
            0,
            0,
        )
        + options
        + data
    )
    value = checksum(pseudo_header(source, destination, 6, len(body)) + body)
    body = body[:16] + struct.pack("!H", value) + body[18:]
    return ipv4(body, 6, source, destination)


def mss_option(mss: int) -> bytes:
    return struct.pack("!BBH", 2, 4, mss)


def scale_option(shift: int) -> bytes:
    return struct.pack("!BBBB", 1, 3, 3, shift)


@dataclass(frozen=True)
class Segment:
    """A TCP segment that the kernel sent; its checksums were verified."""

    source: str
    destination: str
    from_port: int
    port: int
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    options: dict[int, bytes] = field(compare=False)
    data: bytes = field(compare=False)

    def has(self, names: str) -> bool:
        return self.flags & flags_of(names) == flags_of(names)

    @property
    def length(self) -> int:
        return len(self.data) + bool(self.flags & SYN) + bool(self.flags & FIN)

    def __repr__(self) -> str:
        names = "".join(name for name, bit in NAMES.items() if self.flags & bit)
        return f"<{names} seq={self.sequence} ack={self.acknowledgment} win={self.window} len={len(self.data)}>"


def read_options(data: bytes) -> dict[int, bytes]:
    found = {}
    while data and data[0] != 0:
        if data[0] == 1:
            data = data[1:]
            continue
        found[data[0]] = data[2 : data[1]]
        data = data[data[1] :]
    return found


@dataclass(frozen=True)
class Packet:
    """An IPv4 packet that the kernel sent."""

    source: str
    destination: str
    protocol: int
    payload: bytes


def read_ipv4(frame: bytes) -> Packet | None:
    if frame[12:14] != b"\x08\x00":
        return None
    assert frame[6:12] == KERNEL_MAC
    head = frame[14:34]
    assert head[0] == 0x45 and checksum(head) == 0
    size = struct.unpack("!H", head[2:4])[0]
    assert size == len(frame) - 14
    return Packet(socket.inet_ntoa(head[12:16]), socket.inet_ntoa(head[16:20]), head[9], frame[34:])


def read_tcp(frame: bytes) -> Segment | None:
    packet = read_ipv4(frame)
    if packet is None or packet.protocol != 6:
        return None
    body = packet.payload
    pseudo = pseudo_header(packet.source, packet.destination, 6, len(body))
    assert checksum(pseudo + body) == 0, "the kernel sent a bad checksum"
    from_port, port, sequence, acknowledgment, offset, flags, window = struct.unpack(
        "!HHIIBBH", body[:16]
    )
    size = (offset >> 4) * 4
    return Segment(
        packet.source,
        packet.destination,
        from_port,
        port,
        sequence,
        acknowledgment,
        flags,
        window,
        read_options(body[20:size]),
        body[size:],
    )


@dataclass(frozen=True)
class Arp:
    operation: int
    sender_mac: bytes
    sender: str
    target_mac: bytes
    target: str
    destination: bytes


def read_arp(frame: bytes) -> Arp | None:
    if frame[12:14] != b"\x08\x06":
        return None
    body = frame[14:42]
    assert body[:6] == b"\0\1\x08\0\6\4"
    return Arp(
        struct.unpack("!H", body[6:8])[0],
        body[8:14],
        socket.inet_ntoa(body[14:18]),
        body[18:24],
        socket.inet_ntoa(body[24:28]),
        frame[:6],
    )


def is_sound(frame: bytes) -> bool:
    """What a peer's card and stack would let through: checksums right, lengths right."""
    try:
        found = read_arp(frame)
        if found:
            return found.sender_mac == KERNEL_MAC and found.operation in (1, 2)
        packet = read_ipv4(frame)
        if packet is None:
            return False
        if packet.protocol == 1:
            return checksum(packet.payload) == 0
        pseudo = pseudo_header(
            packet.source, packet.destination, packet.protocol, len(packet.payload)
        )
        return checksum(pseudo + packet.payload) == 0
    except (AssertionError, IndexError, struct.error, OSError):
        return False

"""Getters and setters against Python's struct module and the layouts as the RFCs print them."""

from __future__ import annotations

import ctypes
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cllm_gen.notation.names import c_name
from tests.protocols import headers

# Each header written down a second time, from the RFC, as (struct format, names of its values).
# A name with `|` packs several fields into one number: `name:bits` from the most significant.
LAYOUTS = {
    "ethernet": ("!6s6sH", "destination source ethertype"),
    "arp": ("!HHBBH6sI6sI", "=1 =2048 =6 =4 operation sender_mac sender_ip target_mac target_ip"),
    "ipv4": (
        "!BBHHHBBHII",
        "=4:4|ihl:4 dscp:6|ecn:2 total_length identification flags:3|fragment_offset:13 "
        "ttl protocol header_checksum source destination",
    ),
    "icmp": ("!BBHHH", "type code checksum identifier sequence_number"),
    "udp": ("!HHHH", "source_port destination_port length checksum"),
    "dhcp": (
        "!BBBBIHHIIII16s64s128sI",
        "op htype hlen hops xid secs flags ciaddr yiaddr siaddr giaddr chaddr sname "
        "file =1669485411",
    ),
    "tcp": (
        "!HHIIBBHHH",
        "source_port destination_port sequence_number acknowledgment_number data_offset:4|=0:4 "
        "flags window checksum urgent_pointer",
    ),
}


def slots(name: str):
    """Each struct item as its list of (field or constant, bits or octets, is octets)."""
    shape, words = LAYOUTS[name]
    items = []
    for code, word in zip(_codes(shape), words.split()):
        whole = struct.calcsize("!" + code) * 8
        parts = [
            part.rpartition(":") if ":" in part else (part, "", whole) for part in word.split("|")
        ]
        items.append([(label, int(bits), code.endswith("s")) for label, _, bits in parts])
    return shape, items


def _codes(shape: str):
    number = ""
    for letter in shape[1:]:
        if letter.isdigit():
            number += letter
        else:
            yield number + letter
            number = ""


def pack(name: str, values: dict) -> bytes:
    shape, items = slots(name)
    packed = []
    for item in items:
        if item[0][2]:
            packed.append(values[item[0][0]])
            continue
        number = 0
        for label, bits, _ in item:
            number = number << bits | (int(label[1:]) if label.startswith("=") else values[label])
        packed.append(number)
    return struct.pack(shape, *packed)


@st.composite
def contents(draw, name):
    values = {}
    for item in slots(name)[1]:
        for label, bits, octets in item:
            if not label.startswith("="):
                size = st.binary(min_size=bits // 8, max_size=bits // 8)
                values[label] = draw(size if octets else st.integers(0, (1 << bits) - 1))
    return values


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wire")
    return {name: headers.load(folder, name) for name in headers.NAMES}


@pytest.mark.parametrize("name", headers.NAMES)
def test_layout_names_every_field(name):
    """The second writing-down leaves nothing out, so the tests below cover every accessor."""
    labels = [label for item in slots(name)[1] for label, _, _ in item if not label.startswith("=")]
    assert labels == [c_name(field.name) for field in headers.accessible(headers.spec(name))]


@pytest.mark.parametrize("name", headers.NAMES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_getters_read_what_struct_packs(libraries, name, data):
    values = data.draw(contents(name))
    frame = pack(name, values)
    for label, value in values.items():
        if isinstance(value, bytes):
            out = ctypes.create_string_buffer(len(value))
            getattr(libraries[name], f"get_{label}")(frame, ctypes.c_size_t(len(frame)), out)
            assert out.raw == value
        else:
            assert (
                getattr(libraries[name], f"get_{label}")(frame, ctypes.c_size_t(len(frame)))
                == value
            )


@pytest.mark.parametrize("name", headers.NAMES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_setters_write_what_struct_packs_at_any_alignment(libraries, name, data):
    """From junk through start: what a setter forgot, or wrote next door, shows."""
    values = data.draw(contents(name))
    order = data.draw(st.permutations(list(values)))
    shift = data.draw(st.integers(0, 7))
    wanted = pack(name, values)
    memory = ctypes.create_string_buffer(b"\xa5" * (len(wanted) + 16), len(wanted) + 16)
    at = ctypes.c_void_p(ctypes.addressof(memory) + shift)
    libraries[name].test_start(at)
    for label in order:
        value = values[label]
        getattr(libraries[name], f"set_{label}")(
            at, value if isinstance(value, bytes) else ctypes.c_uint64(value)
        )
    assert memory.raw == b"\xa5" * shift + wanted + b"\xa5" * (16 - shift)


@pytest.mark.parametrize("name", headers.NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_too_wide_values_leave_neighbours_alone(libraries, name, data):
    values = data.draw(contents(name))
    frame = ctypes.create_string_buffer(pack(name, values), len(pack(name, values)))
    numbers = [label for label, value in values.items() if not isinstance(value, bytes)]
    label = data.draw(st.sampled_from(numbers))
    bits = next(f.bits for f in headers.accessible(headers.spec(name)) if c_name(f.name) == label)
    wide = data.draw(st.integers(0, 2**64 - 1))
    getattr(libraries[name], f"set_{label}")(frame, ctypes.c_uint64(wide))
    assert frame.raw == pack(name, {**values, label: wide & ((1 << bits) - 1)})


def test_started_headers(libraries):
    """What never changes is written by start: versions, lengths, the magic cookie."""
    expected = {
        "ethernet": bytes(14),
        "arp": struct.pack("!HHBB", 1, 0x0800, 6, 4) + bytes(22),
        "ipv4": b"\x45" + bytes(7) + b"\x40" + bytes(11),
        "icmp": bytes(8),
        "udp": bytes(8),
        "dhcp": b"\x00\x01\x06\x00" + bytes(232) + b"\x63\x82\x53\x63",
        "tcp": bytes(12) + b"\x50" + bytes(7),
    }
    for name, wanted in expected.items():
        memory = ctypes.create_string_buffer(b"\xa5" * 300, 300)
        libraries[name].test_start(memory)
        assert memory.raw == wanted + b"\xa5" * (300 - len(wanted)), name

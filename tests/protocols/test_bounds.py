"""Views refuse frames that are too short for what they say, and nothing that a view offers reads
outside the frame: every frame lies in an allocation of exactly its size, under AddressSanitizer."""

from __future__ import annotations

import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cllm_gen.notation.names import c_name
from tests.native import FLAGS, INCLUDES, ROOT
from tests.protocols import headers


def reader(name: str) -> str:
    """C that looks at everything in one frame and prints what it found in one line."""
    spec = headers.spec(name)
    p = name
    lines = [
        f"static void read_{p}(const uint8_t *bytes, size_t size) {{",
        f"    struct {p}_view view;",
    ]
    lines += [
        f"    if (!{p}_check(bytes, size, &view)) {{",
        '        printf("no\\n");',
        "        return;",
        "    }",
    ]
    lines += ["    uint64_t sum = 0;"]
    for field in headers.accessible(spec):
        call = f"{p}_{c_name(field.name)}(view)"
        lines.append(
            f"    sum += {call}[{field.bits // 8 - 1}] + {call}[0];"
            if field.octets
            else f"    sum += {call};"
        )
    lines += ["    sink = sum;", '    printf("yes %zu", view.size);']
    rest = c_name(spec.layout.rest_name) if spec.layout.rest else ""
    if spec.layout.rest != "message":
        lines += [
            f"    touch({p}_payload(view), {p}_payload_size(view));",
            f'    printf(" payload %td %zu", {p}_payload(view) - bytes, {p}_payload_size(view));',
        ]
    if rest:
        lines += [f"    touch({p}_{rest}(view), {p}_{rest}_size(view));"]
    if spec.layout.options:
        lines += [
            f"    struct {p}_option_cursor cursor = {p}_option_first(view);",
            f"    struct {p}_option option;",
            f"    while ({p}_option_next(&cursor, &option)) {{",
            '        printf(" %u:", option.type);',
            "        print_hex(option.data, option.size);",
            "        uint32_t a = 0, b = 0;",
            "        uint16_t h = 0;",
            "        uint8_t o = 0;",
            "        (void)a, (void)b, (void)h, (void)o;",
        ]
        for option in spec.layout.options:
            name = f"{p}_option_{c_name(option.name)}"
            out = ", ".join(
                {8: "&o", 16: "&h", 32: f"&{'ab'[i % 2]}"}[part.bits]
                for i, part in enumerate(option.parts)
            )
            if option.shape == "parts":
                lines.append(
                    f'        if ({name}(&option, {out})) printf("={c_name(option.name)}");'
                )
            if option.shape == "list":
                lines.append(f"        for (size_t i = 0; i < {name}_count(&option) + 1; i++)")
                lines.append(
                    f'            if ({name}(&option, i, {out})) printf("={c_name(option.name)}");'
                )
        lines += ["    }", '    printf(cursor.malformed ? " malformed" : " end");']
    return "\n".join([*lines, '    printf("\\n");', "}"])


MAIN = """
int main(void) {
    uint32_t head[2];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        uint8_t *bytes = malloc(head[1]);
        if (fread(bytes, 1, head[1], stdin) != head[1]) return 1;
        readers[head[0]](bytes, head[1]);
        free(bytes);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bounds")
    includes = "".join(f'#include "protocols/{name}.h"\n' for name in headers.NAMES)
    source = folder / "reader.c"
    source.write_text(
        "#include <stdio.h>\n#include <stdlib.h>\n" + includes + "static volatile uint64_t sink;\n"
        "static void touch(const uint8_t *at, size_t size) { for (size_t i = 0; i < size; i++) sink += at[i]; }\n"
        'static void print_hex(const uint8_t *at, size_t size) { while (size--) printf("%02x", *at++); }\n'
        + "\n".join(reader(name) for name in headers.NAMES)
        + "\nstatic void (*const readers[])(const uint8_t *, size_t) = {"
        + ", ".join(f"read_{name}" for name in headers.NAMES)
        + "};"
        + MAIN
    )
    flags = [flag for flag in FLAGS if flag not in ("-fPIC", "-shared")]
    out = folder / "reader"
    subprocess.run(
        [
            "gcc",
            *flags,
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all",
            *(f"-I{ROOT / path}" for path in INCLUDES),
            str(source),
            "-o",
            str(out),
        ],
        check=True,
    )
    return out


def read(program, name: str, frames: list[bytes]) -> list[str]:
    """What the reader says of each frame; a sanitizer's complaint fails."""
    index = headers.NAMES.index(name)
    text = b"".join(struct.pack("<II", index, len(frame)) + frame for frame in frames)
    done = subprocess.run([program], input=text, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def whole(name: str) -> bytes:
    """A good frame with options and payload, from the RFCs rather than the generated code."""
    tcp_options = bytes.fromhex("020405b4 0402 080a 00000001 00000002 01 030307".replace(" ", ""))
    return {
        "ethernet": bytes(12) + b"\x08\x00" + b"payload",
        "arp": struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + bytes(20),
        "ipv4": struct.pack("!BBHHHBBHII", 0x46, 0, 31, 1, 0, 64, 17, 0, 1, 2)
        + b"\x01\x01\x01\x00"
        + b"payload",
        "icmp": struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"payload",
        "udp": struct.pack("!HHHH", 1, 2, 15, 0) + b"payload",
        "dhcp": bytes(236)
        + b"\x63\x82\x53\x63"
        + b"\x35\x01\x02"
        + b"\x00\x03\x04\x0a\x00\x02\x02"
        + b"\xff",
        "tcp": struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 0xA0, 0x18, 5, 0, 0)
        + tcp_options
        + b"payload",
    }[name]


HEADER = {"ethernet": 14, "arp": 28, "ipv4": 31, "icmp": 8, "udp": 15, "dhcp": 240, "tcp": 40}
"""Shortest prefix of whole() that is a frame: header with options; total length where one is stated."""


@pytest.mark.parametrize("name", headers.NAMES)
def test_every_truncation(program, name):
    frame = whole(name)
    answers = read(program, name, [frame[:size] for size in range(len(frame) + 1)])
    for size, answer in enumerate(answers):
        assert answer.startswith("yes" if size >= HEADER[name] else "no"), (name, size, answer)


@pytest.mark.parametrize("name", headers.NAMES)
def test_padding_after_the_total_length_is_cut_off(program, name):
    (answer,) = read(program, name, [whole(name) + b"padding"])
    stated = {"ipv4": 31, "udp": 15}
    assert answer.split()[1] == str(stated.get(name, len(whole(name)) + 7))


@pytest.mark.parametrize(
    "name, at, value",
    [
        ("ipv4", 0, 0x55),
        ("ipv4", 0, 0x44),
        ("ipv4", 0, 0x49),
        ("ipv4", 3, 19),
        ("ipv4", 3, 32),
        ("tcp", 12, 0x40),
        ("tcp", 12, 0xF0),
        ("udp", 5, 7),
        ("udp", 5, 16),
        ("arp", 1, 2),
        ("arp", 2, 9),
        ("arp", 4, 7),
        ("arp", 5, 3),
        ("dhcp", 236, 0x62),
    ],
)
def test_headers_that_lie_are_refused(program, name, at, value):
    frame = bytearray(whole(name))
    frame[at] = value
    assert read(program, name, [whole(name), bytes(frame)])[1] == "no"


def test_tcp_options(program):
    (answer,) = read(program, "tcp", [whole("tcp")])
    assert (
        answer
        == "yes 47 payload 40 7 2:05b4=mss 4: 8:0000000100000002=timestamps 3:07=window_scale end"
    )


def test_dhcp_options(program):
    (answer,) = read(program, "dhcp", [whole("dhcp")])
    assert answer == "yes 251 53:02=message_type 3:0a000202=router end"


def test_a_lone_type_at_the_end_of_the_frame(program):
    for name, head in [
        ("tcp", bytes(12) + b"\x60" + bytes(7) + b"\x01\x01\x01"),
        ("dhcp", whole("dhcp")[:240]),
    ]:
        assert read(program, name, [head + b"\x02"])[0].endswith("malformed")


@pytest.mark.parametrize("size", range(9))
def test_options_of_the_wrong_length_are_not_read(program, size):
    """Shorter ones end at the frame's last octet, so that reading on would be seen."""
    right = {53: (1, "message_type"), 1: (4, "subnet_mask"), 28: (4, "broadcast_address")}
    right |= {50: (4, "requested_address"), 51: (4, "lease_time"), 54: (4, "server_identifier")}
    right |= {58: (4, "t1"), 59: (4, "t2")}
    for kind, (length, name) in right.items():
        frame = whole("dhcp")[:240] + bytes([kind, size]) + bytes(size)
        shown = f" {kind}:{'00' * size}" + (f"={name}" if size == length else "")
        assert read(program, "dhcp", [frame]) == [f"yes {len(frame)}{shown} end"]
    frame = whole("dhcp")[:240] + bytes([6, size]) + bytes(size)
    assert read(program, "dhcp", [frame])[0].count("=dns") == (size // 4 if size % 4 == 0 else 0)


def tcp_walk(options: bytes) -> str:
    """The option walk by RFC 9293, section 3.2, written again."""
    text = ""
    while options and options[0] != 0:
        if options[0] == 1:
            options = options[1:]
        elif len(options) < 2 or options[1] < 2 or options[1] > len(options):
            return text + " malformed"
        else:
            kind, data = options[0], options[2 : options[1]]
            good = {2: ("mss", 2), 3: ("window_scale", 1), 8: ("timestamps", 8)}.get(kind, ("", -1))
            text += f" {kind}:{data.hex()}" + (f"={good[0]}" if len(data) == good[1] else "")
            text += "=sack" * (len(data) // 8) if kind == 5 and len(data) % 8 == 0 else ""
            options = options[options[1] :]
    return text + " end"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(
            st.sampled_from([0, 1, 2, 3, 4, 5, 8, 10, 18, 255]) | st.integers(0, 255), max_size=40
        ),
        min_size=30,
        max_size=30,
    )
)
def test_any_tcp_options(program, cases):
    """Most bytes are option types and lengths, so that walks get far."""
    areas = [bytes(case) + bytes(-len(case) % 4) for case in cases]
    frames = [bytes(12) + bytes([(5 + len(area) // 4) << 4]) + bytes(7) + area for area in areas]
    for area, answer in zip(areas, read(program, "tcp", frames)):
        assert answer == f"yes {20 + len(area)} payload {20 + len(area)} 0" + tcp_walk(area)


@pytest.mark.parametrize("name", headers.NAMES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_bytes(program, name, data):
    """Random frames and random damage to a good one: no read outside, whatever they say."""
    junk = data.draw(st.lists(st.binary(max_size=80), min_size=10, max_size=10))
    damaged = []
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(whole(name)) - 1), st.integers(0, 255)), max_size=40)
    ):
        frame = bytearray(whole(name))
        frame[at] = value
        damaged.append(bytes(frame))
    assert len(read(program, name, junk + damaged)) == len(junk) + len(damaged)

"""Matrix kernels in general registers.

A word is read as a number in base 65536. With quants a0 + a1*B (bytes 0 and 2 of a row's four) and
activations x2 + x0*B, the product's digit 1 is a0*x0 + a1*x2; its other digits are waste. The sum of
four such products, all of a word's nibbles, starts at 32768 less eight times each x, as if quants
were from -8 to 7: eight of those times ten bits stay within 16 bits, so that no digit borrows from
the next. Then digits 1 and 3 are set apart in 32 bits.

Sums of a whole row stay in 64-bit integers: dot * D * level, all whole numbers.
"""

from cllm_gen.weights.layout import BLOCK_BYTES, tile_bytes
from specs.kernels import activations as at


def _fields(p, name, place):
    """The i32 fields of the word at `place`; one access to memory is dearer than taking it apart."""
    word = p.let(name, p.load_word(place))
    return [p.let(f"{name}_low", p.low_i32(word))] + (
        [p.let(f"{name}_high", p.high_i32(word))] if p.has("high_i32") else []
    )


def _pairs(p, name, place):
    """The two packed words of a vector."""
    fields = _fields(p, name, place)
    return fields if len(fields) == 2 else fields + _fields(p, f"{name}_next", place + 4)


def _digits_q4_1(p, block, record, words, first, width):
    """Fields of 32 bits with each row's dot product + 2^17, for `words` words from byte `first`."""
    dots = [p.let(f"dot{i}", p.spread_u32(0)) for i in range(words)]
    with p.loop("v", 4, unroll=True) as v:
        start = p.let("start", p.load_word(record + (v * 8 + at.STARTS)))
        pairs = [_pairs(p, f"pair{k}", record + (v * 8 + k * 32 + at.WORDS)) for k in range(2)]
        x = [p.let(f"x{n}", p.extend_word(pairs[n % 2][n // 2])) for n in range(4)]
        for i, dot in enumerate(dots):
            q = p.let(f"q{i}", p.load_word(block + (v * 64 + first + width * i)))
            total = p.let(f"sum{i}", start)
            for nibble in range(4):
                product = p.multiply_word(p.and_word(q, p.spread_u16(15)), x[nibble])
                p.set(total, p.add_word(total, product))
                if nibble < 3:
                    p.set(q, p.shift_right_word(q, 4))
            digits = p.and_word(p.shift_right_word(total, 16), p.spread_u32(0xFFFF))
            p.set(dot, p.add_word(dot, digits))
    return dots


def _digits_q8_0(p, block, record, words, first, width):
    """Fields of 32 bits with each row's dot product + 128 * sum + 2^24."""
    dots = [p.let(f"dot{i}", p.spread_u32(0x1000000)) for i in range(words)]
    with p.loop("v", 8, unroll=True) as v:
        both = _pairs(p, "pair", record + (v * 8 + at.WORDS))
        x = []
        for j in range(4):
            if j < 2:
                value = p.halve(p.plus(both[j], 0x8000), 16)
            else:
                value = p.halve(p.double(both[j - 2], 16), 16)
            x.append(p.let(f"x{j}", p.extend_word(value)))
        for i, dot in enumerate(dots):
            place = block + (v * 64 + first + width * i)
            q = p.let(f"q{i}", p.xor_word(p.load_word(place), p.spread_u16(0x8080)))
            for j in range(4):
                part = p.and_word(q, p.spread_u32(255)) if j < 3 or width > 4 else q
                p.set(dot, p.add_word(dot, p.multiply_word(part, x[j])))
                if j < 3:
                    p.set(q, p.shift_right_word(q, 8))
    return dots


def words(width, together):
    """Words of `width` bytes, `together` of them sharing each load of activations."""

    def steps(type_name, finish):
        quants, block_bytes = {"q4_1": 256, "q8_0": 512}[type_name], BLOCK_BYTES[type_name]
        each, group = width // 4, width // 4 * together

        def sums(p, K, weights, row, n):
            """Each row's sum, as a 64-bit integer, and its unit."""
            totals = [p.let(f"total{i}", p.start(0)) for i in range(group)]
            with p.loop("b", K // 32) as b:
                block = p.pointer("block", weights + b * block_bytes)
                record = p.pointer("record", row + (b * at.BLOCK_BYTES + at.ROW_HEADER))
                level = (record + at.LEVEL).at(0, "i32")
                digits = _digits_q4_1 if type_name == "q4_1" else _digits_q8_0
                dots = digits(p, block, record, together, n * 4, width)
                ends = p.pointer("ends", block + (n * 4 + quants))
                if type_name == "q4_1":
                    level_sum = p.let("level_sum", p.plus((record + at.LEVEL_SUM).at(0, "i32"), 0))
                else:
                    total_x = (record + at.SUM).at(0, "i32")
                    bias = p.let("bias", p.plus(p.times(total_x, 128), 0x1000000))
                for i in range(group):
                    field = p.high_i32 if i % each else p.low_i32
                    dot = field(dots[i // each])
                    if i % each == 0:
                        ends_of = _fields(p, f"ends{i}", ends + 4 * i)
                    end = ends_of[i % each]
                    if type_name == "q4_1":
                        m, d = p.halve(p.double(end, 16), 16), p.halve(end, 16)
                        p.set(totals[i], p.accumulate(totals[i], level_sum, m))
                        scaled, factor = p.minus(dot, 0x20000), p.times(d, level)
                    else:
                        scaled, factor = p.times(p.minus(dot, bias), level), end
                    p.set(totals[i], p.accumulate(totals[i], scaled, factor))
            scales = p.pointer("scales", (weights + (n * 4 + K // 32 * block_bytes)).cast("f32"))
            return [
                p.times_f32(p.round_i64(total), p.times_f32(row.cast("f32").at(0), scales.at(i)))
                for i, total in enumerate(totals)
            ]

        def matmul(p, N, K):
            stride = at.ROW_HEADER + K // 32 * at.BLOCK_BYTES
            with p.loop("tile", p.scalar("last"), start=p.scalar("first")) as tile:
                matrices = {
                    name: p.pointer(
                        f"{name}_tile", p.argument(name, "u8") + tile * tile_bytes(type_name, K)
                    )
                    for name in finish.matrices
                }
                for r, _ in p.tile_rows(1):
                    row = p.pointer("row", p.argument("q", "u8") + r * stride)
                    y = p.pointer("out", p.argument("y", "f32") + (r * N + tile * 16))
                    places = {
                        name: p.array(f"{name}_values", "f32", 16) if len(matrices) > 1 else y
                        for name in matrices
                    }
                    for name, weights in matrices.items():
                        with p.loop("n", 16, step=group) as n:
                            out = p.pointer("values", places[name] + n)
                            for i, value in enumerate(sums(p, K, weights, row, n)):
                                if finish.adds:
                                    value = p.plus_f32(out.at(i), value)
                                p.do(p.store_one_f32(out + i, value))
                    if len(matrices) > 1:
                        with p.loop("n", 16, step=4) as n:
                            values = [p.load_f32(place + n) for place in places.values()]
                            p.do(p.store_f32(y + n, finish.join(p, "y", y + n, *values)))

        return matmul

    return steps

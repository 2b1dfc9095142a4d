"""Matrix kernels in general registers.

A word is read as a number in base 65536. With quants a0 + a1*B (bytes 0 and 2 of a row's four) and
activations x2 + x0*B, the product's digit 1 is a0*x0 + a1*x2; its other digits are waste. The sum of
four such products, all of a word's nibbles, starts at 32768 less eight times each x, as if quants
were from -8 to 7: eight of those times ten bits stay within 16 bits, so that no digit borrows from
the next. Then digits 1 and 3 are set apart in 32 bits.

Sums of a whole row stay in 64-bit integers: dot * D * level, all whole numbers. D is a block's scale
in units of a bound / 2^20, cut to a whole number: it is the half itself unless that is a
thousand times smaller than the largest bound of the rows that are summed together. Rows whose halves
are all plain (schedule/weight_layout.py) have a loop of their own, with half as many steps for each scale.
"""

from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from specs.schedules import activations as at
from specs.schedules.matmul_results import finish, matrices

_TOP = 35  # a unit is 2^(shift - _TOP)


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


def _shift(p, bounds, count):
    """How far a half with the exponent field 0 is shifted down: by the exponent of the rows' largest
    bound, but not less than by that of the least normal half."""
    shift = p.let("shift", p.minus(127 - 14, 127 - 15))
    for i in range(count):
        exponent = p.both(p.halve(bounds.at(i, "i32"), 23), 255)
        p.set(shift, p.most(shift, p.minus(exponent, 127 - 15)))
    return shift


def _unit(p, shift):
    """What a scale of 1 stands for."""
    return p.as_one_f32(p.double(p.plus(shift, 127 - _TOP), 23))


def _plain(p, bounds, count):
    """A named scalar that is negative where one of the rows' bounds is."""
    any_of = p.let("signs", p.plus(bounds.at(0, "i32"), 0))
    for i in range(1, count):
        p.set(any_of, p.either(any_of, bounds.at(i, "i32")))
    return p.scalar("signs")


def _size(p, name, half, shift, signed):
    """The plain half in the upper 16 bits as a whole number of units, without its sign."""
    exponent = p.halve(half, 26)
    if signed:
        exponent = p.both(exponent, 31)
    fraction = p.either(p.both(half, 0x3FF << 16), 1 << 26)
    return p.let(name, p.halve_by(fraction, p.minus(p.plus(shift, 6), exponent)))


def _scale(p, name, half, shift):
    """The same of any half, with its sign. Its exponent field counts from 1; 0 means 1 without the
    leading bit of its fraction."""
    exponent = p.let(f"{name}_exponent", p.both(p.halve(half, 26), 31))
    normal = p.let(f"{name}_normal", p.halve(p.minus(0, exponent), 31))
    fraction = p.either(p.both(p.halve(half, 6), 0x3FF << 10), p.both(normal, 1 << 20))
    down = p.minus(p.minus(p.minus(shift, exponent), 1), normal)
    size = p.halve_by(fraction, down)
    sign = p.let(f"{name}_sign", p.halve(half, 31))
    return p.let(name, p.minus(p.differ(size, sign), sign))


def _scales(p, name, place, shift, first, width, plain):
    """The scales of the rows from `first` on that a word holds; of plain minima, which are negative,
    the sizes. Each is made when it is asked for, since more would not fit the registers."""
    fields = _fields(p, f"{name}{first}_halves", place + 2 * first)
    halves = [half for field in fields for half in (p.double(field, 16), field)]
    for i, half in enumerate(halves, first):
        top = p.let(f"{name}{i}_half", p.plus(half, 0))
        if plain:
            yield _size(p, f"{name}{i}", top, shift, name == "m")
        else:
            yield _scale(p, f"{name}{i}", top, shift)


def words(width, together):
    """Words of `width` bytes, `together` of them sharing each load of activations."""

    def steps(operation, type_name):
        layout = layout_of(type_name)
        each, group = width // 4, width // 4 * together

        def add_blocks(p, K, weights, row, n, totals, shift, plain):
            """Adds each block's products to the rows' totals."""
            with p.loop("b", K // 32) as b:
                block = p.pointer("block", weights + b * layout.block_bytes)
                record = p.pointer("record", row + (b * at.BLOCK_BYTES + at.ROW_HEADER))
                level = (record + at.LEVEL).at(0, "i32")
                digits = _digits_q4_1 if type_name == "q4_1" else _digits_q8_0
                dots = digits(p, block, record, together, n * 4, width)
                place = block + (n * 2 + layout.quant_bytes)
                scales = p.pointer("scales", place)
                if type_name == "q4_1":
                    level_sum = p.let("level_sum", p.plus((record + at.LEVEL_SUM).at(0, "i32"), 0))
                else:
                    total_x = (record + at.SUM).at(0, "i32")
                    bias = p.let("bias", p.plus(p.times(total_x, 128), 0x1000000))
                for i in range(group):
                    if i % (width // 2) == 0:
                        ds = _scales(p, "d", scales, shift, i, width, plain)
                        behind = scales + 2 * TILE_ROWS
                        ms = _scales(p, "m", behind, shift, i, width, plain)
                    d, dot = next(ds), (p.high_i32 if i % each else p.low_i32)(dots[i // each])
                    if type_name == "q4_1":  # dots are of quants less eight
                        m = (p.minus if plain else p.plus)(p.times(d, 8), next(ms))
                        p.set(totals[i], p.accumulate(totals[i], level_sum, m))
                        scaled, factor = p.minus(dot, 0x20000), p.times(d, level)
                    else:
                        scaled, factor = p.times(p.minus(dot, bias), level), d
                    p.set(totals[i], p.accumulate(totals[i], scaled, factor))

        def sums(p, K, weights, row, n):
            """Each row's sum."""
            place = p.number("BOUNDS", layout.bounds_at(K), K)
            bounds = p.pointer("bounds", weights + (n * 4 + place))
            shift = _shift(p, bounds, group)
            totals = [p.let(f"total{i}", p.start(0)) for i in range(group)]
            signs = _plain(p, bounds, group)
            for plain, condition in ((True, signs > -1), (False, signs < 0)):
                with p.when(condition):
                    add_blocks(p, K, weights, row, n, totals, shift, plain)
            unit = p.let("unit", p.times_f32(row.cast("f32").at(0), _unit(p, shift)))
            return [p.times_f32(p.round_i64(total), unit) for total in totals]

        def matmul(p, N, K):
            stride = p.number("ROW_BYTES", at.quantized_bytes(K), K)
            size = p.number("TILE_BYTES", layout.tile_bytes(K), K)
            names = matrices(operation)
            with p.loop("tile", p.scalar("last"), start=p.scalar("first")) as tile:
                tiles = [
                    p.pointer(f"{name}_tile", p.argument(name, "u8") + tile * size)
                    for name in names
                ]
                for r, _ in p.tile_rows(1):
                    row = p.pointer("row", p.argument("q", "u8") + r * stride)
                    y = p.pointer("out", p.argument("y", "f32") + (r * N + tile * TILE_ROWS))
                    places = [
                        p.array(f"{name}_values", "f32", TILE_ROWS) if len(names) > 1 else y
                        for name in names
                    ]
                    for weights, place in zip(tiles, places):
                        with p.loop("n", TILE_ROWS, step=group) as n:
                            out = p.pointer("values", place + n)
                            for i, value in enumerate(sums(p, K, weights, row, n)):
                                if operation == "matmul_add":
                                    value = p.plus_f32(out.at(i), value)
                                p.do(p.store_one_f32(out + i, value))
                    if len(names) > 1:
                        with p.loop("n", TILE_ROWS, step=4) as n:
                            values = [[p.load_f32(place + n)] for place in places]
                            finish(p, operation, values, p.pointer("gated", y + n))

        return matmul

    return steps

"""A row divided by its root mean square and multiplied by gain."""


def normalise(p, K, source, target, name="scale"):
    """One row, by a vector of that name."""
    lanes = p.lanes("add_f32")
    partial = next(n for n in (4, 2, 1) if K % (n * lanes) == 0 or n == 1)
    sums = [p.let(f"sum{i}", p.zero_f32()) for i in range(partial)]
    with p.loop("k", K, step=partial * lanes) as k:
        for i, total in enumerate(sums):
            x = p.let(f"x{i}", p.load_f32(source + (k + lanes * i)))
            p.set(total, p.add_f32(total, p.multiply_f32(x, x)))
    while len(sums) > 1:
        sums = [p.add_f32(*sums[i : i + 2]) for i in range(0, len(sums), 2)]
    square = p.let("square", sums[0])
    p.across(square, p.add_f32)
    mean = p.multiply_f32(square, p.broadcast_f32(1 / K))
    mean = p.add_f32(mean, p.broadcast_f32(p.scalar("epsilon")))
    scale = p.let(name, p.divide_f32(p.broadcast_f32(1.0), p.sqrt_f32(mean)))
    with p.loop("k", K, step=lanes) as k:
        x = p.multiply_f32(p.load_f32(source + k), scale)
        gain = p.load_f32(p.argument("gain", "f32") + k)
        p.do(p.store_f32(target + k, p.multiply_f32(x, gain)))

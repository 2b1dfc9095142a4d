"""What attention in 512-bit vectors multiplies: floats, or pairs of bfloat16."""

from collections.abc import Callable

from specs.schedules.exponential import power_of_two, rough_power_of_two


class Form:
    """What is multiplied: queries, keys, shares and values in vectors of `span` elements, half as many
    pairs, with sums in floats. `joined` makes one of `parts` vectors of floats."""

    element: str
    joined: Callable

    def __init__(self, p):
        self.p, self.lanes = p, p.lanes("add_f32")
        self.span = p.lanes(f"store_{self.element}")
        self.parts = self.span // self.lanes  # vectors of floats that make one

    def _of(self, load, place):
        return self.joined(*(load(place + n * self.lanes) for n in range(self.parts)))

    def from_cache(self, place):
        """A vector of a cache of f16."""
        return self._of(self.p.load_f16, place)

    def even_from_cache(self, place):
        """The same with zeros for the second of each pair."""
        return self._of(self.p.load_even_f16, place)


class Floats(Form):
    """Floats. The two products of a pair have lanes of their own, added when all is summed."""

    element, turns, power = "f32", 1, staticmethod(power_of_two)

    def __init__(self, p):
        super().__init__(p)
        self.load, self.store, self.pair, self.add = (
            p.load_f32,
            p.store_f32,
            p.broadcast_pair_f32,
            p.add_product,
        )
        self.joined = lambda floats: floats

    def _joined(self, name, a, b):
        """Sums of the pairs of lanes of two named vectors."""
        p = self.p
        return p.let(name, p.add_f32(p.evens_f32(a, b), p.odds_f32(a, b)))

    def scores(self, h, dots):
        """A head's scores of a block's positions, in order, of sums by turn and vector."""
        (sums,) = dots
        return [self._joined(f"score{h}_{n}", *sums[2 * n : 2 * n + 2]) for n in (0, 1)]

    def shares(self, shares, size):
        """Where shares are read by pairs."""
        return shares

    def mixed(self, mixture, i):
        """A head's mixture from dimension i on."""
        p = self.p
        pairs = mixture + i * 2
        low, high = (
            p.let(name, p.load_f32(pairs + n * self.lanes))
            for n, name in enumerate(("low", "high"))
        )
        return self._joined("both", low, high)


class Bfloats(Form):
    """bfloat16. An instruction adds the two products of a pair to one sum; scores are summed in two
    turns, so that there are enough sums to hide how long one takes."""

    element, turns, power = "bf16", 2, staticmethod(rough_power_of_two)

    def __init__(self, p):
        super().__init__(p)
        self.load, self.store, self.pair = p.load_bf16, p.store_bf16, p.broadcast_pair_bf16
        self.joined = p.round_bf16

    def add(self, total, a, b):
        """total += the products of pairs."""
        self.p.set(total, self.p.add_pairs_bf16(total, a, b))

    def scores(self, h, dots):
        """A head's scores of a block's positions, in order, of sums by turn and vector."""
        p = self.p
        return [p.let(f"score{h}_{n}", p.add_f32(*pair)) for n, pair in enumerate(zip(*dots))]

    def shares(self, shares, size):
        """Where shares are read by pairs: rounded only now, since until now they may fade."""
        p = self.p
        near = p.array("near_shares", "bf16", size)
        for i in range(0, size, self.span):
            p.do(self.store(near + i, self._of(p.load_f32, shares + i)))
        return near

    def mixed(self, mixture, i):
        """A head's mixture from dimension i on."""
        return self.p.load_f32(mixture + i)

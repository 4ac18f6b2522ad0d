"""Arithmetic of receptive fields along one axis: which places of the input a unit can see."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["Axis", "Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """What one unit sees of the input.

    Attributes:
        size: places on each axis; empty where it sees the whole input.
        stride: how far apart in the input the fields of neighbouring units are.
        start: where the field of the first unit begins; below 0 it begins in the padding.

    >>> print(Field((5, 5), (2.0, 2.0), (-2, -2)), Field((), (), ()))
    5×5 all
    """

    size: tuple[int, ...]
    stride: tuple[float, ...]
    start: tuple[int, ...]

    def __str__(self) -> str:
        return "×".join(map(str, self.size)) or "all"


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the input, as the units along one dimension of a tensor see it.

    Attributes:
        dim: that dimension.
        first, last: the places that the first units see, as many as there are before the
            pattern comes again.
        advance: how far it has moved on by then.
    """

    dim: int
    first: tuple[int, ...] = (0,)
    last: tuple[int, ...] = (0,)
    advance: int = 1

    def places(self, unit: int) -> tuple[int, int]:
        """The first and the last place that a unit sees.

        >>> Axis(0).window(kernel=3, stride=2, padding=1).places(5)
        (9, 11)
        """
        turn, at = divmod(unit, len(self.first))
        moved = turn * self.advance
        return self.first[at] + moved, self.last[at] + moved

    @property
    def size(self) -> int:
        """How much the widest unit sees."""
        return max(last - first + 1 for first, last in zip(self.first, self.last))

    @property
    def stride(self) -> float:
        """How far apart neighbouring units look, on the average."""
        return self.advance / len(self.first)

    # -- layers ------------------------------------------------------------------------------

    def window(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Axis:
        """Behind a convolution or a pooling."""

        def a(unit: int) -> int:
            return stride * unit - padding

        return self._behind(a, lambda unit: a(unit) + dilation * (kernel - 1), steps=stride)

    def transposed(self, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
        """Behind a transposed convolution."""
        reach = dilation * (kernel - 1)
        return self._behind(
            lambda unit: -((reach - unit - padding) // stride),
            lambda unit: (unit + padding) // stride,
            units=stride,
        )

    def shifted(self, padding: int) -> Axis:
        """Behind a padding in front."""
        return self.window(1, padding=padding)

    def resized(self, before: int, after: int, *, blurred: bool = False) -> Axis:
        """Behind a change of size that copies the nearest place, or mixes the two around it."""
        common = math.gcd(before, after)
        units, steps = after // common, before // common
        if not blurred:

            def nearest(unit: int) -> int:
                return unit * steps // units

            return self._behind(nearest, nearest, units, steps)

        def below(unit: int) -> int:
            # The middle of a unit lies at (unit + ½)·steps/units − ½ of what was before.
            return ((2 * unit + 1) * steps - units) // (2 * units)

        return self._behind(below, lambda unit: below(unit) + 1, units, steps)

    def _behind(
        self, a: Callable[[int], int], b: Callable[[int], int], units: int = 1, steps: int = 1
    ) -> Axis:
        """Behind a layer whose unit works on the units a to b; `units` of it move on `steps`."""
        count = range(len(self.first) * units)
        first = tuple(self.places(a(unit))[0] for unit in count)
        last = tuple(self.places(b(unit))[1] for unit in count)
        return replace(self, first=first, last=last, advance=self.advance * steps)._shortest()

    def union(self, other: Axis) -> Axis | None:
        """What either sees; None where they drift apart, because their strides differ."""
        if self.advance * len(other.first) != other.advance * len(self.first):
            return None
        count = math.lcm(len(self.first), len(other.first))
        pairs = [(self.places(unit), other.places(unit)) for unit in range(count)]
        return replace(
            self,
            first=tuple(min(mine[0], theirs[0]) for mine, theirs in pairs),
            last=tuple(max(mine[1], theirs[1]) for mine, theirs in pairs),
            advance=self.advance * count // len(self.first),
        )._shortest()

    def _shortest(self) -> Axis:
        """The same with the pattern written once."""
        count = len(self.first)
        for part in range(1, count // 2 + 1):
            if count % part or self.advance * part % count:
                continue
            first, last = self.first[:part], self.last[:part]
            once = replace(self, first=first, last=last, advance=self.advance * part // count)
            if all(once.places(i) == (self.first[i], self.last[i]) for i in range(count)):
                return once
        return self

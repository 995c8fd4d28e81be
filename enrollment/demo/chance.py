"""Drawing with weights, so that the same seed gives the same township on every machine."""

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Urn(Generic[T]):
    """Values drawn in proportion to their weights, with replacement."""

    def __init__(self, weighted: Iterable[tuple[T, float]]) -> None:
        pairs = [(value, weight) for value, weight in weighted if weight > 0]
        self.values = [value for value, _ in pairs]
        self.bounds = list(accumulate(weight for _, weight in pairs))

    def draw(self, rng: Random) -> T:
        """One value."""
        return self.values[bisect(self.bounds, rng.random() * self.bounds[-1])]


def sample(rng: Random, items: Iterable[T], count: int, weight: Callable[[T], float]) -> list[T]:
    """Up to `count` of the items without replacement, heavier ones more likely; weight 0 is never drawn."""
    # Efraimidis and Spirakis: the largest u ** (1 / w) are a weighted sample, in one pass.
    ranked = ((rng.random() ** (1 / w), place, item) for place, item in enumerate(items) if (w := weight(item)) > 0)
    return [item for _, _, item in nlargest(count, ranked)]


def apportion(shares: Sequence[int], total: int, caps: Sequence[int]) -> list[int]:
    """Split `total` in proportion to the shares by largest remainder, no part above its cap (as far as caps allow)."""
    whole = sum(shares)
    parts = [min(share * total // whole, cap) for share, cap in zip(shares, caps, strict=True)]
    by_remainder = sorted(range(len(shares)), key=lambda i: (-(shares[i] * total % whole), i))
    while sum(parts) < total and (below := [i for i in by_remainder if parts[i] < caps[i]]):
        for i in below[: total - sum(parts)]:
            parts[i] += 1
    return parts

"""Which family a module belongs to, by the names of its class and base classes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["family_of"]

_ACTIVATIONS = (
    "ReLU6? RReLU PReLU LeakyReLU ELU SELU CELU GELU SiLU Swish Mish GLU Sigmoid LogSigmoid Tanh "
    "Tanhshrink Softshrink Hardshrink Threshold Hard(tanh|swish|sigmoid) "
    "(Log)?Soft(max2d|max|min|plus|sign) \\w*Activation"
)
# The first pattern found in the name decides.
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("loss", r"Loss$|Criterion$"),
    ("attention", r"Attention|Attn"),
    ("normalization", r"Norm(\dd)?$|Normalization$"),
    ("embedding", r"Embedding|PositionalEncoding|PatchEmbed"),
    ("recurrent", r"(RNN|LSTM|GRU)(Cell|Base)?$"),
    ("convolution", r"Conv(Transpose)?(\dd)?$"),
    ("pooling", r"(Un)?[Pp]ool(ing)?(\dd)?$|^Upsample|^Pixel(Uns|S)huffle$"),
    ("dropout", r"Drop(out|Path|Block)?(\dd)?$|StochasticDepth"),
    ("reshape", r"^(Un)?[Ff]latten$|^(Reshape|View|Permute|Transpose|Rearrange)$|Pad(\dd)?$"),
    ("activation", f"^({_ACTIVATIONS.replace(' ', '|')})$"),
    ("linear", r"[Ll]inear$|^Dense$"),
    ("container", r"^(Sequential|(Module|Parameter)(List|Dict))$"),
)
_COMPILED = tuple((family, re.compile(pattern)) for family, pattern in _PATTERNS)
# A class that holds other modules is a box, whatever its name, unless it is one of these.
_HOLDING = ("attention", "embedding", "recurrent", "loss")


def family_of(names: Iterable[str], has_children: bool) -> str:
    """The family, from the class names along the method resolution order.

    >>> family_of(["LazyConv2d", "Conv2d", "Module"], False), family_of(["Block"], True)
    ('convolution', 'container')
    >>> family_of(["CausalSelfAttention", "Module"], True), family_of(["Mystery"], False)
    ('attention', 'other')
    """
    return _family_of(tuple(names), has_children)


@lru_cache(maxsize=1024)
def _family_of(names: tuple[str, ...], has_children: bool) -> str:
    for name in names:
        for family, pattern in _COMPILED:
            if pattern.search(name):
                if has_children and family not in _HOLDING:
                    return "container"
                return family
    return "container" if has_children else "other"

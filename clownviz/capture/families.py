"""Which family a module belongs to, by the names of its class and base classes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["family_of"]

# The first pattern that matches decides: `BatchNorm1d` before the "1d" of pooling could matter.
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("loss", r"Loss$|^Criterion"),
    ("attention", r"Attention|Attn|^AttentionHead"),
    ("normalization", r"Norm(\dd)?$|Normalization$|Norm$|^(Layer|Batch|Group|Instance|RMS)Norm"),
    ("embedding", r"Embed|PositionalEncoding|PatchEmbed"),
    ("recurrent", r"^(RNN|LSTM|GRU)|(RNN|LSTM|GRU)(Cell|Base)?$"),
    ("convolution", r"Conv(Transpose)?(\dd)?$|^(Lazy)?Conv"),
    ("pooling", r"Pool(ing)?(\dd)?$|^Upsample|PixelShuffle"),
    ("dropout", r"Drop(out|Path|Block)?(\dd)?$|StochasticDepth"),
    ("reshape", r"^(Flatten|Unflatten|Reshape|View|Permute|Transpose|Rearrange|Pad|ZeroPad)|Pad\dd$"),
    (
        "activation",
        r"^(Leaky|P|R|C|S)?(ReLU6?|ELU|GELU|SELU|CELU|SiLU)$|^RReLU$|Sigmoid$|Tanh$|^Hard\w+$|"
        r"^Soft(max|min|plus|sign|shrink|max2d)$|^LogSoftmax$|^LogSigmoid$|^Mish$|^Swish$|^GLU$|"
        r"Activation$|^Threshold$|^Tanhshrink$|^Softmax2d$|Shrink$",
    ),
    ("linear", r"^(Lazy|NonDynamicallyQuantizable)?Linear$|^Bilinear$|^Dense$|Linear$"),
    ("container", r"^(Sequential|ModuleList|ModuleDict|ParameterList|ParameterDict)$"),
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

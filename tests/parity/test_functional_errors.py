"""What torch.nn.functional refuses is refused here too, with the same kind of error."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from support.calls import Call, drawn, exactly, ints  # noqa: E402

import clownpiece  # noqa: E402
from clownpiece.nn import functional as OURS  # noqa: E402

THEIRS = torch.nn.functional


def as_ours(value):
    return clownpiece.tensor(value) if isinstance(value, np.ndarray) else value


def as_theirs(value):
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


WRONG: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "conv2d channels": (lambda F, x, w: F.conv2d(x, w), ((2, 3, 5, 5), (4, 2, 3, 3))),
    "conv2d dims": (lambda F, x, w: F.conv2d(x, w), ((3, 5), (4, 3, 3, 3))),
    "conv2d too large": (lambda F, x, w: F.conv2d(x, w), ((2, 3, 2, 2), (4, 3, 3, 3))),
    "conv2d groups": (lambda F, x, w: F.conv2d(x, w, groups=2), ((2, 3, 5, 5), (4, 3, 3, 3))),
    "conv2d no groups": (lambda F, x, w: F.conv2d(x, w, groups=0), ((2, 3, 5, 5), (4, 3, 3, 3))),
    "conv2d bias": (lambda F, x, w, b: F.conv2d(x, w, b), ((2, 3, 5, 5), (4, 3, 3, 3), (3,))),
    "conv2d stride": (lambda F, x, w: F.conv2d(x, w, stride=0), ((2, 3, 5, 5), (4, 3, 3, 3))),
    "conv2d same strided": (
        lambda F, x, w: F.conv2d(x, w, stride=2, padding="same"),
        ((2, 3, 5, 5), (4, 3, 3, 3)),
    ),
    "conv2d dtype": (lambda F, x, w: F.conv2d(x, w), ((2, 3, 5, 5), ints(3, 4, 3, 3, 3))),
    "conv_transpose2d output_padding": (
        lambda F, x, w: F.conv_transpose2d(x, w, output_padding=1),
        ((2, 3, 5, 5), (3, 4, 3, 3)),
    ),
    "linear": (lambda F, x, w: F.linear(x, w), ((2, 3), (4, 5))),
    "dropout of a list": (lambda F, x: F.dropout([x]), ((2, 3),)),
    "linear bias": (lambda F, x, w, b: F.linear(x, w, b), ((2, 3), (4, 3), (3,))),
    "linear long bias": (lambda F, x, w, b: F.linear(x, w, b), ((2, 3), (4, 3), (2, 2, 4))),
    "linear vector and bias": (lambda F, x, w, b: F.linear(x, w, b), ((2, 3), (3,), (1,))),
    "linear dtype": (lambda F, x, w: F.linear(x, w), ((2, 3), ints(3, 4, 3))),
    "max_pool2d pad": (lambda F, x: F.max_pool2d(x, 2, padding=2), ((2, 3, 4, 4),)),
    "max_pool2d dims": (lambda F, x: F.max_pool2d(x, 2), ((4, 4),)),
    "avg_pool2d divisor": (lambda F, x: F.avg_pool2d(x, 2, divisor_override=0), ((2, 3, 4, 4),)),
    "max_unpool2d shape": (lambda F, x, i: F.max_unpool2d(x, i, 2), ((2, 2, 2), ints(4, 2, 2, 1))),
    "layer_norm": (lambda F, x: F.layer_norm(x, (3,)), ((2, 4),)),
    "group_norm": (lambda F, x: F.group_norm(x, 3), ((2, 4, 5),)),
    "batch_norm one value": (lambda F, x: F.batch_norm(x, None, None, training=True), ((1, 3),)),
    "cross_entropy class": (lambda F, x, t: F.cross_entropy(x, t), ((2, 3), exactly([0, 3]))),
    "cross_entropy batch": (lambda F, x, t: F.cross_entropy(x, t), ((2, 3), exactly([0, 1, 2]))),
    "cross_entropy weight": (
        lambda F, x, t, w: F.cross_entropy(x, t, w.detach()),
        ((2, 3), exactly([0, 2]), (4,)),
    ),
    "cross_entropy reduction": (
        lambda F, x, t: F.cross_entropy(x, t, reduction="meen"),
        ((2, 3), exactly([0, 2])),
    ),
    "nll_loss class": (lambda F, x, t: F.nll_loss(x, t), ((2, 3), exactly([0, -1]))),
    "mse_loss sizes": (lambda F, x, t: F.mse_loss(x, t), ((2, 3), (2, 4))),
    "bce sizes": (lambda F, x, t: F.binary_cross_entropy_with_logits(x, t), ((3,), (3, 1))),
    "bce range": (lambda F, x, t: F.binary_cross_entropy(x, t), (exactly([2.0]), exactly([1.0]))),
    "embedding": (lambda F, i, w: F.embedding(i, w), (exactly([5]), (5, 2))),
    "sdpa widths": (
        lambda F, q, k: F.scaled_dot_product_attention(q, k, k),
        ((2, 3, 4), (2, 3, 5)),
    ),
    "sdpa both masks": (
        lambda F, q, m: F.scaled_dot_product_attention(q, q, q, m, is_causal=True),
        ((2, 3, 4), (3, 3)),
    ),
    "one_hot negative": (lambda F, i: F.one_hot(i), (exactly([-1]),)),
    "one_hot large": (lambda F, i: F.one_hot(i, 3), (exactly([3]),)),
    "dropout": (lambda F, x: F.dropout(x, 1.5), ((3,),)),
    "glu": (lambda F, x: F.glu(x), ((3, 5),)),
    "pad long": (lambda F, x: F.pad(x, (1, 1, 1, 1)), ((3,),)),
    "pad reflect": (lambda F, x: F.pad(x, (4, 0), mode="reflect"), ((2, 3, 4),)),
    "interpolate both": (lambda F, x: F.interpolate(x, 3, 2.0), ((1, 2, 3),)),
    "interpolate neither": (lambda F, x: F.interpolate(x), ((1, 2, 3),)),
    "interpolate mode": (lambda F, x: F.interpolate(x, 3, mode="bilinear"), ((1, 2, 3),)),
    "interpolate align": (lambda F, x: F.interpolate(x, 3, align_corners=True), ((1, 2, 3),)),
    "pixel_shuffle": (lambda F, x: F.pixel_shuffle(x, 2), ((1, 3, 2, 2),)),
    "triplet margin": (
        lambda F, x: F.triplet_margin_loss(x, x, x, margin=-1.0),
        ((2, 3),),
    ),
    "prelu": (lambda F, x, w: F.prelu(x, w), ((2, 3), (4,))),
    "fold": (lambda F, x: F.fold(x, (4, 5), 2), ((2, 12, 9),)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_pytorch_refuses_is_refused_with_its_kind_of_error(name: str):
    function, inputs = WRONG[name]
    values = drawn(Call(name, function, inputs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as theirs:  # noqa: PT011
            function(THEIRS, *map(as_theirs, values))
        with pytest.raises(Exception) as ours:  # noqa: PT011
            function(OURS, *map(as_ours, values))
    assert isinstance(ours.value, theirs.type), f"{theirs.value!r} there, {ours.value!r} here"
    assert len(str(ours.value)) > 20, "an error is a sentence"

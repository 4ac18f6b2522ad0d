"""nn.functional against torch.nn.functional: the same call on both sides, values and gradients.

What a record computes is compared with PyTorch from its samples in `test_ops.py`; here are the
arguments that functions sort out, combinations of them, and the errors.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from support.calls import Call, bools, drawn, exactly, ints, uniform  # noqa: E402

import clownpiece  # noqa: E402
from clownpiece.nn import functional as OURS  # noqa: E402

THEIRS = torch.nn.functional


CALLS: list[Call] = []


def call(name: str, function: Callable[..., Any], *inputs: Any) -> None:
    CALLS.append(Call(name, function, inputs))


# -- convolution ----------------------------------------------------------------------------------

for n, size in ((1, (9,)), (2, (7, 8)), (3, (5, 6, 4))):
    for stride, padding, dilation, groups in itertools.product((1, 2), (0, 1), (1, 2), (1, 2)):
        call(
            f"conv{n}d s{stride} p{padding} d{dilation} g{groups}",
            lambda F, x, w, b, n=n, s=stride, p=padding, d=dilation, g=groups: getattr(
                F, f"conv{n}d"
            )(x, w, b, stride=s, padding=p, dilation=d, groups=g),
            (2, 4, *size),
            (6, 4 // groups, *(2,) * n),
            (6,),
        )
        call(
            f"conv_transpose{n}d s{stride} p{padding} d{dilation} g{groups}",
            lambda F, x, w, b, n=n, s=stride, p=padding, d=dilation, g=groups: getattr(
                F, f"conv_transpose{n}d"
            )(x, w, b, s, p, min(1, max(s, d) - 1), g, d),
            (2, 4, *size),
            (4, 6 // groups, *(2,) * n),
            (6,),
        )
for words in ("same", "valid"):
    call(
        f"conv2d {words}",
        lambda F, x, w, p=words: F.conv2d(x, w, padding=p, dilation=(1, 2)),
        (2, 3, 6, 7),
        (4, 3, 4, 3),
    )
call(
    "conv2d depthwise", lambda F, x, w: F.conv2d(x, w, None, 1, 1, 1, 4), (2, 4, 5, 5), (8, 1, 3, 3)
)
call("conv2d unbatched", lambda F, x, w, b: F.conv2d(x, w, b, 2), (3, 6, 7), (4, 3, 3, 2), (4,))
call("conv2d pointwise", lambda F, x, w, b: F.conv2d(x, w, b), (2, 3, 4, 5), (6, 3, 1, 1), (6,))
call("unfold", lambda F, x: F.unfold(x, (2, 3), dilation=2, padding=1, stride=(1, 2)), (2, 3, 6, 7))
call("fold", lambda F, x: F.fold(x, (4, 5), 2, padding=1, stride=2), (2, 12, 9))

# -- pooling --------------------------------------------------------------------------------------

for n, size in ((1, (9,)), (2, (7, 8)), (3, (5, 6, 7))):
    for stride, padding, ceil in itertools.product((None, 2), (0, 1), (False, True)):
        call(
            f"max_pool{n}d {stride} {padding} {ceil}",
            lambda F, x, n=n, s=stride, p=padding, c=ceil: getattr(F, f"max_pool{n}d")(
                x, 3, s, p, ceil_mode=c, return_indices=True
            ),
            (2, 3, *size),
        )
        for include in (True, False):
            call(
                f"avg_pool{n}d {stride} {padding} {ceil} {include}",
                lambda F, x, n=n, s=stride, p=padding, c=ceil, i=include: getattr(
                    F, f"avg_pool{n}d"
                )(x, 3, s, p, c, i),
                (2, 3, *size),
            )
    for out in (1, 3, 4):
        for kind in ("avg", "max"):
            call(
                f"adaptive_{kind}_pool{n}d {out}",
                lambda F, x, n=n, o=out, k=kind: getattr(F, f"adaptive_{k}_pool{n}d")(x, o),
                (2, 3, *size),
            )
    call(
        f"max_unpool{n}d",
        lambda F, x, n=n: getattr(F, f"max_unpool{n}d")(
            *getattr(F, f"max_pool{n}d")(x, 2, return_indices=True), 2, output_size=x.shape
        ),
        (2, 3, *size),
    )
    call(
        f"lp_pool{n}d",
        lambda F, x, n=n: getattr(F, f"lp_pool{n}d")(x, 3, 2, ceil_mode=True),
        uniform(0.1, 2, 2, 3, *size),
    )
call(
    "max_pool2d ties",
    lambda F, x: F.max_pool2d(x, 3, 1),
    lambda r: r.integers(0, 2, (2, 2, 6, 6)) * 1.0,
)
call("max_pool2d dilated", lambda F, x: F.max_pool2d(x, (2, 3), 1, 1, (2, 1)), (2, 2, 6, 6))
call("avg_pool2d divisor", lambda F, x: F.avg_pool2d(x, 2, divisor_override=3), (2, 2, 6, 6))
for n in (2, 3):
    call(
        f"fractional_max_pool{n}d",
        lambda F, x, u, n=n: getattr(F, f"fractional_max_pool{n}d")(
            x, 2, output_ratio=(0.6,) * n, return_indices=True, _random_samples=u.detach()
        ),
        (2, 3, *(8, 7, 6)[:n]),
        uniform(0, 1, 2, 3, n),
    )

# -- normalization --------------------------------------------------------------------------------

for affine in (True, False):
    w = (4,) if affine else None
    call(
        f"layer_norm {affine}",
        lambda F, x, w, b: F.layer_norm(x, (4,), w, b, 1e-3),
        (2, 3, 4),
        w,
        w,
    )
    call(f"rms_norm {affine}", lambda F, x, w: F.rms_norm(x, [4], w), (2, 3, 4), w)
    call(f"group_norm {affine}", lambda F, x, w, b: F.group_norm(x, 2, w, b), (2, 4, 3, 2), w, w)
    call(
        f"instance_norm {affine}",
        lambda F, x, w, b: F.instance_norm(x, None, None, w, b),
        (2, 4, 5),
        w,
        w,
    )
    for training in (True, False):
        call(
            f"batch_norm {affine} {training}",
            lambda F, x, w, b, m, v, t=training: F.batch_norm(
                x, m.detach(), v.detach(), w, b, t, 0.3, 1e-3
            ),
            (5, 4, 3),
            w,
            w,
            (4,),
            uniform(0.5, 2, 4),
        )
call("batch_norm 2d", lambda F, x: F.batch_norm(x, None, None, training=True), (6, 3))
call("layer_norm two dims", lambda F, x: F.layer_norm(x, (3, 4)), (2, 3, 4))
call("local_response_norm", lambda F, x: F.local_response_norm(x, 3, 0.2, 0.6, 1.5), (2, 5, 3, 2))
call("normalize", lambda F, x: F.normalize(x, p=3, dim=-1), (3, 4))
call("normalize zeros", lambda F, x: F.normalize(x * 0), (3, 4))

# -- activations ----------------------------------------------------------------------------------

for name in [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "gelu",
    "logsigmoid",
    "softplus",
    "softshrink",
    "softsign",
    "tanhshrink",
    "hardshrink",
    "sigmoid",
    "tanh",
    "rrelu",
]:
    call(name, lambda F, x, f=name: getattr(F, f)(x), uniform(-8, 8, 50))
    call(
        f"{name} corners",
        lambda F, x, f=name: getattr(F, f)(x),
        exactly([-6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0]),
    )
call("gelu tanh", lambda F, x: F.gelu(x, approximate="tanh"), uniform(-8, 8, 50))
call("glu", lambda F, x: F.glu(x, 1), (2, 4, 3))
call("prelu one", lambda F, x, w: F.prelu(x, w), (2, 3, 4), (1,))
call("prelu each", lambda F, x, w: F.prelu(x, w), (2, 3, 4), (3,))
call("threshold", lambda F, x: F.threshold(x, 0.2, 5.0), (3, 4))
call("softmax dtype", lambda F, x: F.softmax(x, 1), (3, 4))
call("softmin", lambda F, x: F.softmin(x, dim=0), (3, 4))
call("log_softmax", lambda F, x: F.log_softmax(x, dim=-1), (3, 4))

# -- embedding ------------------------------------------------------------------------------------

call("embedding", lambda F, i, w: F.embedding(i, w, padding_idx=-2), ints(5, 2, 3), (5, 4))
call(
    "embedding frequency",
    lambda F, i, w: F.embedding(i, w, scale_grad_by_freq=True),
    ints(5, 9),
    (5, 4),
)
for mode in ("sum", "mean", "max"):
    call(
        f"embedding_bag {mode}",
        lambda F, i, w, m=mode: F.embedding_bag(i, w, mode=m),
        ints(5, 2, 3),
        (5, 4),
    )
    call(
        f"embedding_bag {mode} offsets",
        lambda F, i, w, o, m=mode: F.embedding_bag(i, w, o, mode=m, padding_idx=1),
        ints(5, 7),
        (5, 4),
        exactly([0, 2, 2, 5]),
    )
call(
    "embedding_bag weights",
    lambda F, i, w, p: F.embedding_bag(i, w, per_sample_weights=p, mode="sum"),
    ints(5, 2, 3),
    (5, 4),
    (2, 3),
)
for shape in ((5,), (1,), (), (3, 5), (3, 1), (1, 1), (2, 3, 1), (1, 3, 5)):
    lead = (2, 3) if len(shape) == 3 else (3,)
    call(f"linear bias {shape}", lambda F, x, w, b: F.linear(x, w, b), (*lead, 4), (5, 4), shape)
call("linear without outputs", lambda F, x, w: F.linear(x, w), (2, 3, 4), (0, 4))
call(
    "bilinear", lambda F, x, y, w, b: F.bilinear(x, y, w, b), (2, 3, 4), (2, 3, 5), (6, 4, 5), (6,)
)
call("cosine_similarity", lambda F, x, y: F.cosine_similarity(x, y, dim=-1), (2, 3, 4), (3, 4))
call(
    "pairwise_distance",
    lambda F, x, y: F.pairwise_distance(x, y, 1.0, keepdim=True),
    (3, 4),
    (3, 4),
)
call("pdist", lambda F, x: F.pdist(x, 3.0), (5, 4))

# -- attention ------------------------------------------------------------------------------------

QKV = ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 2))
call("sdpa", lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v), *QKV)
call("sdpa scale", lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.2), *QKV)
call(
    "sdpa causal", lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *QKV
)
call(
    "sdpa bool", lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *QKV, bools(4, 6)
)
call(
    "sdpa padding",
    lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
    *QKV,
    bools(2, 1, 1, 6),
)
call(
    "sdpa float", lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *QKV, (3, 4, 6)
)
call(
    "sdpa blind",
    lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
    *QKV,
    lambda rng: np.arange(4)[:, None] * np.ones(6) > 1,
)
call(
    "sdpa broadcast",
    lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v),
    (2, 3, 4, 5),
    (1, 3, 6, 5),
    (2, 1, 6, 2),
)
call(
    "sdpa grouped",
    lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True, is_causal=True),
    (2, 6, 4, 5),
    (2, 2, 4, 5),
    (2, 2, 4, 5),
)
call(
    "sdpa two dims",
    lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v),
    (4, 5),
    (6, 5),
    (6, 2),
)

HEADS = ((3, 2, 4), (5, 2, 4), (5, 2, 4), (12, 4), (12,), (4, 4), (4,))


def heads(F, q, k, v, w, b, o, c, *rest, bias=(None, None), zero=False, **kwargs):
    return F.multi_head_attention_forward(q, k, v, 4, 2, w, b, *bias, zero, 0.0, o, c, **kwargs)


call("mha", heads, *HEADS)
call("mha every head", lambda F, *x: heads(F, *x, average_attn_weights=False), *HEADS)
call("mha fused", lambda F, *x: heads(F, *x, need_weights=False), *HEADS)
call("mha zero", lambda F, *x: heads(F, *x, zero=True), *HEADS)
call("mha bias", lambda F, *x: heads(F, *x[:7], bias=x[7:]), *HEADS, (1, 1, 4), (1, 1, 4))
call("mha mask", lambda F, *x: heads(F, *x[:7], attn_mask=x[7]), *HEADS, bools(3, 5, p=0.3))
call("mha float mask", lambda F, *x: heads(F, *x[:7], attn_mask=x[7]), *HEADS, (4, 3, 5))
call(
    "mha padding",
    lambda F, *x: heads(F, *x[:7], key_padding_mask=x[7], need_weights=False),
    *HEADS,
    lambda rng: np.arange(5) > np.array([[3], [2]]),
)
call(
    "mha weights are those after dropout",
    lambda F, q, k, v, w, b, o, c: F.multi_head_attention_forward(
        q, k, v, 4, 2, w, b, None, None, False, 1.0, o, c
    ),
    *HEADS,
)
call("mha unbatched", heads, (3, 4), (5, 4), (5, 4), *HEADS[3:])
call(
    "mha separate",
    lambda F, q, k, v, b, o, c, *w: F.multi_head_attention_forward(
        q,
        k,
        v,
        4,
        2,
        None,
        b,
        None,
        None,
        False,
        0.0,
        o,
        c,
        use_separate_proj_weight=True,
        q_proj_weight=w[0],
        k_proj_weight=w[1],
        v_proj_weight=w[2],
    ),
    (3, 2, 4),
    (5, 2, 6),
    (5, 2, 3),
    (12,),
    (4, 4),
    (4,),
    (4, 4),
    (4, 6),
    (4, 3),
)

# -- losses ---------------------------------------------------------------------------------------

CLASSES = {"(N, C)": ((6, 4), (6,)), "(C,)": ((4,), ()), "(N, C, d)": ((3, 4, 2, 2), (3, 2, 2))}
for reduction, (label, (shape, target)) in itertools.product(
    ("mean", "sum", "none"), CLASSES.items()
):
    for smoothing, weighted, ignored in itertools.product((0.0, 0.2), (False, True), (-100, 2)):
        call(
            f"cross_entropy {label} {reduction} {smoothing} {weighted} {ignored}",
            lambda F, x, t, w, r=reduction, s=smoothing, i=ignored: F.cross_entropy(
                x,
                t,
                None if w is None else w.detach(),
                ignore_index=i,
                reduction=r,
                label_smoothing=s,
            ),
            shape,
            ints(4, *target),
            uniform(0.2, 1, 4) if weighted else None,
        )
    call(
        f"cross_entropy probabilities {label} {reduction}",
        lambda F, x, t, w, r=reduction: F.cross_entropy(
            x, F.softmax(t, 0 if t.ndim == 1 else 1), w.detach(), reduction=r, label_smoothing=0.1
        ),
        shape,
        shape,
        uniform(0.2, 1, 4),
    )
    call(
        f"nll_loss {label} {reduction}",
        lambda F, x, t, w, r=reduction: F.nll_loss(x, t, w.detach(), ignore_index=1, reduction=r),
        shape,
        ints(4, *target),
        uniform(0.2, 1, 4),
    )
call(
    "linear_cross_entropy",
    lambda F, x, w, t, b: F.linear_cross_entropy(x, w, t, linear_bias=b, ignore_index=1),
    (6, 3),
    (4, 3),
    ints(4, 6),
    (4,),
)
PAIR = ((3, 4), (3, 4))
for reduction in ("mean", "sum", "none"):
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        call(
            f"{name} {reduction}",
            lambda F, x, t, f=name, r=reduction: getattr(F, f)(x, t, reduction=r),
            *PAIR,
        )
    call(
        f"binary_cross_entropy {reduction}",
        lambda F, x, t, w, r=reduction: F.binary_cross_entropy(x, t, w.detach(), reduction=r),
        uniform(0, 1, 3, 4),
        uniform(0, 1, 3, 4),
        uniform(0.2, 1, 4),
    )
    call(
        f"bce_with_logits {reduction}",
        lambda F, x, t, w, p, r=reduction: F.binary_cross_entropy_with_logits(
            x, t, w.detach(), reduction=r, pos_weight=p.detach()
        ),
        (3, 4),
        uniform(0, 1, 3, 4),
        uniform(0.2, 1, 4),
        uniform(0.5, 3, 4),
    )
call(
    "binary_cross_entropy ends",
    lambda F, x, t: F.binary_cross_entropy(x, t.detach(), reduction="none"),
    exactly([0.0, 1.0, 0.0, 1.0]),
    exactly([0.0, 0.0, 1.0, 1.0]),
)
call(
    "kl_div zeros",
    lambda F, x, t: F.kl_div(x, t.detach(), reduction="sum"),
    (4,),
    exactly([0.0, 0.3, 0.0, 0.7]),
)
call(
    "ctc_loss",
    lambda F, x, t, i, n: F.ctc_loss(F.log_softmax(x, -1), t, i, n),
    (9, 3, 5),
    lambda r: r.integers(1, 5, (3, 4)),
    exactly([9, 7, 8]),
    exactly([4, 1, 3]),
)
call(
    "ctc_loss one behind the other",
    lambda F, x, t, i, n: F.ctc_loss(F.log_softmax(x, -1), t, i, n, blank=2, reduction="sum"),
    (9, 2, 5),
    exactly([1, 1, 3, 0, 4]),
    exactly([9, 9]),
    exactly([3, 2]),
)
call(
    "ctc_loss impossible",
    lambda F, x, t, i, n: F.ctc_loss(F.log_softmax(x, -1), t, i, n, zero_infinity=True),
    (3, 2, 5),
    exactly([[1, 1, 1], [2, 3, 4]]),
    exactly([3, 3]),
    exactly([3, 3]),
)

# -- resampling -----------------------------------------------------------------------------------

for n, mode in ((1, "linear"), (2, "bilinear"), (2, "bicubic"), (3, "trilinear")):
    size = (5, 6, 4)[:n]
    for align, target in itertools.product((False, True), ({"size": 7}, {"scale_factor": 1.7})):
        for recompute in (None, True) if "scale_factor" in target else (None,):
            call(
                f"interpolate {mode} {align} {target} {recompute}",
                lambda F, x, m=mode, a=align, t=target, r=recompute: F.interpolate(
                    x, mode=m, align_corners=a, recompute_scale_factor=r, **t
                ),
                (2, 3, *size),
            )
for mode, target in itertools.product(
    ("nearest", "nearest-exact", "area"), ({"size": (3, 9)}, {"scale_factor": (2, 0.7)})
):
    call(
        f"interpolate {mode} {target}",
        lambda F, x, m=mode, t=target: F.interpolate(x, mode=m, **t),
        (2, 3, 5, 6),
    )
for mode, padding, align in itertools.product(
    ("bilinear", "nearest"), ("zeros", "border", "reflection"), (False, True)
):
    for n in (2, 3):
        call(
            f"grid_sample {n} {mode} {padding} {align}",
            lambda F, x, g, m=mode, p=padding, a=align: F.grid_sample(x, g, m, p, a),
            (2, 3, *(4, 5, 3)[:n]),
            uniform(-1.7, 1.7, 2, *(3, 4, 2)[:n], n),
        )
for padding, align in itertools.product(("zeros", "border", "reflection"), (False, True)):
    call(
        f"grid_sample bicubic {padding} {align}",
        lambda F, x, g, p=padding, a=align: F.grid_sample(x, g, "bicubic", p, a),
        (2, 3, 5, 6),
        uniform(-1.7, 1.7, 2, 3, 4, 2),
    )
for mode, align, size in itertools.product(
    ("bilinear", "bicubic"), (False, True), ((3, 4), (9, 8), (2, 12))
):
    call(
        f"interpolate antialias {mode} {align} {size}",
        lambda F, x, m=mode, a=align, s=size: F.interpolate(x, s, None, m, a, antialias=True),
        (2, 3, 7, 8),
    )
for align in (False, True):
    call(f"affine_grid {align}", lambda F, t, a=align: F.affine_grid(t, [2, 1, 3, 4], a), (2, 2, 3))
    call(
        f"affine_grid 3d {align}",
        lambda F, t, a=align: F.affine_grid(t, [2, 1, 3, 4, 2], a),
        (2, 3, 4),
    )
for mode in ("constant", "reflect", "replicate", "circular"):
    call(f"pad {mode}", lambda F, x, m=mode: F.pad(x, (2, 1, 0, 3), mode=m), (2, 3, 4, 5))
    call(
        f"pad {mode} negative", lambda F, x, m=mode: F.pad(x, (-1, 2, 1, -1), mode=m), (2, 3, 4, 5)
    )
call("pixel_shuffle", lambda F, x: F.pixel_shuffle(x, 2), (2, 8, 3, 2))
call("pixel_unshuffle", lambda F, x: F.pixel_unshuffle(x, 2), (8, 4, 6))


# -- the comparison -------------------------------------------------------------------------------


def ours(value):
    return clownpiece.tensor(value) if isinstance(value, np.ndarray) else value


def theirs(value):
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def run(F, inputs, call: Call):
    """The floating outputs as arrays, the others, and the gradients of the inputs."""
    leaves = [x for x in inputs if x is not None and x.is_floating_point()]
    for leaf in leaves:
        leaf.requires_grad_()
    made = call.function(F, *inputs)
    outputs = [y for y in (made if isinstance(made, tuple) else (made,)) if y is not None]
    total = 0
    for y in outputs:
        if y.is_floating_point():
            weights = np.random.default_rng(7).standard_normal(tuple(y.shape))
            make = ours if F is OURS else theirs
            total = total + (y * make(np.asarray(weights))).sum()
    total.backward()
    values = [y.detach().numpy() for y in outputs]
    return values, [None if x.grad is None else x.grad.numpy() for x in leaves]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_values_and_gradients(call: Call):
    inputs = drawn(call)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = run(THEIRS, [theirs(x) for x in inputs], call)
    found = run(OURS, [ours(x) for x in inputs], call)
    for mine, other in zip(found[0], expected[0], strict=True):
        assert mine.shape == other.shape
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-9)
    for mine, other in zip(found[1], expected[1], strict=True):
        zeros = np.zeros(())
        pair = [zeros if g is None else g for g in (mine, other)]
        np.testing.assert_allclose(*np.broadcast_arrays(*pair), rtol=1e-6, atol=1e-9)

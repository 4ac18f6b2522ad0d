"""Every module beside PyTorch's: one line each, for its repr, state, values and gradients.

A line makes the module in both libraries, gives ours the values of theirs, and calls both on
the same inputs in float64, training and evaluating.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from support.twins import (  # noqa: E402
    assert_same,
    away,
    build,
    case,
    distinct,
    f,
    given,
    ints,
    log_probs,
    mask,
    positive,
    run,
    signs,
)

import clownpiece  # noqa: E402

TWO_BAGS = given([0, 3])
CAUSAL = given([[False, True, True], [False, False, True], [False, False, False]])
LABELS = given([[3, 0, -1, 1], [1, 2, 0, -1]])

LINEAR = [
    case("Identity(3, a=1)", f(2, 3)),
    case("Linear(3, 4)", f(5, 3)),
    case("Linear(3, 4, bias=False)", f(2, 5, 3)),
    case("Linear(3, 4)", f(3)),
    case("Bilinear(2, 3, 4)", f(5, 2), f(5, 3)),
    case("Bilinear(2, 3, 4, bias=False)", f(2, 5, 2), f(2, 5, 3)),
    case("Flatten()", f(2, 3, 4)),
    case("Flatten(0, 1)", f(2, 3, 4)),
    case("Unflatten(1, (2, 3))", f(4, 6)),
    case("Unflatten(-1, (-1, 3))", f(4, 6)),
    case("PixelShuffle(2)", f(2, 8, 3, 4)),
    case("PixelUnshuffle(2)", f(2, 3, 4, 6)),
    case("ChannelShuffle(2)", f(2, 6, 3, 3)),
    case("CosineSimilarity()", f(4, 3), f(4, 3)),
    case("CosineSimilarity(dim=-1, eps=1e-6)", f(2, 4, 3), f(2, 4, 3)),
    case("PairwiseDistance()", f(4, 3), f(4, 3)),
    case("PairwiseDistance(p=1, keepdim=True)", f(4, 3), f(4, 3)),
    case("Upsample(scale_factor=2)", f(1, 2, 3, 3)),
    case("Upsample(size=(5, 4), mode='bilinear', align_corners=False)", f(1, 2, 3, 3)),
    case("Upsample(scale_factor=2., mode='bicubic', align_corners=True)", f(1, 2, 3, 4)),
    case("Upsample(scale_factor=2, mode='linear')", f(1, 2, 5)),
    case("Upsample(scale_factor=2, mode='trilinear')", f(1, 2, 2, 3, 2)),
    case("UpsamplingNearest2d(scale_factor=2)", f(1, 2, 3, 3)),
    case("UpsamplingBilinear2d((5, 5))", f(1, 2, 3, 3)),
]

DROPOUT = [
    case(f"{name}(p={p})", f(2, 3, *[4] * dims), train=train)
    for name, dims in (
        ("Dropout", 1),
        ("Dropout1d", 1),
        ("Dropout2d", 2),
        ("Dropout3d", 3),
        ("AlphaDropout", 1),
        ("FeatureAlphaDropout", 2),
    )
    for p, train in ((0.5, False), (0.0, True))
]

ACTIVATIONS = [
    case("CELU(alpha=0.7)", away(3, 4)),
    case("ELU()", away(3, 4)),
    case("ELU(alpha=0.5)", away(3, 4)),
    case("GELU()", f(3, 4)),
    case("GELU(approximate='tanh')", f(3, 4)),
    case("GLU()", f(3, 4)),
    case("GLU(dim=0)", f(4, 3)),
    case("Hardshrink(0.3)", f(3, 4)),
    case("Hardsigmoid()", f(3, 4)),
    case("Hardswish()", f(3, 4)),
    case("Hardtanh()", f(3, 4)),
    case("Hardtanh(-0.5, 2.0)", f(3, 4)),
    case("LeakyReLU()", away(3, 4)),
    case("LeakyReLU(0.2)", away(3, 4)),
    case("LogSigmoid()", f(3, 4)),
    case("LogSoftmax(dim=1)", f(3, 4)),
    case("Mish()", f(3, 4)),
    case("PReLU()", away(3, 4)),
    case("PReLU(4, init=0.1)", away(3, 4, 2)),
    case("ReLU()", away(3, 4)),
    case("ReLU6()", away(3, 4)),
    case("RReLU()", away(3, 4), train=False),
    case("SELU()", away(3, 4)),
    case("Sigmoid()", f(3, 4)),
    case("SiLU()", f(3, 4)),
    case("Softmax(dim=-1)", f(3, 4)),
    case("Softmax2d()", f(2, 3, 2, 2)),
    case("Softmin(dim=0)", f(3, 4)),
    case("Softplus()", f(3, 4)),
    case("Softplus(beta=2.0, threshold=1.0)", f(3, 4)),
    case("Softshrink(0.3)", f(3, 4)),
    case("Softsign()", f(3, 4)),
    case("Tanh()", f(3, 4)),
    case("Tanhshrink()", f(3, 4)),
    case("Threshold(0.2, -3.0)", f(3, 4)),
]

CONVOLUTION = [
    case("Conv1d(2, 3, 3)", f(2, 2, 7)),
    case("Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2)", f(2, 4, 9)),
    case("Conv1d(2, 3, 3, padding='same', padding_mode='reflect')", f(2, 2, 7)),
    case("Conv2d(2, 3, 3)", f(2, 2, 6, 5)),
    case("Conv2d(2, 3, 3)", f(2, 6, 5)),
    case("Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), bias=False)", f(2, 2, 6, 5)),
    case("Conv2d(4, 4, 3, groups=4, padding='same')", f(1, 4, 5, 5)),
    case("Conv2d(2, 3, 4, padding='same', padding_mode='replicate')", f(1, 2, 5, 5)),
    case("Conv2d(2, 3, 3, padding=1, padding_mode='circular')", f(1, 2, 5, 5)),
    case("Conv2d(2, 3, 3, padding='valid', padding_mode='circular')", f(1, 2, 5, 5)),
    case("Conv3d(2, 3, 2, padding=1)", f(1, 2, 3, 4, 3)),
    case("ConvTranspose1d(2, 3, 3, stride=2)", f(2, 2, 5)),
    case("ConvTranspose2d(2, 3, 3)", f(2, 2, 4, 3)),
    case("ConvTranspose2d(4, 2, 3, 2, 1, output_padding=1, groups=2)", f(2, 4, 3, 3)),
    case("ConvTranspose2d(2, 3, 3, stride=2)", f(2, 2, 3, 3), output_size=(8, 7)),
    case("ConvTranspose2d(2, 3, 2, dilation=2, bias=False)", f(2, 3, 3)),
    case("ConvTranspose3d(2, 3, 2, stride=2)", f(1, 2, 2, 3, 2)),
    case("Unfold(2)", f(2, 3, 4, 4)),
    case("Unfold((2, 3), dilation=1, padding=1, stride=2)", f(2, 3, 4, 5)),
    case("Fold((4, 4), 2, stride=2)", f(2, 12, 4)),
    case("Fold(4, 3, padding=1)", f(2, 18, 16)),
]

PADDING = [
    case(f"{kind}Pad{dims}d({amount}{extra})", f(2, 2, *[4] * dims))
    for kind, extra in (
        ("Constant", ", 0.5"),
        ("Zero", ""),
        ("Reflection", ""),
        ("Replication", ""),
        ("Circular", ""),
    )
    for dims in (1, 2, 3)
    for amount in ("2", str(tuple([1, 2] * dims)))
]

POOLING = [
    case("MaxPool1d(2)", distinct(2, 2, 7)),
    case("MaxPool1d(3, stride=1, padding=1, dilation=2, ceil_mode=True)", distinct(2, 2, 9)),
    case("MaxPool2d(2)", distinct(2, 2, 6, 5)),
    case("MaxPool2d((3, 2), stride=2, padding=1)", distinct(2, 6, 5)),
    case("MaxPool2d(2, ceil_mode=True, return_indices=True)", distinct(2, 2, 5, 5)),
    case("MaxPool3d(2)", distinct(1, 2, 4, 4, 4)),
    case("AvgPool1d(2)", f(2, 2, 7)),
    case("AvgPool2d(2)", f(2, 2, 6, 5)),
    case("AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)", f(2, 2, 6, 6)),
    case("AvgPool2d(2, divisor_override=3)", f(2, 2, 4, 4)),
    case("AvgPool3d(2)", f(1, 2, 4, 4, 4)),
    case("LPPool1d(2, 3)", positive(2, 2, 7)),
    case("LPPool2d(3, 2, stride=1)", positive(2, 2, 4, 4)),
    case("LPPool3d(2, 2)", positive(1, 2, 4, 4, 4)),
    case("AdaptiveAvgPool1d(3)", f(2, 2, 7)),
    case("AdaptiveAvgPool2d((3, 2))", f(2, 2, 7, 5)),
    case("AdaptiveAvgPool2d((None, 1))", f(2, 4, 5)),
    case("AdaptiveAvgPool3d(2)", f(1, 2, 3, 4, 5)),
    case("AdaptiveMaxPool1d(3)", distinct(2, 2, 7)),
    case("AdaptiveMaxPool2d((3, 2), return_indices=True)", distinct(2, 2, 7, 5)),
    case("AdaptiveMaxPool3d(2)", distinct(1, 2, 3, 4, 5)),
    case("MaxUnpool1d(2)", f(1, 1, 3), given([[[1, 2, 5]]])),
    case("MaxUnpool2d(2)", f(1, 1, 2, 2), given([[[[0, 3], [9, 14]]]])),
    case("MaxUnpool2d(2)", f(1, 1, 2, 2), given([[[[0, 3], [9, 14]]]]), output_size=(5, 5)),
    case("MaxUnpool3d(2)", f(1, 1, 1, 1, 2), given([[[[[0, 11]]]]])),
    case("FractionalMaxPool2d(2, 3, _random_samples=T.ones(2, 2, 2) / 3)", distinct(2, 2, 7, 8)),
    case(
        "FractionalMaxPool2d(2, output_ratio=.5, _random_samples=T.ones(1, 2, 2) / 5)",
        distinct(1, 2, 8, 8),
    ),
    case("FractionalMaxPool3d(2, 3, _random_samples=T.ones(1, 2, 3) / 3)", distinct(1, 2, 6, 6, 6)),
]

NORMALIZATION = [
    case("BatchNorm1d(3)", f(6, 3)),
    case("BatchNorm1d(3, momentum=None)", f(4, 3, 5)),
    case("BatchNorm1d(3, affine=False)", f(6, 3)),
    case("BatchNorm1d(3, bias=False)", f(6, 3)),
    case("BatchNorm2d(3)", f(4, 3, 2, 2)),
    case("BatchNorm2d(3, eps=1e-3, momentum=0.3)", f(4, 3, 2, 2)),
    case("BatchNorm2d(3, track_running_stats=False)", f(4, 3, 2, 2)),
    case("BatchNorm3d(2)", f(3, 2, 2, 2, 2)),
    case("InstanceNorm1d(3)", f(2, 3, 5)),
    case("InstanceNorm1d(3)", f(3, 5)),
    case("InstanceNorm2d(3, affine=True)", f(2, 3, 4, 4)),
    case("InstanceNorm2d(3, affine=True, track_running_stats=True)", f(2, 3, 4, 4)),
    case("InstanceNorm3d(2)", f(2, 2, 2, 3, 2)),
    case("GroupNorm(2, 4)", f(3, 4, 5)),
    case("GroupNorm(4, 4, affine=False)", f(3, 4, 5, 2)),
    case("GroupNorm(1, 4, bias=False)", f(3, 4)),
    case("LayerNorm(4)", f(2, 3, 4)),
    case("LayerNorm((3, 4), eps=1e-3)", f(2, 3, 4)),
    case("LayerNorm(4, elementwise_affine=False)", f(2, 3, 4)),
    case("LayerNorm(4, bias=False)", f(2, 3, 4)),
    case("RMSNorm(4)", f(2, 3, 4)),
    case("RMSNorm((3, 4), eps=1e-3, elementwise_affine=False)", f(2, 3, 4)),
    case("LocalResponseNorm(2)", f(2, 5, 3, 3)),
    case("LocalResponseNorm(3, alpha=0.1, beta=0.5, k=2.0)", f(2, 5, 4)),
]

EMBEDDING = [
    case("Embedding(7, 3)", ints(7, 2, 4)),
    case("Embedding(7, 3, padding_idx=0)", ints(3, 2, 4)),
    case("Embedding(7, 3, padding_idx=-1, scale_grad_by_freq=True)", ints(7, 2, 8)),
    case("Embedding(7, 3, max_norm=1.0, norm_type=1.0)", ints(7, 5)),
    case("EmbeddingBag(7, 3)", ints(7, 2, 4)),
    case("EmbeddingBag(7, 3, mode='sum')", ints(7, 6), TWO_BAGS, f(6)),
    case("EmbeddingBag(7, 3, mode='max')", ints(7, 6), TWO_BAGS),
    case("EmbeddingBag(7, 3, padding_idx=0)", ints(3, 2, 6)),
    case("EmbeddingBag(7, 3, include_last_offset=True)", ints(7, 6), given([0, 2, 6])),
]

RECURRENT = [
    case("RNN(3, 4)", f(5, 2, 3)),
    case("RNN(3, 4, 2, nonlinearity='relu', bias=False, bidirectional=True)", f(5, 2, 3)),
    case("RNN(3, 4, batch_first=True)", f(2, 5, 3), f(1, 2, 4)),
    case("RNN(3, 4)", f(5, 3), f(1, 4)),
    case("LSTM(3, 4)", f(5, 2, 3)),
    case("LSTM(3, 4, 2, bidirectional=True)", f(5, 2, 3), (f(4, 2, 4), f(4, 2, 4))),
    case("LSTM(3, 4, 2, batch_first=True, proj_size=2)", f(2, 5, 3)),
    case("LSTM(3, 4, bias=False)", f(5, 3)),
    case("GRU(3, 4)", f(5, 2, 3)),
    case("GRU(3, 4, 2, bidirectional=True, batch_first=True)", f(2, 5, 3), f(4, 2, 4)),
    case("GRU(3, 4, num_layers=2, dropout=0.3)", f(5, 2, 3), train=False),
    case("RNNCell(3, 4)", f(2, 3)),
    case("RNNCell(3, 4, bias=False, nonlinearity='relu')", f(3), f(4)),
    case("LSTMCell(3, 4)", f(2, 3), (f(2, 4), f(2, 4))),
    case("LSTMCell(3, 4)", f(3)),
    case("GRUCell(3, 4)", f(2, 3), f(2, 4)),
]

ATTENTION = [
    case("MultiheadAttention(8, 2)", f(3, 2, 8), f(5, 2, 8), f(5, 2, 8)),
    case("MultiheadAttention(8, 2, batch_first=True)", f(2, 3, 8), f(2, 5, 8), f(2, 5, 8)),
    case("MultiheadAttention(8, 4, bias=False)", f(3, 8), f(5, 8), f(5, 8)),
    case("MultiheadAttention(8, 2)", f(3, 8), f(5, 8), f(5, 8), mask(5)),
    case("MultiheadAttention(8, 2, kdim=4, vdim=6)", f(3, 2, 8), f(5, 2, 4), f(5, 2, 6)),
    case("MultiheadAttention(8, 2, add_bias_kv=True)", f(3, 2, 8), f(5, 2, 8), f(5, 2, 8)),
    case(
        "MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True)",
        *(f(2, 3, 8), f(2, 5, 8), f(2, 5, 8), mask(2, 5)),
        attn_mask=mask(3, 5),
        average_attn_weights=False,
    ),
    case(
        "MultiheadAttention(8, 2)",
        *(f(3, 2, 8), f(5, 2, 8), f(5, 2, 8)),
        need_weights=False,
        attn_mask=f(4, 3, 5),
    ),
    case(
        "MultiheadAttention(8, 2)",
        *(f(3, 2, 8), f(3, 2, 8), f(3, 2, 8)),
        need_weights=False,
        attn_mask=CAUSAL,
        is_causal=True,
    ),
    case("TransformerEncoderLayer(8, 2, 16)", f(3, 2, 8), train=False),
    case("TransformerEncoderLayer(8, 2, 16, dropout=0.)", f(3, 8), src_mask=CAUSAL),
    case(
        "TransformerEncoderLayer(8, 2, 16, 0., 'gelu', 1e-3, True, norm_first=True, bias=False)",
        f(2, 3, 8),
        src_mask=CAUSAL,
        is_causal=True,
    ),
    case("TransformerEncoderLayer(8, 2, 16, 0.)", f(3, 2, 8), src_key_padding_mask=mask(2, 3)),
    case("TransformerDecoderLayer(8, 2, 16, 0.)", f(3, 2, 8), f(5, 2, 8), tgt_mask=CAUSAL),
    case("TransformerDecoderLayer(8, 2, 16, 0., norm_first=True)", f(3, 2, 8), f(5, 2, 8)),
    case(
        "TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.), 2, nn.LayerNorm(8))",
        f(3, 2, 8),
        mask=CAUSAL,
    ),
    case("TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, 0.), 2)", f(3, 2, 8), f(5, 2, 8)),
    case("Transformer(8, 2, 2, 2, 16, 0.)", f(5, 2, 8), f(3, 2, 8), tgt_mask=CAUSAL),
    case("Transformer(8, 2, 1, 1, 16, 0., batch_first=True)", f(2, 5, 8), f(2, 3, 8)),
]

CONTAINERS = [
    case("Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))", f(5, 3)),
    case("Sequential()", f(2)),
]


def losses():
    numbers = [
        ("L1Loss", "", (f(4, 3), f(4, 3))),
        ("MSELoss", "", (f(4, 3), f(4, 3))),
        ("SmoothL1Loss", "beta=0.5, ", (f(4, 3), f(4, 3))),
        ("HuberLoss", "delta=0.7, ", (f(4, 3), f(4, 3))),
        ("KLDivLoss", "", (log_probs(4, 3), positive(4, 3))),
        ("KLDivLoss", "log_target=True, ", (log_probs(4, 3), log_probs(4, 3))),
        ("PoissonNLLLoss", "", (f(4, 3), positive(4, 3))),
        ("PoissonNLLLoss", "log_input=False, full=True, ", (positive(4, 3), ints(9, 4, 3))),
        ("GaussianNLLLoss", "", (f(4, 3), f(4, 3), positive(4, 3))),
        ("GaussianNLLLoss", "full=True, ", (f(4, 3), f(4, 3), positive(4, 1))),
        ("BCELoss", "", (positive(4, 3), positive(4, 3))),
        ("BCELoss", "weight=T.tensor([1., 2., 3.]), ", (positive(4, 3), positive(4, 3))),
        ("BCEWithLogitsLoss", "", (f(4, 3), positive(4, 3))),
        (
            "BCEWithLogitsLoss",
            "weight=T.tensor([1., .5, 2.]), pos_weight=T.tensor([1., 2., 3.]), ",
            (f(4, 3), positive(4, 3)),
        ),
    ]
    classes = [
        ("CrossEntropyLoss", "", (f(4, 5), ints(5, 4))),
        ("CrossEntropyLoss", "", (f(5), ints(5))),
        ("CrossEntropyLoss", "label_smoothing=0.1, ", (f(2, 5, 3), ints(5, 2, 3))),
        ("CrossEntropyLoss", "ignore_index=1, ", (f(6, 3), ints(3, 6))),
        ("CrossEntropyLoss", "weight=T.tensor([1., 2., 3.]), ", (f(6, 3), ints(3, 6))),
        ("CrossEntropyLoss", "", (f(4, 5), positive(4, 5))),
        ("NLLLoss", "", (log_probs(4, 5), ints(5, 4))),
        (
            "NLLLoss",
            "weight=T.tensor([1., 2., 3.]), ignore_index=0, ",
            (f(2, 3, 4), ints(3, 2, 4)),
        ),
        ("MultiMarginLoss", "", (f(4, 5), ints(5, 4))),
        (
            "MultiMarginLoss",
            "p=2, margin=0.5, weight=T.tensor([1., 2., 3.]), ",
            (f(4, 3), ints(3, 4)),
        ),
        ("MultiLabelMarginLoss", "", (f(2, 4), LABELS)),
        ("MultiLabelSoftMarginLoss", "", (f(4, 3), ints(2, 4, 3))),
        ("SoftMarginLoss", "", (f(4, 3), signs(4, 3))),
    ]
    pairs = [
        ("CosineEmbeddingLoss", "margin=0.2, ", (f(4, 3), f(4, 3), signs(4))),
        ("HingeEmbeddingLoss", "", (f(4, 3), signs(4, 3))),
        ("MarginRankingLoss", "margin=0.5, ", (f(4), f(4), signs(4))),
        ("TripletMarginLoss", "", (f(4, 3), f(4, 3), f(4, 3))),
        ("TripletMarginLoss", "margin=2., p=1, swap=True, ", (f(4, 3), f(4, 3), f(4, 3))),
        ("TripletMarginWithDistanceLoss", "", (f(4, 3), f(4, 3), f(4, 3))),
    ]
    for name, arguments, inputs in numbers + classes + pairs:
        for reduction in ("mean", "sum", "none"):
            yield case(f"{name}({arguments}reduction={reduction!r})", *inputs)
    yield case("LinearCrossEntropyLoss(4, 3)", f(5, 4), ints(3, 5))
    yield case("LinearCrossEntropyLoss(4, 3, bias=True, ignore_index=1)", f(5, 4), ints(3, 5))
    yield case("LinearCrossEntropyLoss(4, 3, out_features=(2,))", f(5, 4), ints(3, 5, 2))
    yield case("AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2.)", f(6, 8), ints(20, 6))
    yield case("AdaptiveLogSoftmaxWithLoss(8, 9, [3], 2., head_bias=True)", f(8), ints(9))
    yield case("KLDivLoss(reduction='batchmean')", log_probs(4, 3), positive(4, 3))


TABLE = [
    *LINEAR,
    *DROPOUT,
    *ACTIVATIONS,
    *CONVOLUTION,
    *PADDING,
    *POOLING,
    *NORMALIZATION,
    *EMBEDDING,
    *RECURRENT,
    *ATTENTION,
    *CONTAINERS,
    *losses(),
]


# Theirs warn of slower ways and of a mean that is not the mathematician's.
@pytest.mark.filterwarnings("ignore:(enable_nested_tensor|reduction. 'mean'):UserWarning")
@pytest.mark.parametrize("case", TABLE, ids=str)
def test_values_gradients_and_buffers_agree(case):
    theirs, ours = build(case.text)
    for training in (True, False) if case.train else (False,):
        expected = run(torch, theirs.train(training), case)
        assert_same(run(clownpiece, ours.train(training), case), expected, 1e-6)


TEXTS = sorted({each.text for each in TABLE})


@pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")
@pytest.mark.parametrize("text", TEXTS)
def test_repr_and_state_agree(text):
    theirs, ours = build(text)
    # Their name for the output layer speaks of quantization, which there is none of here.
    expected = repr(theirs).replace("NonDynamicallyQuantizable", "")
    assert repr(ours) == expected.replace("torch.", "clownpiece.")
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert tuple(state[name].shape) == tuple(value.shape)
        assert state[name].array.dtype == value.numpy().dtype
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]


NAMES = sorted({text.split("(")[0] for text in TEXTS})
# Arguments that only old code, or code about other devices, gives.
DROPPED = {"Hardtanh": {"min_value", "max_value"}}


@pytest.mark.parametrize("name", NAMES)
def test_arguments_have_the_same_names_order_and_defaults(name):
    def arguments(library):
        parameters = inspect.signature(getattr(library, name)).parameters
        defaults = {n: p.default for n, p in parameters.items() if p.kind not in (2, 4)}
        return {
            n: getattr(default, "__name__", default)
            for n, default in defaults.items()
            if n not in DROPPED.get(name, ())
        }

    theirs, ours = arguments(torch.nn), arguments(clownpiece.nn)
    if name in ("RNN", "LSTM", "GRU"):
        return  # Theirs take anything and read it themselves.
    assert list(ours.items())[: len(theirs)] == list(theirs.items())


@pytest.mark.parametrize("targets", [ints(5, 2, 3, low=1), ints(5, 5, low=1)], ids=["2d", "1d"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_ctc_agrees_behind_a_log_softmax(targets, reduction):
    # Their gradient of log-probabilities is already that of the scores before log_softmax.
    case_of = case("CTCLoss", f(6, 2, 5), targets, given([6, 5]), given([3, 2]))
    found = []
    for library in (torch, clownpiece):
        loss = library.nn.CTCLoss(reduction=reduction)
        scored = library.nn.LogSoftmax(dim=-1)
        wrapped = library.nn.Module()
        wrapped.forward = lambda x, *rest, loss=loss, scored=scored: loss(scored(x), *rest)
        found.append(run(library, wrapped, case_of))
    assert_same(found[1], found[0], 1e-6)


def test_adaptive_softmax_predicts_and_knows_all_probabilities():
    theirs, ours = build("AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2.)")
    x = np.random.default_rng(0).standard_normal((7, 8))
    expected = theirs.log_prob(torch.tensor(x))
    np.testing.assert_allclose(ours.log_prob(clownpiece.tensor(x)).detach(), expected.detach())
    assert ours.predict(clownpiece.tensor(x)).tolist() == theirs.predict(torch.tensor(x)).tolist()

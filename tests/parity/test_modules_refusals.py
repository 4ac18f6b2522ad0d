"""What a module refuses, PyTorch refuses too, with an error of the same class, and vice versa."""

from __future__ import annotations

import inspect

import pytest

torch = pytest.importorskip("torch")

from support.twins import case, draw, f, given, ints, positive  # noqa: E402

import clownpiece  # noqa: E402

CONSTRUCTORS = [
    "AdaptiveLogSoftmaxWithLoss(8, 20, [])",
    "AdaptiveLogSoftmaxWithLoss(8, 20, [5, 5])",
    "AdaptiveLogSoftmaxWithLoss(8, 20, [5, 25])",
    "Bilinear(0, 2, 3)",
    "Conv1d(2, 3, 3, padding='sam')",
    "Conv2d(2, 3, 3, groups=0)",
    "Conv2d(2, 3, 3, padding_mode='mirror')",
    "Conv2d(3, 4, 3, groups=2)",
    "Conv2d(4, 3, 3, groups=2)",
    "Conv2d(4, 4, 3, stride=2, padding='same')",
    "ConvTranspose2d(2, 2, 3, padding_mode='reflect')",
    "Dropout(1.5)",
    "Dropout2d(-0.1)",
    "Embedding(3, 2, padding_idx=3)",
    "Embedding(3, 2, padding_idx=-4)",
    "Embedding(3, 2, _weight=T.zeros(2, 2))",
    "Embedding.from_pretrained(T.zeros(3))",
    "FractionalMaxPool2d(2)",
    "FractionalMaxPool2d(2, 3, 0.5)",
    "FractionalMaxPool2d(2, output_ratio=1.5)",
    "GroupNorm(3, 4)",
    "GRU(3, 4, proj_size=2)",
    "Hardtanh(1.0, -1.0)",
    "LSTM(3, 4, proj_size=4)",
    "LSTM(3, 4, dropout=1.5)",
    "LSTM(3, 0)",
    "Linear(2, 3, 4, 5, 6, 7)",
    "MultiMarginLoss(p=3)",
    "MultiMarginLoss(weight=T.zeros(2, 2))",
    "MultiheadAttention(0, 1)",
    "MultiheadAttention(8, 3)",
    "RNN(3, 4, nonlinearity='gelu')",
    "RNN(3, 4, proj_size=2)",
    "TransformerEncoderLayer(8, 2, activation='tanh')",
    "TripletMarginLoss(margin=0)",
    "TripletMarginWithDistanceLoss(margin=-1)",
    "Unflatten(1, 3)",
    "Unflatten(1, (2, 1.5))",
]


@pytest.mark.parametrize("text", CONSTRUCTORS)
def test_what_cannot_be_built(text):
    assert error_of(clownpiece, case(text)) == error_of(torch, case(text)) != "fine"


CALLS = [
    case("Linear(3, 4)", f(5, 2)),
    case("Bilinear(2, 3, 4)", f(5, 2), f(5, 2)),
    case("Bilinear(2, 3, 4)", f(5, 2), f(4, 3)),
    case("Flatten(1, 5)", f(2, 3)),
    case("Unflatten(1, (2, 4))", f(3, 6)),
    case("PixelShuffle(2)", f(1, 3, 2, 2)),
    case("PixelUnshuffle(2)", f(1, 3, 3, 2)),
    case("ChannelShuffle(2)", f(1, 3, 2, 2)),
    case("Conv1d(2, 3, 3)", f(1, 4, 7)),
    case("Conv2d(2, 3, 3)", f(1, 4, 5, 5)),
    case("Conv2d(2, 3, 3)", f(5, 5)),
    case("Conv2d(2, 3, 3)", f(1, 2, 2, 2)),
    case("Conv2d(2, 3, 3, stride=0)", f(1, 2, 4, 4)),
    case("ConvTranspose2d(2, 3, 3)", f(1, 4, 5, 5)),
    case("ConvTranspose2d(2, 3, 3, stride=2)", f(1, 2, 3, 3), output_size=(9, 9)),
    case("Fold((4, 4), 2)", f(1, 12, 4)),
    case("ReflectionPad2d(3)", f(1, 1, 3, 3)),
    case("CircularPad1d(4)", f(1, 1, 3)),
    case("MaxPool2d(2)", f(5)),
    case("MaxPool2d(2, padding=2)", f(1, 1, 4, 4)),
    case("MaxPool2d(5)", f(1, 1, 4, 4)),
    case("AvgPool2d(2, divisor_override=0)", f(1, 1, 4, 4)),
    case("AdaptiveAvgPool2d(2)", f(4)),
    case("MaxUnpool2d(2)", f(1, 1, 2, 2), given([[[[0, 3], [9, 99]]]])),
    case("BatchNorm1d(3)", f(1, 3)),
    case("BatchNorm1d(3)", f(2, 3, 4, 5)),
    case("BatchNorm1d(3)", f(2, 4)),
    case("BatchNorm2d(3)", f(2, 3)),
    case("InstanceNorm2d(3, affine=True)", f(2, 4, 3, 3)),
    case("InstanceNorm2d(3)", f(3, 3)),
    case("InstanceNorm2d(3)", f(1, 3, 1, 1)),
    case("GroupNorm(2, 4)", f(2, 6, 3)),
    case("LayerNorm(3)", f(2, 4)),
    case("RMSNorm((2, 3))", f(2, 4)),
    case("Embedding(3, 2)", given([3])),
    case("Embedding(3, 2)", given([-1])),
    case("Embedding(3, 2)", f(3)),
    case("EmbeddingBag(3, 2)", ints(3, 4)),
    case("EmbeddingBag(3, 2)", ints(3, 2, 2), given([0, 1])),
    case("EmbeddingBag(3, 2)", ints(3, 4), given([1, 2])),
    case("LSTM(3, 4)", f(5, 2, 2)),
    case("LSTM(3, 4)", f(5, 2, 3), (f(1, 3, 4), f(1, 2, 4))),
    case("GRU(3, 4)", f(5, 2, 3), f(2, 2, 4)),
    case("GRU(3, 4)", f(5)),
    case("RNNCell(3, 4)", f(2, 2)),
    case("LSTMCell(3, 4)", f(2, 2, 3)),
    case("GRUCell(3, 4)", f(2, 3), f(2, 5)),
    case("MultiheadAttention(8, 2)", f(3, 2, 6), f(3, 2, 8), f(3, 2, 8)),
    case("MultiheadAttention(8, 2)", f(3, 8), f(3, 2, 8), f(3, 2, 8)),
    case("MultiheadAttention(8, 2)", *[f(3, 2, 8)] * 3, is_causal=True),
    case("MultiheadAttention(8, 2)", *[f(3, 2, 8)] * 3, attn_mask=f(2, 2)),
    case("MultiheadAttention(8, 2)", *[f(3, 2, 8)] * 3, given([[False] * 3])),
    case("Transformer(8, 2, 1, 1, 8, batch_first=True)", f(2, 5, 8), f(3, 3, 8)),
    case("Transformer(8, 2, 1, 1, 8, batch_first=True)", f(2, 5, 6), f(2, 3, 8)),
    case("Softmax2d()", f(2, 3)),
    case("GLU()", f(3, 3)),
    case("PReLU(3)", f(2, 4)),
    case("CrossEntropyLoss()", f(3, 4), given([0, 1, 4])),
    case("CrossEntropyLoss()", f(3, 4), ints(4, 2)),
    case("CrossEntropyLoss(reduction='best')", f(3, 4), ints(4, 3)),
    case("CrossEntropyLoss(label_smoothing=2.0)", f(3, 4), ints(4, 3)),
    case("NLLLoss(weight=T.ones(3, dtype=T.float64))", f(3, 4), ints(4, 3)),
    case("BCELoss()", f(30), positive(30)),
    case("BCELoss()", positive(3), positive(4)),
    case("BCEWithLogitsLoss()", f(3), positive(4)),
    case("MarginRankingLoss()", f(3), f(3), f(3, 1)),
    case("CosineEmbeddingLoss()", f(3, 2), f(3, 2), f(3, 2)),
    case("KLDivLoss(reduction='best')", f(3), f(3)),
    case("LinearCrossEntropyLoss(4, 3)", f(5, 3), ints(3, 5)),
    case("AdaptiveLogSoftmaxWithLoss(8, 9, [3], 2.)", f(2, 8), given([3, 9])),
    case("AdaptiveLogSoftmaxWithLoss(8, 9, [3], 2.)", f(2, 8), given([[3, 8]])),
    case("Sequential(nn.Linear(3, 4), nn.Linear(3, 2))", f(1, 3)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CALLS, ids=str)
def test_what_cannot_be_called(case):
    assert error_of(clownpiece, case) == error_of(torch, case) != "fine"


def error_of(library, case):
    """The class of the error that building and calling raises, or "fine"."""
    try:
        module = eval(f"nn.{case.text}", {"nn": library.nn, "T": library})
        if case.inputs:
            args, kwargs, _ = draw(case, library, seed=0)
            module.double()(*args, **kwargs)
    except Exception as error:
        return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
    return "fine"


# Kinds for other machines, and old names that PyTorch itself takes leave of.
NOT_HERE = {
    *("Container", "CrossMapLRN2d", "DataParallel", "NLLLoss2d", "SyncBatchNorm"),
    *("LinearCrossEntropyOptions", "RNNCellBase"),
}


def test_every_module_of_theirs_is_here():
    theirs = {name for name in dir(torch.nn) if inspect.isclass(getattr(torch.nn, name))}
    assert theirs - set(dir(clownpiece.nn)) == NOT_HERE


def test_every_initialisation_of_theirs_is_here():
    theirs = {name for name in dir(torch.nn.init) if name[0] != "_" and name[-1] == "_"}
    assert theirs - set(dir(clownpiece.nn.init)) == set()

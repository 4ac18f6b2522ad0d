"""Every layer that PyTorch's users know has the family they would say."""

from __future__ import annotations

import pytest

from clownviz.look import LOOK
from clownviz.recording.families import family_of
from clownviz.recording.tape import FAMILIES

EXPECTED = {
    "linear": "Linear Bilinear LazyLinear",
    "convolution": "Conv1d Conv2d Conv3d ConvTranspose2d LazyConv2d",
    "normalization": "BatchNorm1d BatchNorm2d LayerNorm GroupNorm InstanceNorm2d RMSNorm "
    "LocalResponseNorm",
    "activation": "ReLU LeakyReLU PReLU ReLU6 ELU GELU SELU SiLU Mish Sigmoid Tanh Softmax "
    "LogSoftmax Softplus Hardswish Hardtanh GLU LogSigmoid Softmax2d Tanhshrink Threshold",
    "attention": "MultiheadAttention CausalSelfAttention",
    "pooling": "MaxPool2d AvgPool1d AdaptiveAvgPool2d MaxUnpool2d Upsample PixelShuffle",
    "embedding": "Embedding EmbeddingBag PositionalEncoding",
    "recurrent": "RNN LSTM GRU LSTMCell GRUCell",
    "dropout": "Dropout Dropout2d AlphaDropout DropPath",
    "reshape": "Flatten Unflatten ZeroPad2d ReflectionPad1d",
    "loss": "CrossEntropyLoss MSELoss",
    "other": "Mystery Identity",
}


@pytest.mark.parametrize(
    "name, family", [(n, family) for family, names in EXPECTED.items() for n in names.split()]
)
def test_the_family_of_a_layer(name, family):
    assert family_of([name], False) == family


def test_what_holds_modules_is_a_container_whatever_its_name():
    assert family_of(["ConvBlock"], True) == "container"
    assert family_of(["Sequential"], False) == "container"
    assert family_of(["MultiheadAttention"], True) == "attention"


def test_a_subclass_belongs_to_the_family_of_its_base():
    assert family_of(["MyLayer", "Linear"], False) == "linear"


def test_every_family_has_a_colour():
    assert set(FAMILIES) == set(LOOK["families"])

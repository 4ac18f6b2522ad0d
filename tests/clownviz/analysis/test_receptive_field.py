"""Receptive fields against gradients: a unit sees exactly what its gradient reaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clownpiece
import clownviz
from clownpiece import nn
from clownpiece.nn import functional as F
from clownviz.analysis.receptive_field import Field, receptive_fields

LENGTH = 96


def fields(model, *shape):
    return receptive_fields(clownviz.run(model, clownpiece.randn(*shape), keep="shapes"))


def by_gradient(model, shape):
    """What units of the last axis see: the first and the last place, where no edge is near."""
    for parameter in model.parameters():
        parameter.data = parameter.abs() + 0.1  # so that nothing cancels
    x = clownpiece.rand(*shape, requires_grad=True)
    y = model(x)
    middle = y.shape[-1] // 2
    seen = {}
    for unit in range(max(0, middle - 6), min(y.shape[-1], middle + 7)):
        x.grad = None
        y.flatten(0, -2).sum(0)[unit].backward(retain_graph=True)
        (places,) = np.nonzero(np.abs(x.grad.numpy()).reshape(-1, shape[-1]).sum(0))
        if places[0] > 0 and places[-1] < shape[-1] - 1:
            seen[unit] = (int(places[0]), int(places[-1]))
    return seen


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.body(x)


class UNet(nn.Module):
    """Down, up again, and a skip over both."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(1, 2, 4, stride=2, padding=1)
        self.middle = nn.Conv1d(2, 2, 3, padding=2, dilation=2)
        self.up = nn.ConvTranspose1d(2, 1, 4, stride=2, padding=1)
        self.head = nn.Conv1d(2, 1, 3, padding=1)

    def forward(self, x):
        y = F.relu(self.middle(self.down(x)))
        return self.head(clownpiece.cat([x, self.up(y)], 1))


NETS = {
    "convolution": nn.Conv1d(1, 1, 5),
    "dilated": nn.Conv1d(1, 1, 3, padding=3, dilation=3),
    "strided": nn.Sequential(nn.Conv1d(1, 2, 3, stride=2, padding=1), nn.Conv1d(2, 1, 3, stride=3)),
    "same": nn.Conv1d(1, 1, 4, padding="same"),
    "pooled": nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU(), nn.AvgPool1d(2), nn.Conv1d(1, 1, 3)),
    "padded": nn.Sequential(nn.ConstantPad1d((3, 1), 0.0), nn.Conv1d(1, 1, 5)),
    "reflected": nn.Conv1d(1, 1, 5, padding=2, padding_mode="reflect"),
    "residual": nn.Sequential(nn.Conv1d(1, 1, 3, padding=1),
                              Residual(nn.Conv1d(1, 1, 7, padding=3))),
    "transposed": nn.ConvTranspose1d(1, 1, 5, stride=3, padding=1),
    "transposed, pooled": nn.Sequential(nn.ConvTranspose1d(1, 1, 4, stride=2, padding=1),
                                        nn.AvgPool1d(2)),
    "nearest": nn.Sequential(nn.Conv1d(1, 1, 3), nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3)),
    "linear": nn.Sequential(nn.Conv1d(1, 1, 3, stride=2, padding=1),
                            nn.Upsample(scale_factor=2, mode="linear"), nn.Conv1d(1, 1, 3)),
    "adaptive": nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), nn.AdaptiveAvgPool1d(LENGTH // 4)),
    "U-Net": UNet(),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_a_unit_sees_what_its_gradient_reaches(name):
    model = NETS[name]
    found = fields(model, 1, 1, LENGTH)[""]
    seen = by_gradient(model, (1, 1, LENGTH))
    assert found.size == (max(last - first + 1 for first, last in seen.values()),)
    (low, _), (high, _) = seen[min(seen)], seen[min(seen) + 12]
    assert found.stride == (pytest.approx((high - low) / 12),)


ALIKE = ["convolution", "dilated", "strided", "pooled", "padded", "residual"]


@pytest.mark.parametrize("name", ALIKE)
def test_where_units_are_alike_start_and_stride_say_where_each_looks(name):
    model = NETS[name]
    found = fields(model, 1, 1, LENGTH)[""]
    for unit, (first, last) in by_gradient(model, (1, 1, LENGTH)).items():
        assert first == found.start[0] + found.stride[0] * unit
        assert last == first + found.size[0] - 1


@st.composite
def stacks(draw):
    layers = [nn.Conv1d(1, 1, 3)]
    for _ in range(draw(st.integers(0, 3))):
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 2))
        dilation = draw(st.integers(1, 2))
        kind = draw(st.sampled_from(["conv", "transposed", "pool", "up"]))
        if kind == "conv":
            layers.append(nn.Conv1d(1, 1, kernel, stride, padding=kernel // 2, dilation=dilation))
        elif kind == "transposed":
            layers.append(nn.ConvTranspose1d(1, 1, kernel + 1, stride, padding=kernel // 2))
        elif kind == "pool":
            layers.append(nn.AvgPool1d(kernel, stride, padding=kernel // 2))
        else:
            layers.append(nn.Upsample(scale_factor=2))
    return layers


@given(stacks())
@settings(max_examples=30, deadline=None)
def test_any_stack_of_layers_agrees_with_its_gradient(layers):
    model = nn.Sequential(*layers)
    found = fields(model, 1, 1, LENGTH)[""]
    seen = by_gradient(model, (1, 1, LENGTH))
    widest = max(last - first + 1 for first, last in seen.values())
    assert found.size[0] >= widest
    # An overhanging window can leave a hole that no gradient fills; the ends are exact.
    assert found.size[0] <= widest + 2


def test_each_axis_has_its_own_field():
    model = nn.Sequential(nn.Conv2d(3, 4, (3, 5), stride=(1, 2), padding=(1, 0)), nn.MaxPool2d(2))
    assert fields(model, 1, 3, 32, 32) == {
        "": Field((4, 7), (2.0, 4.0), (-1, 0)),
        "0": Field((3, 5), (1.0, 2.0), (-1, 0)),
        "1": Field((4, 7), (2.0, 4.0), (-1, 0)),
    }


def test_the_published_fields_of_alexnet_and_vgg():
    alexnet = nn.Sequential(
        nn.Conv2d(3, 1, 11, 4, 2), nn.MaxPool2d(3, 2), nn.Conv2d(1, 1, 5, padding=2),
        nn.MaxPool2d(3, 2), *[nn.Conv2d(1, 1, 3, padding=1) for _ in range(3)], nn.MaxPool2d(3, 2),
    )  # fmt: skip
    assert fields(alexnet, 1, 3, 224, 224)[""].size == (195, 195)
    vgg = nn.Sequential(*[
        layer
        for count in (2, 2, 3, 3, 3)
        for layer in [*[nn.Conv2d(1, 1, 3, padding=1) for _ in range(count)], nn.MaxPool2d(2)]
    ])  # fmt: skip
    assert fields(vgg, 1, 1, 64, 64)[""].size == (212, 212)


class Squeeze(nn.Module):
    """Squeeze and excitation: every unit is scaled by a mean over the whole image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.scale = nn.Linear(2, 2)

    def forward(self, x):
        y = self.conv(x)
        return y * self.scale(y.mean((2, 3)))[:, :, None, None]


def test_a_mean_over_places_and_a_layer_over_flattened_ones_see_everything():
    found = fields(Squeeze(), 1, 2, 8, 8)
    assert str(found["conv"]) == "3×3" and str(found["scale"]) == str(found[""]) == "all"
    found = fields(nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(12, 3)), 1, 1, 8)
    assert [str(found[path]) for path in ("0", "1", "2")] == ["3", "3", "all"]


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, 4, 4, stride=4)
        self.each = nn.Linear(4, 4)
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        tokens = self.each(self.embed(x).flatten(2).transpose(1, 2))
        return self.attend(tokens, tokens, tokens)[0]


def test_a_patch_sees_itself_until_attention_mixes_all():
    found = fields(Patches(), 1, 1, 16, 16)
    assert str(found["each"]) == "4×4" and str(found["attend"]) == "all"


class Sentences(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.conv = nn.Conv1d(4, 2, 3)

    def forward(self, x):
        return self.conv(self.embed(x).transpose(1, 2))


def test_words_are_places_too():
    found = receptive_fields(clownviz.run(Sentences(), clownpiece.randint(0, 10, (2, 8))))
    assert {path: str(field) for path, field in found.items()} == {"": "3", "conv": "3"}


def test_pixel_shuffle_brings_places_closer_together():
    found = fields(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2)), 1, 1, 8, 8)
    assert found[""] == Field((3, 3), (0.5, 0.5), (-1, -1))


def test_where_nothing_is_convolved_nothing_is_said():
    assert fields(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), 2, 4) == {}


class Cropped(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)
        self.after = nn.ReLU()

    def forward(self, x):
        return self.after(self.conv(x)[:, :, 1:])


def test_a_tape_that_lost_the_kernel_leaves_a_gap_too():
    tape = clownviz.run(nn.Conv1d(1, 1, 3), clownpiece.randn(1, 1, 8))
    tape.operations[0].inputs = tape.operations[0].inputs[:1]
    assert receptive_fields(tape) == {}


def test_what_has_no_rule_is_a_gap_and_not_a_guess():
    assert [*fields(Cropped(), 1, 1, 8)] == ["conv"]

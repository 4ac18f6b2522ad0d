"""Models with one fault each, their healthy twins, and healthy models of many kinds.

A patient is a function that returns the tape of what went wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from models.gpt import GPTModel
from models.house_price import HousePriceModel
from models.lenet import LeNet
from models.patch_transformer import PatchTransformer
from models.vit import ViT

import clownpiece
from clownpiece import Tensor, nn, optim
from clownpiece.nn import functional as F
from clownviz.capture import capture, run
from clownviz.capture.tape import Tape

Loss = Callable[[Any, Any], Any]


class Made(nn.Module):
    """A module whose forward is a function, for what has no class of its own."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self._forward = forward

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


def data(examples: int = 32, features: int = 8, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Clouds around a point for each class."""
    target = clownpiece.arange(examples) % classes
    centres = 2 * clownpiece.randn(classes, features)
    return centres[target] + 0.5 * clownpiece.randn(examples, features), target


def mlp(*between: nn.Module, width: int = 16) -> nn.Sequential:
    """8 → width → 4, with these modules behind the first layer."""
    return nn.Sequential(nn.Linear(8, width), *(between or (nn.ReLU(),)), nn.Linear(width, 4))


# -- running -----------------------------------------------------------------------------------


def looked_at(model: nn.Module, x: Tensor | None = None, loss: Loss = F.cross_entropy) -> Tape:
    """One run with its backward."""
    given, target = data()
    x = given if x is None else x
    return run(model, x, keep="full", gradients=True, loss=lambda y: loss(y, target[: len(x)]))


def trained(
    model: nn.Module,
    optimizer: optim.Optimizer | None = None,
    *,
    batch: tuple[Any, Any] | None = None,
    loss: Loss = F.cross_entropy,
    steps: int = 8,
    keep: str = "statistics",
    zero_grad: bool = True,
) -> Tape:
    """Some steps of ordinary training on one batch, captured."""
    x, target = batch or data()
    optimizer = optimizer or optim.SGD(model.parameters(), lr=0.1)
    with np.errstate(all="ignore"), capture(model, keep=keep, gradients=True) as tape:
        for _ in range(steps):
            if zero_grad:
                optimizer.zero_grad()
            loss(model(x), target).backward()
            optimizer.step()
    return tape


# -- one fault each ----------------------------------------------------------------------------


def logarithm(safe: bool) -> Tape:
    log = Made(lambda self, x: (x.clamp(min=1e-3) if safe else x).log())
    return looked_at(mlp(log))


def root(safe: bool) -> Tape:
    return looked_at(mlp(nn.ReLU(), Made(lambda self, x: (x + safe * 1e-3).sqrt())))


def overflow(safe: bool) -> Tape:
    model = mlp()
    return trained(model, optim.SGD(model.parameters(), lr=0.1 if safe else 1e39), steps=1)


def broken_weight(safe: bool) -> Tape:
    model = mlp()
    if not safe:
        with clownpiece.no_grad():
            model[0].weight[1, 2] = math.nan
    return looked_at(model)


def dirty_data(safe: bool) -> Tape:
    x, _ = data()
    if not safe:
        x[3, 1] = math.nan
    return looked_at(mlp(), x)


def cut(safe: bool) -> Tape:
    return looked_at(mlp(nn.ReLU(), Made(lambda self, x: x if safe else x.detach())))


def unused(safe: bool) -> Tape:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.b(self.a(x)) if safe else self.a(x)

    return looked_at(Made(forward, a=nn.Linear(8, 4), b=nn.Linear(4, 4)))


def lost_head(safe: bool) -> Tape:
    def forward(self: Any, x: Tensor) -> Tensor:
        h = self.a(x).relu()
        y, other = self.b(h), self.c(h)
        return y + other if safe else y

    parts = {"a": nn.Linear(8, 16), "b": nn.Linear(16, 4), "c": nn.Linear(16, 4)}
    return looked_at(Made(forward, **parts))


def forgotten_layer(safe: bool) -> Tape:
    model = mlp()
    return trained(model, optim.SGD((model if safe else model[2]).parameters(), lr=0.1))


def kept_gradients(safe: bool) -> Tape:
    model = mlp()
    return trained(model, optim.SGD(model.parameters(), lr=0.02), zero_grad=safe)


def deep(activation: Callable[[], nn.Module], gain: float, layers: int = 12) -> Tape:
    parts: list[nn.Module] = [nn.Linear(8, 48)]
    for _ in range(layers):
        parts += [activation(), nn.Linear(48, 48)]
    model = nn.Sequential(*parts, nn.Linear(48, 4))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=gain / math.sqrt(module.in_features))
            nn.init.zeros_(module.bias)
    return looked_at(model)


def vanishing(safe: bool) -> Tape:
    return deep(nn.ReLU, math.sqrt(2)) if safe else deep(nn.Sigmoid, 1.0)


def exploding(safe: bool) -> Tape:
    return deep(nn.ReLU, math.sqrt(2) if safe else 8.0)


def dead(safe: bool) -> Tape:
    model = mlp()
    if not safe:
        nn.init.constant_(model[0].bias, -100.0)
    return looked_at(model)


def dead_in_a_function(safe: bool) -> Tape:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.b(F.relu(self.a(x)))

    model = Made(forward, a=nn.Conv2d(1, 8, 3), b=nn.Sequential(nn.Flatten(), nn.Linear(288, 4)))
    if not safe:
        with clownpiece.no_grad():
            model.a.bias[:6] = -100.0
    return looked_at(model, clownpiece.randn(8, 1, 8, 8))


def saturated(kind: Callable[[], nn.Module], safe: bool) -> Tape:
    model = mlp(kind())
    if not safe:
        nn.init.normal_(model[0].weight, std=20.0)
    return looked_at(model)


def constant(safe: bool) -> Tape:
    model = mlp(nn.Tanh())
    if not safe:
        nn.init.zeros_(model[0].weight)
    return looked_at(model)


def squashed(by: nn.Module, loss: Loss, safe: bool) -> Tape:
    model = mlp() if safe else nn.Sequential(*mlp(), by)
    return looked_at(model, loss=loss)


def bits(output: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(output, F.one_hot(target, 4).float())


def likelihood(output: Tensor, target: Tensor) -> Tensor:
    return F.nll_loss(output, target)


def predicting(safe: bool, part: nn.Module) -> Tape:
    model = mlp(part, nn.ReLU())
    model.train(not safe)
    with clownpiece.no_grad():
        return run(model, data()[0])


def training_in_eval(safe: bool, part: nn.Module) -> Tape:
    model = mlp(part, nn.ReLU())
    model.train(safe)
    return trained(model)


def single_example(safe: bool) -> Tape:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    x = clownpiece.randn(8 if safe else 1, 1, 8, 8)
    return run(model, x, gradients=True, keep="full")


def rate(lr: float, steps: int = 12) -> Tape:
    model = mlp()
    return trained(model, optim.SGD(model.parameters(), lr=lr), steps=steps)


def pixels(safe: bool) -> Tape:
    x = clownpiece.tensor(np.random.default_rng(0).integers(0, 256, (16, 1, 8, 8)), dtype=None)
    x = x.float() / 255 if safe else x.float()
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4))
    return looked_at(model, x)


PATIENTS: dict[str, tuple[str, Callable[[bool], Tape], Sequence[str]]] = {
    # name: the check that must speak, the patient by whether it is healthy, and what else is
    # true of the broken one.
    "log of a negative": ("not_finite", logarithm, ()),
    "root at zero": ("not_finite", root, ()),
    "overflowing step": ("not_finite", overflow, ()),
    "broken weight": ("not_finite", broken_weight, ()),
    "dirty data": ("not_finite", dirty_data, ()),
    "detach": ("detached_path", cut, ()),
    "unused layer": ("no_gradient", unused, ()),
    "head without a loss": ("no_gradient", lost_head, ()),
    "forgotten by the optimizer": ("not_optimized", forgotten_layer, ()),
    "no zero_grad": ("gradients_kept", kept_gradients, ()),
    "vanishing": ("changing_gradient", vanishing, ("constant_output",)),
    "exploding": ("changing_gradient", exploding, ()),
    "dead ReLU": ("dead_units", dead, ("constant_output",)),
    "dead channels": ("dead_units", dead_in_a_function, ()),
    "saturated tanh": ("saturated_units", lambda safe: saturated(nn.Tanh, safe), ()),
    "saturated sigmoid": ("saturated_units", lambda safe: saturated(nn.Sigmoid, safe), ()),
    "constant": ("constant_output", constant, ()),
    "softmax, cross_entropy": (
        "squashed_twice", lambda safe: squashed(nn.Softmax(-1), F.cross_entropy, safe), (),
    ),
    "log_softmax, cross_entropy": (
        "squashed_twice", lambda safe: squashed(nn.LogSoftmax(-1), F.cross_entropy, safe), (),
    ),
    "sigmoid, logits": ("squashed_twice", lambda safe: squashed(nn.Sigmoid(), bits, safe), ()),
    "softmax, nll_loss": (
        "squashed_twice",
        lambda safe: looked_at(
            nn.Sequential(*mlp(), nn.LogSoftmax(-1) if safe else nn.Softmax(-1)), loss=likelihood
        ),
        (),
    ),
    "dropout predicts": (
        "training_mode_in_use", lambda safe: predicting(safe, nn.Dropout(0.5)), (),
    ),
    "batch norm predicts": (
        "training_mode_in_use", lambda safe: predicting(safe, nn.BatchNorm1d(16)), (),
    ),
    "dropout trains in eval": (
        "eval_while_training", lambda safe: training_in_eval(safe, nn.Dropout(0.2)), (),
    ),
    "batch norm trains in eval": (
        "eval_while_training", lambda safe: training_in_eval(safe, nn.BatchNorm1d(16)), (),
    ),
    "batch of one": ("batch_of_one", single_example, ()),
    "rate too high": ("learning_rate", lambda safe: rate(0.1 if safe else 20.0), ()),
    "rate too low": ("learning_rate", lambda safe: rate(0.1 if safe else 1e-7), ()),
    "raw pixels": ("unnormalized_input", pixels, ()),
}


# -- healthy models ----------------------------------------------------------------------------


class Residual(nn.Module):
    """A residual block with batch normalization."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(x + self.bn2(self.conv2(h)))


def resnet() -> nn.Module:
    blocks = [Residual(8) for _ in range(4)]
    stem = (nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))


def lstm() -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])

    return Made(forward, lstm=nn.LSTM(8, 16, 2, batch_first=True), head=nn.Linear(16, 4))


def images(size: int, examples: int = 16) -> tuple[Tensor, Tensor]:
    target = clownpiece.arange(examples) % 4
    patterns = clownpiece.randn(4, 1, size, size)
    return patterns[target] + 0.3 * clownpiece.randn(examples, 1, size, size), target


def tokens() -> tuple[Tensor, Tensor]:
    text = (clownpiece.arange(4 * 17).reshape(4, 17) * 7) % 23
    return text[:, :-1], text[:, 1:]


def next_token(output: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(output.flatten(0, 1), target.flatten())


def houses() -> tuple[Tensor, Tensor]:
    x = clownpiece.randn(32, 5)
    return x, x.sum(dim=1, keepdim=True)


def series() -> tuple[Tensor, Tensor]:
    x, target = data(16)
    return x[:, None, :] + 0.3 * clownpiece.randn(16, 6, 8), target


HEALTHY: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Any, Any]], Loss]] = {
    "LeNet": (lambda: LeNet(image_size=8, classes=4), lambda: images(8), F.cross_entropy),
    "GPT": (lambda: GPTModel(23, dim=16, layers=3, heads=2, context=16), tokens, next_token),
    "patch transformer": (
        lambda: PatchTransformer(classes=4), lambda: images(28), F.cross_entropy,
    ),
    "ViT": (
        lambda: ViT(image_size=8, classes=4, dim=16, layers=3, heads=2),
        lambda: images(8),
        F.cross_entropy,
    ),
    "house price": (HousePriceModel, houses, F.mse_loss),
    "LSTM": (lstm, series, F.cross_entropy),
    "residual": (resnet, lambda: images(8), F.cross_entropy),
    "MLP": (mlp, data, F.cross_entropy),
}

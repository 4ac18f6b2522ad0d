"""Models with one fault each, their healthy twins, and healthy models of many kinds.

A patient is a function that returns the tape of what went wrong. A `Ward` has the patients of one
library: they are written in the names that clownpiece and PyTorch share.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from models.gpt import GPTModel
from models.house_price import HousePriceModel
from models.lenet import LeNet
from models.patch_transformer import PatchTransformer
from models.vit import ViT

import clownpiece
from clownviz.recording.capture import capture, run
from clownviz.recording.tape import Tape

Loss = Callable[[Any, Any], Any]
Patient = tuple[str, Callable[[bool], Tape], Sequence[str]]
"""The check that must speak, the patient by whether it is healthy, and what else is true of it."""
Healthy = tuple[Callable[[], Any], Callable[[], tuple[Any, Any]], Loss]
"""A model, its batch and its loss."""


class Ward:
    """Models of one library: `clownpiece`, or `torch`."""

    def __init__(self, library: Any) -> None:
        self.library, self.nn, self.optim = library, library.nn, library.optim
        self.F = library.nn.functional
        self.Made, self.Residual = _made(self.nn), _residual(self.nn)

    def data(self, examples: int = 32, features: int = 8, classes: int = 4) -> tuple[Any, Any]:
        """Clouds around a point for each class."""
        target = self.library.arange(examples) % classes
        centres = 2 * self.library.randn(classes, features)
        return centres[target] + 0.5 * self.library.randn(examples, features), target

    def mlp(self, *between: Any, width: int = 16) -> Any:
        """8 → width → 4, with these modules behind the first layer."""
        nn = self.nn
        return nn.Sequential(nn.Linear(8, width), *(between or (nn.ReLU(),)), nn.Linear(width, 4))

    def sgd(self, model: Any, lr: float = 0.1) -> Any:
        return self.optim.SGD(model.parameters(), lr=lr)

    # -- running ---------------------------------------------------------------------------------

    def looked_at(self, model: Any, x: Any | None = None, loss: Loss | None = None) -> Tape:
        """One run with its backward."""
        given, target = self.data()
        x = given if x is None else x
        loss = loss or self.F.cross_entropy
        return run(model, x, keep="full", gradients=True, loss=lambda y: loss(y, target[: len(x)]))

    def trained(
        self,
        model: Any,
        optimizer: Any = None,
        *,
        batch: tuple[Any, Any] | None = None,
        loss: Loss | None = None,
        steps: int = 8,
        keep: str = "statistics",
        zero_grad: bool = True,
    ) -> Tape:
        """Some steps of ordinary training on one batch, captured."""
        x, target = batch or self.data()
        loss = loss or self.F.cross_entropy
        optimizer = optimizer or self.sgd(model)
        with np.errstate(all="ignore"), capture(model, keep=keep, gradients=True) as tape:
            for _ in range(steps):
                if zero_grad:
                    optimizer.zero_grad()
                loss(model(x), target).backward()
                optimizer.step()
        return tape

    # -- one fault each --------------------------------------------------------------------------

    def logarithm(self, safe: bool) -> Tape:
        log = self.Made(lambda self, x: (x.clamp(min=1e-3) if safe else x).log())
        return self.looked_at(self.mlp(log))

    def root(self, safe: bool) -> Tape:
        root = self.Made(lambda self, x: (x + safe * 1e-3).sqrt())
        return self.looked_at(self.mlp(self.nn.ReLU(), root))

    def overflow(self, safe: bool) -> Tape:
        model = self.mlp()
        lr, size = (0.1, 1.0) if safe else (1e38, 1e6)
        return self.trained(
            model,
            self.sgd(model, lr),
            loss=lambda y, target: size * self.F.cross_entropy(y, target),
            steps=1,
        )

    def broken_weight(self, safe: bool) -> Tape:
        model = self.mlp()
        if not safe:
            with self.library.no_grad():
                model[0].weight[1, 2] = math.nan
        return self.looked_at(model)

    def dirty_data(self, safe: bool) -> Tape:
        x, _ = self.data()
        if not safe:
            x[3, 1] = math.nan
        return self.looked_at(self.mlp(), x)

    def cut(self, safe: bool) -> Tape:
        cut = self.Made(lambda self, x: x if safe else x.detach())
        return self.looked_at(self.mlp(self.nn.ReLU(), cut))

    def unused(self, safe: bool) -> Tape:
        def forward(self: Any, x: Any) -> Any:
            return self.b(self.a(x)) if safe else self.a(x)

        Linear = self.nn.Linear
        return self.looked_at(self.Made(forward, a=Linear(8, 4), b=Linear(4, 4)))

    def lost_head(self, safe: bool) -> Tape:
        def forward(self: Any, x: Any) -> Any:
            h = self.a(x).relu()
            y, other = self.b(h), self.c(h)
            return y + other if safe else y

        Linear = self.nn.Linear
        return self.looked_at(
            self.Made(forward, a=Linear(8, 16), b=Linear(16, 4), c=Linear(16, 4))
        )

    def plain_container(self, kind: type, safe: bool) -> Tape:
        Linear = self.nn.Linear
        layers = [Linear(8, 16), Linear(16, 16)]

        def forward(self: Any, x: Any) -> Any:
            for layer in layers:
                x = layer(x).relu()
            return self.head(x)

        model = self.Made(forward, head=Linear(16, 4))
        model.layers = {"first": layers[0], "second": layers[1]} if kind is dict else layers
        if safe:
            registers = self.nn.ModuleDict if kind is dict else self.nn.ModuleList
            model.layers, model.again = registers(model.layers), [layers]
        return self.looked_at(model)

    def forgotten_layer(self, safe: bool) -> Tape:
        model = self.mlp()
        return self.trained(model, self.sgd(model if safe else model[2]))

    def other_model(self, safe: bool) -> Tape:
        model = self.mlp()
        return self.trained(model, self.sgd(model if safe else copy.deepcopy(model)))

    def kept_gradients(self, safe: bool) -> Tape:
        model = self.mlp()
        return self.trained(model, self.sgd(model, 0.02), zero_grad=safe)

    def no_backward(self, safe: bool) -> Tape:
        return self.stepped(lambda loss, optimizer: loss.backward() if safe else None)

    def zero_too_late(self, safe: bool) -> Tape:
        def back(loss: Any, optimizer: Any) -> None:
            if safe:
                optimizer.zero_grad()
            loss.backward()
            if not safe:
                optimizer.zero_grad()

        return self.stepped(back, zero_grad=False)

    def stepped(self, back: Callable[[Any, Any], None], zero_grad: bool = True) -> Tape:
        """Some steps with a way back of one's own."""
        model, (x, target) = self.mlp(), self.data()
        optimizer = self.sgd(model)
        with capture(model) as tape:
            for _ in range(4):
                if zero_grad:
                    optimizer.zero_grad()
                back(self.F.cross_entropy(model(x), target), optimizer)
                optimizer.step()
        return tape

    def deep(self, activation: Callable[[], Any], gain: float, layers: int = 12) -> Tape:
        nn = self.nn
        parts: list[Any] = [nn.Linear(8, 48)]
        for _ in range(layers):
            parts += [activation(), nn.Linear(48, 48)]
        model = nn.Sequential(*parts, nn.Linear(48, 4))
        for module in model.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=gain / math.sqrt(module.in_features))
                nn.init.zeros_(module.bias)
        return self.looked_at(model)

    def vanishing(self, safe: bool) -> Tape:
        nn = self.nn
        return self.deep(nn.ReLU, math.sqrt(2)) if safe else self.deep(nn.Sigmoid, 1.0)

    def exploding(self, safe: bool) -> Tape:
        return self.deep(self.nn.ReLU, math.sqrt(2) if safe else 8.0)

    def dead(self, safe: bool) -> Tape:
        model = self.mlp()
        if not safe:
            self.nn.init.constant_(model[0].bias, -100.0)
        return self.looked_at(model)

    def dies(self, safe: bool) -> Tape:
        """A step that is far too long, after some that were not."""
        model = self.mlp(width=32)
        optimizer, (x, target) = self.sgd(model), self.data()
        with capture(model, keep="full") as tape:
            for step in range(8):
                if step == 2 and not safe:
                    with self.library.no_grad():
                        model[0].bias[:24] -= 100.0
                optimizer.zero_grad()
                self.F.cross_entropy(model(x), target).backward()
                optimizer.step()
        return tape

    def dead_in_a_function(self, safe: bool) -> Tape:
        nn, F = self.nn, self.F
        model = self.Made(
            lambda self, x: self.b(F.relu(self.a(x))),
            a=nn.Conv2d(1, 8, 3),
            b=nn.Sequential(nn.Flatten(), nn.Linear(288, 4)),
        )
        if not safe:
            with self.library.no_grad():
                model.a.bias[:6] = -100.0
        return self.looked_at(model, self.library.randn(8, 1, 8, 8))

    def saturated(self, kind: Callable[[], Any], safe: bool) -> Tape:
        model = self.mlp(kind())
        if not safe:
            self.nn.init.normal_(model[0].weight, std=20.0)
        return self.looked_at(model)

    def collapsed(self, safe: bool) -> Tape:
        model = self.mlp()
        if not safe:
            self.nn.init.constant_(model[0].weight, 0.1)
        return self.looked_at(model)

    def collapsed_channels(self, safe: bool) -> Tape:
        nn = self.nn
        convolution = nn.Conv2d(1, 16, 3)
        if not safe:
            nn.init.ones_(convolution.weight)
        model = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 4))
        return self.looked_at(model, self.library.randn(16, 1, 8, 8))

    def constant(self, safe: bool) -> Tape:
        model = self.mlp(self.nn.Tanh())
        if not safe:
            self.nn.init.zeros_(model[0].weight)
        return self.looked_at(model)

    def squashed(self, by: Any, loss: Loss, safe: bool) -> Tape:
        model = self.mlp() if safe else self.nn.Sequential(*self.mlp(), by)
        return self.looked_at(model, loss=loss)

    def bits(self, output: Any, target: Any) -> Any:
        each = self.F.one_hot(target, 4).float()
        return self.F.binary_cross_entropy_with_logits(output, each)

    def probabilities(self, safe: bool) -> Tape:
        last = self.nn.LogSoftmax(-1) if safe else self.nn.Softmax(-1)
        return self.looked_at(self.nn.Sequential(*self.mlp(), last), loss=self.F.nll_loss)

    def no_logarithm(self, safe: bool) -> Tape:
        last = self.nn.LogSoftmax(-1) if safe else self.nn.Identity()
        return self.looked_at(self.nn.Sequential(self.mlp(), last), loss=self.F.nll_loss)

    def regressed(self, loss: Loss, safe: bool, flat: bool = False) -> Tape:
        """One number an example: a column, or `flat`, against targets of the other shape."""
        nn = self.nn
        last = nn.Flatten(0) if flat else nn.Identity()
        model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1), last)
        x, _ = self.data()
        target = x.sum(dim=1, keepdim=flat != safe)
        with warnings.catch_warnings():
            # The losses of both libraries warn of it, too.
            warnings.simplefilter("ignore")
            return run(model, x, keep="full", gradients=True, loss=lambda y: loss(y, target))

    def predicting(self, part: Callable[[], Any], safe: bool) -> Tape:
        model = self.mlp(part(), self.nn.ReLU())
        model.train(not safe)
        with self.library.no_grad():
            return run(model, self.data()[0])

    def training_in_eval(self, part: Callable[[], Any], safe: bool) -> Tape:
        model = self.mlp(part(), self.nn.ReLU())
        model.train(safe)
        return self.trained(model)

    def validated(self, safe: bool) -> Tape:
        """Two epochs, and an evaluation after the first."""
        model = self.mlp(self.nn.Dropout(0.2))
        optimizer, (x, target) = self.sgd(model), self.data()
        with capture(model) as tape:
            for _ in range(2):
                for _ in range(3):
                    optimizer.zero_grad()
                    self.F.cross_entropy(model(x), target).backward()
                    optimizer.step()
                with self.library.no_grad():
                    model.eval()(x)
                model.train(safe)
        return tape

    def single_example(self, safe: bool) -> Tape:
        nn = self.nn
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        x = self.library.randn(8 if safe else 1, 1, 8, 8)
        return run(model, x, gradients=True, keep="full")

    def rate(self, lr: float, steps: int = 12) -> Tape:
        model = self.mlp()
        return self.trained(model, self.sgd(model, lr), steps=steps)

    def pixels(self, safe: bool) -> Tape:
        nn = self.nn
        x = self.library.tensor(np.random.default_rng(0).integers(0, 256, (16, 1, 8, 8))).float()
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4))
        return self.looked_at(model, x / 255 if safe else x)

    def patients(self) -> dict[str, Patient]:
        """All of them by name."""
        nn, F = self.nn, self.F
        return {
            "log of a negative": ("not_finite", self.logarithm, ()),
            "root at zero": ("not_finite", self.root, ()),
            "overflowing step": ("not_finite", self.overflow, ()),
            "broken weight": ("not_finite", self.broken_weight, ()),
            "dirty data": ("not_finite", self.dirty_data, ()),
            "detach": ("detached_path", self.cut, ()),
            "unused layer": ("no_gradient", self.unused, ()),
            "head without a loss": ("no_gradient", self.lost_head, ()),
            "layers in a list": ("not_registered", partial(self.plain_container, list), ()),
            "layers in a dict": ("not_registered", partial(self.plain_container, dict), ()),
            "forgotten by the optimizer": ("not_optimized", self.forgotten_layer, ()),
            "optimizer of a copy": ("not_optimized", self.other_model, ()),
            "no zero_grad": ("gradients_kept", self.kept_gradients, ()),
            "no backward": ("empty_steps", self.no_backward, ()),
            "zero_grad too late": ("empty_steps", self.zero_too_late, ()),
            "vanishing": ("changing_gradient", self.vanishing, ("constant_output",)),
            "exploding": ("changing_gradient", self.exploding, ()),
            "dead ReLU": ("dead_units", self.dead, ("constant_output",)),
            "dies in training": ("dead_units", self.dies, ()),
            "dead channels": ("dead_units", self.dead_in_a_function, ()),
            "saturated tanh": ("saturated_units", partial(self.saturated, nn.Tanh), ()),
            "saturated sigmoid": ("saturated_units", partial(self.saturated, nn.Sigmoid), ()),
            "equal weights": ("collapsed_rank", self.collapsed, ()),
            "equal kernels": ("collapsed_rank", self.collapsed_channels, ()),
            "constant": ("constant_output", self.constant, ()),
            "softmax, cross_entropy": (
                "squashed_twice", partial(self.squashed, nn.Softmax(-1), F.cross_entropy), (),
            ),
            "log_softmax, cross_entropy": (
                "squashed_twice", partial(self.squashed, nn.LogSoftmax(-1), F.cross_entropy), (),
            ),
            "sigmoid, logits": (
                "squashed_twice", partial(self.squashed, nn.Sigmoid(), self.bits), (),
            ),
            "column, mse_loss": (
                "broadcast_loss", partial(self.regressed, F.mse_loss), (),
            ),
            "column target, l1_loss": (
                "broadcast_loss", partial(self.regressed, F.l1_loss, flat=True), (),
            ),
            "column, difference": (
                "broadcast_loss",
                partial(self.regressed, lambda y, target: ((target - y) ** 2).mean()),
                (),
            ),
            "logits, nll_loss": ("squashed_twice", self.no_logarithm, ()),
            "softmax, nll_loss": ("squashed_twice", self.probabilities, ()),
            "dropout predicts": (
                "training_mode_in_use", partial(self.predicting, lambda: nn.Dropout(0.5)), (),
            ),
            "batch norm predicts": (
                "training_mode_in_use", partial(self.predicting, lambda: nn.BatchNorm1d(16)), (),
            ),
            "dropout trains in eval": (
                "eval_while_training",
                partial(self.training_in_eval, lambda: nn.Dropout(0.2)),
                (),
            ),
            "batch norm trains in eval": (
                "eval_while_training",
                partial(self.training_in_eval, lambda: nn.BatchNorm1d(16)),
                (),
            ),
            "trains on after an evaluation": ("eval_while_training", self.validated, ()),
            "batch of one": ("batch_of_one", self.single_example, ()),
            "rate too high": ("learning_rate", lambda safe: self.rate(0.1 if safe else 20.0), ()),
            "rate too low": ("learning_rate", lambda safe: self.rate(0.1 if safe else 1e-7), ()),
            "raw pixels": ("unnormalized_input", self.pixels, ()),
        }

    # -- healthy models -------------------------------------------------------------------------

    def resnet(self) -> Any:
        nn = self.nn
        stem = (nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        blocks = [self.Residual(8) for _ in range(4)]
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
        return nn.Sequential(*stem, *blocks, *head)

    def lstm(self) -> Any:
        nn = self.nn
        return self.Made(
            lambda self, x: self.head(self.lstm(x)[0][:, -1]),
            lstm=nn.LSTM(8, 16, 2, batch_first=True),
            head=nn.Linear(16, 4),
        )

    def transformer(self) -> Any:
        nn = self.nn
        return self.Made(
            lambda self, x: self.head(self.body(self.tokens(x))),
            tokens=nn.Embedding(23, 16),
            body=nn.Sequential(
                *[nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True) for _ in range(2)]
            ),
            head=nn.Linear(16, 23),
        )

    def autoencoder(self) -> Any:
        """What follows its narrow middle has no more directions than that."""
        nn = self.nn
        sizes = [(32, 64), (64, 3), (3, 64), (64, 64), (64, 32)]
        parts = [part for size in sizes for part in (nn.Linear(*size), nn.Tanh())]
        return nn.Sequential(*parts[:-1])

    def images(self, size: int, examples: int = 16) -> tuple[Any, Any]:
        target = self.library.arange(examples) % 4
        patterns = self.library.randn(4, 1, size, size)
        return patterns[target] + 0.3 * self.library.randn(examples, 1, size, size), target

    def tokens(self) -> tuple[Any, Any]:
        text = (self.library.arange(4 * 17).reshape(4, 17) * 7) % 23
        return text[:, :-1], text[:, 1:]

    def next_token(self, output: Any, target: Any) -> Any:
        return self.F.cross_entropy(output.flatten(0, 1), target.flatten())

    def houses(self) -> tuple[Any, Any]:
        x = self.library.randn(32, 5)
        return x, x.sum(dim=1, keepdim=True)

    def series(self) -> tuple[Any, Any]:
        x, target = self.data(16)
        return x[:, None, :] + 0.3 * self.library.randn(16, 6, 8), target

    def copies(self) -> tuple[Any, Any]:
        x, _ = self.data(64, 32)
        return x, x

    def healthy(self) -> dict[str, Healthy]:
        """Models in which nothing is to be found, by name."""
        F = self.F
        return {
            "LSTM": (self.lstm, self.series, F.cross_entropy),
            "residual": (self.resnet, lambda: self.images(8), F.cross_entropy),
            "MLP": (self.mlp, self.data, F.cross_entropy),
            "wide MLP": (lambda: self.mlp(width=128), self.data, F.cross_entropy),
            "transformer": (self.transformer, self.tokens, self.next_token),
            "autoencoder": (self.autoencoder, self.copies, F.mse_loss),
        }


def _made(nn: Any) -> Any:
    class Made(nn.Module):
        """A module whose forward is a function, for what has no class of its own."""

        def __init__(self, forward: Callable[..., Any], **parts: Any) -> None:
            super().__init__()
            for name, part in parts.items():
                self.add_module(name, part)
            self._forward = forward

        def forward(self, x: Any) -> Any:
            return self._forward(self, x)

    return Made


def _residual(nn: Any) -> Any:
    class Residual(nn.Module):
        """A residual block with batch normalization."""

        def __init__(self, channels: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)

        def forward(self, x: Any) -> Any:
            h = nn.functional.relu(self.bn1(self.conv1(x)))
            return nn.functional.relu(x + self.bn2(self.conv2(h)))

    return Residual


# -- those of clownpiece ---------------------------------------------------------------------

WARD = Ward(clownpiece)
PATIENTS = WARD.patients()
HEALTHY: dict[str, Healthy] = {
    "LeNet": (
        lambda: LeNet(image_size=8, classes=4), lambda: WARD.images(8), WARD.F.cross_entropy,
    ),
    "GPT": (
        lambda: GPTModel(23, dim=16, layers=3, heads=2, context=16), WARD.tokens, WARD.next_token,
    ),
    "patch transformer": (
        lambda: PatchTransformer(classes=4), lambda: WARD.images(28), WARD.F.cross_entropy,
    ),
    "ViT": (
        lambda: ViT(image_size=8, classes=4, dim=16, layers=3, heads=2),
        lambda: WARD.images(8),
        WARD.F.cross_entropy,
    ),
    "house price": (HousePriceModel, WARD.houses, WARD.F.mse_loss),
    **WARD.healthy(),
}
Made, data, mlp, looked_at, trained = (
    WARD.Made, WARD.data, WARD.mlp, WARD.looked_at, WARD.trained,
)

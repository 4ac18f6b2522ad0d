"""Tapes with numbers on them, the same on every machine: no model runs, nothing is random."""

from __future__ import annotations

import numpy as np

from clownviz.recording.attention import encode_weights
from clownviz.recording.statistics import statistics
from clownviz.recording.tape import ABSENT, AttentionWeights, Operation, Step, Tape, Update

from .tapes import TapeMaker


def waves(*shape: int) -> np.ndarray:
    """Numbers that look like something: slow waves of several lengths, float32."""
    places = np.indices(shape).reshape(len(shape), -1)
    phase = sum(row * (0.35 + 0.2 * axis) for axis, row in enumerate(places))
    return np.sin(phase).reshape(shape).astype(np.float32)


def trained(steps: int = 6) -> Tape:
    """A small convolutional net over some steps: statistics, gradients, optimizer, a loss."""
    made = TapeMaker("ConvNet")
    made.module("conv", "Conv2d", weight=(4, 1, 3, 3), bias=(4,))
    made.module("relu", "ReLU")
    made.module("fc", "Linear", weight=(10, 64), bias=(10,))
    tape = made.tape
    for number in range(steps):
        growth = np.float32(1 + 0.5 * number)
        begun = len(tape.calls)
        for name in ("conv.weight", "fc.weight"):
            weight = made.tensor(4, 9, origin=f"parameter:{name}")
            tape.values[weight].stats = statistics(waves(4, 9) * growth / 4)
        x = made.tensor(2, 1, 6, 6)
        with made.call("", x=x) as net:
            h = made.layer("conv", x, 2, 4, 4, 4)
            keep(tape, h, waves(2, 4, 4, 4) * growth)
            gradient_of(made, h, waves(2, 4, 4, 4) / growth / 100)
            h = made.layer("relu", h)
            maps = np.maximum(waves(2, 4, 4, 4), 0)
            maps[:, 2] = 0
            keep(tape, h, maps)
            net.returns(made.layer("fc", h, 2, 10))
        for call in tape.calls[begun:]:
            call.step, call.number = number, 1
        for name in ("conv.weight", "fc.weight"):
            gradient = made.tensor(4, 9, origin=f"gradient:{name}")
            tape.values[gradient].stats = statistics(waves(4, 9) / growth / 10)
        tape.steps.append(Step(number + 1, {"loss": 2.0 / (number + 1)}))
        tape.updates.append(update(number))
    tape.trained = ("conv.weight", "conv.bias", "fc.weight", "fc.bias")
    return tape


def update(number: int) -> Update:
    """A step of an optimizer, in which the bias of `fc` gets no gradient and `conv` NaN once."""
    gradient = np.array([0.5, 0.1, 2.0, ABSENT], np.float32) / (1 + number)
    gradient[3] = ABSENT
    if number == 3:
        gradient[0] = np.nan
    weights = np.array([1.0, 0.5, 4.0, 1.0], np.float32)
    moved = np.array([1e-3, 1e-3, 0.8, 0.0], np.float32)
    rates = np.full(4, 0.01, np.float32)
    return Update(number, number + 1, "Adam", rates, gradient, moved, weights, np.zeros(4, bool))


def keep(tape: Tape, ref: int, array: np.ndarray) -> None:
    """Let a tensor have its numbers on the tape."""
    tape.values[ref].array = array.astype(np.float32)
    tape.values[ref].stats = statistics(tape.values[ref].array)


def gradient_of(made: TapeMaker, ref: int, array: np.ndarray) -> None:
    """Let a tensor have a gradient."""
    gradient = made.tensor(*array.shape)
    keep(made.tape, gradient, array)
    made.tape.values[ref].gradient = int(gradient)


def attending() -> Tape:
    """Two layers of three causal heads: one looks at itself, one back, one everywhere."""
    made = TapeMaker("Reader")
    made.module("blocks", "ModuleList")
    length = 7
    scores = np.zeros((3, length, length))
    rows = np.arange(length)
    scores[0, rows, rows] = 4
    scores[1, rows, np.maximum(rows - 1, 0)] = 4
    scores = np.where(np.tri(length, dtype=bool), scores, -np.inf)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    x = made.tensor(1, length, 8)
    with made.call("", x=x):
        for number in range(2):
            made.module(f"blocks.{number}", "Attention")
            with made.call(f"blocks.{number}", x=x):
                call = made.stack[-1].index
                index = len(made.tape.operations)
                made.tape.operations.append(Operation(index, "softmax", call=call))
                codes = encode_weights(weights[None])
                seen = AttentionWeights(index, codes.shape, codes)
                made.tape.attention.append(seen)
    return made.tape

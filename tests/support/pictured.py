"""Tapes with arrays on them, of models that never were: pictures are tested without a framework."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from clownviz.recording.statistics import statistics
from clownviz.recording.tape import Call, ModuleInfo, Operation, ParameterInfo, Ref, Tape, Value


class TapeBuilder:
    """Writes modules, parameters and one run onto a tape, from arrays."""

    def __init__(self, model: str) -> None:
        self.tape = Tape(model)
        self.rng = np.random.default_rng(0)
        self.parameters = 0

    def parameter(self, path: str, *shape: int) -> ParameterInfo:
        array = (self.rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        self.parameters += 1
        return ParameterInfo(
            path, shape, "float32", array.nbytes, True, self.parameters, array, statistics(array)
        )

    def module(self, path: str, kind: str, family: str, extra: str = "", **parameters: Any) -> None:
        own = tuple(
            self.parameter(f"{path}.{name}" if path else name, *shape)
            for name, shape in parameters.items()
        )
        name = path.rpartition(".")[2]
        self.tape.modules[path] = ModuleInfo(path, name, kind, family, extra, own)
        if path:
            parent = self.tape.modules[path.rpartition(".")[0]]
            parent.children = (*parent.children, path)

    def value(self, array: np.ndarray, keep: str = "sample", gradient: int | None = None) -> Ref:
        array = np.asarray(array)
        kept = {"sample": array[:1] if array.ndim > 1 else array, "full": array}.get(keep)
        stats = None if keep == "shapes" else statistics(array)
        number = len(self.tape.values)
        value = Value(number, array.shape, array.dtype.name, array.nbytes, stats, kept, gradient)
        self.tape.values.append(value)
        return Ref(number)

    def call(
        self, path: str, given: Any, made: Any, parent: int | None = 0, error: str | None = None
    ) -> Call:
        number = 1 + sum(call.path == path for call in self.tape.calls)
        info = self.tape.modules[path]
        call = Call(len(self.tape.calls), path, number, info.kind, parent=parent)
        call.inputs, call.outputs, call.error = {"x": given}, made, error
        self.tape.calls.append(call)
        return call

    def operation(self, name: str, call: int, given: Ref, made: Ref, flops: int = 0) -> None:
        place = len(self.tape.operations)
        self.tape.operations.append(
            Operation(place, name, "", call, (int(given),), (int(made),), flops=flops)
        )


def digit(size: int = 28) -> np.ndarray:
    """A seven, grey from 0 to 1, with soft edges."""
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    bar = np.exp(-(((y - 0.24) / 0.06) ** 2)) * ((x > 0.22) & (x < 0.76))
    stroke = np.exp(-(((x - (0.80 - 0.45 * y)) / 0.06) ** 2)) * ((y > 0.24) & (y < 0.86))
    return np.clip(bar + stroke, 0, 1).astype(np.float32)


def convolve(images: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Plain convolution of (N, I, H, W) with (O, I, h, w)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, weight.shape[2:], axis=(2, 3))
    return np.einsum("nihwkl,oikl->nohw", windows, weight).astype(np.float32)


def pool(x: np.ndarray) -> np.ndarray:
    """Maxima of 2 × 2 windows."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def lenet(keep: str = "sample", batch: int = 8, gradients: bool = False) -> Tape:
    """LeNet on a batch of sevens, computed for real."""
    b = TapeBuilder("LeNet")
    b.module("", "LeNet", "container")
    b.module("features", "Sequential", "container")
    conv = "kernel_size=(5, 5), stride=(1, 1)"
    b.module("features.0", "Conv2d", "convolution", f"1, 6, {conv}", weight=(6, 1, 5, 5), bias=(6,))
    b.module("features.1", "ReLU", "activation")
    b.module("features.2", "MaxPool2d", "pooling", "kernel_size=2, stride=2")
    b.module(
        "features.3", "Conv2d", "convolution", f"6, 16, {conv}", weight=(16, 6, 5, 5), bias=(16,)
    )
    b.module("features.4", "ReLU", "activation")
    b.module("features.5", "MaxPool2d", "pooling", "kernel_size=2, stride=2")
    b.module("flatten", "Flatten", "reshape", "start_dim=1, end_dim=-1")
    b.module("classifier", "Sequential", "container")
    sizes = (256, 120, 84, 10)
    for n, (wide, narrow) in enumerate(itertools.pairwise(sizes)):
        b.module(
            f"classifier.{2 * n}",
            "Linear",
            "linear",
            f"in_features={wide}, out_features={narrow}, bias=True",
            weight=(narrow, wide),
            bias=(narrow,),
        )
        if n < 2:
            b.module(f"classifier.{2 * n + 1}", "ReLU", "activation")
    images = digit()[None, None] * b.rng.uniform(0.7, 1.0, (batch, 1, 1, 1))
    _run_lenet(b, images.astype(np.float32), keep, gradients)
    return b.tape


def _run_lenet(b: TapeBuilder, x: np.ndarray, keep: str, gradients: bool) -> None:
    def value(array: np.ndarray) -> Ref:
        gradient = None
        if gradients:
            gradient = int(b.value(b.rng.standard_normal(array.shape).astype("f4") / 50, keep))
        return b.value(array, keep, gradient)

    at = value(x)
    root = b.call("", at, None, parent=None)
    for path in ("features", "flatten", "classifier"):
        call = b.call(path, at, None)
        for child in b.tape.modules[path].children or (path,):
            inner = call if child == path else b.call(child, at, None, parent=call.index)
            x = _layer(b.tape.modules[child], x)
            made = value(x)
            kind = b.tape.modules[child].kind.lower()
            b.operation(kind, inner.index, at, made, 2 * x.size)
            at = inner.outputs = made
        call.outputs = at
    root.outputs = at


def _layer(info: ModuleInfo, x: np.ndarray) -> np.ndarray:
    if info.kind == "ReLU":
        return np.maximum(x, 0)
    if info.kind == "MaxPool2d":
        return pool(x)
    if info.kind == "Flatten":
        return x.reshape(len(x), -1)
    weight, bias = (parameter.array for parameter in info.parameters)
    if info.kind == "Conv2d":
        return convolve(x, weight) + bias[:, None, None]
    return x @ weight.T + bias


def transformer(blocks: int = 6, width: int = 32, tokens: int = 12, batch: int = 2) -> Tape:
    """A GPT-like stack with attention maps and a tied head."""
    b = TapeBuilder("GPTModel")
    b.module("", "GPTModel", "container")
    b.module("embed", "Embedding", "embedding", f"64, {width}", weight=(64, width))
    b.module("blocks", "ModuleList", "container")
    for n in range(blocks):
        b.module(f"blocks.{n}", "Block", "container")
        b.module(f"blocks.{n}.norm", "LayerNorm", "normalization", weight=(width,), bias=(width,))
        b.module(f"blocks.{n}.attn", "Attention", "attention")
        b.module(f"blocks.{n}.attn.q", "Linear", "linear", weight=(width, width))
        b.module(f"blocks.{n}.mlp", "Linear", "linear", weight=(width, width), bias=(width,))
    b.module("head", "Linear", "linear", f"{width}, 64, bias=False")
    tied = b.tape.modules["embed"].parameters[0]
    b.tape.modules["head"].parameters = (
        ParameterInfo(
            "head.weight", tied.shape, "float32", tied.bytes, True, tied.id, tied.array, tied.stats
        ),
    )
    x = b.rng.standard_normal((batch, tokens, width)).astype(np.float32)
    ids = b.value(b.rng.integers(0, 64, (batch, tokens)), "full")
    root = b.call("", ids, None, parent=None)
    at = b.value(x)
    b.call("embed", ids, at)
    for n in range(blocks):
        block = b.call(f"blocks.{n}", at, None)
        normed = b.value(x / (1 + np.abs(x)))
        b.call(f"blocks.{n}.norm", at, normed, parent=block.index)
        scores = np.tril(np.exp(b.rng.standard_normal((batch, 4, tokens, tokens))))
        heads = b.value((scores / scores.sum(-1, keepdims=True)).astype(np.float32))
        attn = b.call(f"blocks.{n}.attn", normed, (at, heads), parent=block.index)
        b.call(f"blocks.{n}.attn.q", normed, at, parent=attn.index)
        b.call(f"blocks.{n}.mlp", at, at, parent=block.index)
        block.outputs = at
    root.outputs = b.value(b.rng.standard_normal((batch, tokens, 64)).astype(np.float32))
    b.call("head", at, root.outputs)
    return b.tape


def reused(times: int = 3) -> Tape:
    """One activation that is called again and again."""
    b = TapeBuilder("Reused")
    b.module("", "Reused", "container")
    b.module("act", "ReLU", "activation")
    x = b.rng.standard_normal((4, 3, 8, 8)).astype(np.float32)
    at = b.value(x)
    root = b.call("", at, None, parent=None)
    for n in range(times):
        x = np.maximum(x - n, 0)
        call = b.call("act", at, None)
        at = call.outputs = b.value(x)
    root.outputs = at
    return b.tape


HOSTILE = "<script>alert('x')</script>\"&\u202e" + "n" * 260


def hostile() -> Tape:
    """Names that try to be markup, values that are no numbers, and a forward that raised."""
    b = TapeBuilder("<img src=x onerror=alert(1)>")
    b.module("", "<img src=x onerror=alert(1)>", "container")
    b.module(HOSTILE, "</script><b>Kind", "linear", "extra='</pre>'", weight=(3, 4))
    b.module("weird", "Weird", "no such family")
    b.module("broken", "Broken", "linear")
    odd = np.array([[np.nan, np.inf, -np.inf, 0.0], [1e30, -1e30, 1e-30, 2.0]], dtype=np.float32)
    x = b.value(odd, "full")
    b.call("", x, "", parent=None, error="ValueError: </script> no")
    b.call(HOSTILE, x, b.value(np.zeros((0, 4), dtype=np.float32), "full"))
    b.call("weird", x, b.value(np.array(True), "full"))
    b.call("broken", x, "", error="ValueError: </script> no")
    b.tape.error = "ValueError: </script> no"
    return b.tape


def wide(count: int) -> Tape:
    """A flat model of many modules, for what must not become slow."""
    tape = TapeBuilder("Wide").tape
    tape.modules[""] = ModuleInfo("", "", "Wide", "container")
    for n in range(count):
        kind, family = (("Linear", "linear"), ("ReLU", "activation"))[n % 2]
        tape.modules[f"layer{n}"] = ModuleInfo(f"layer{n}", f"layer{n}", kind, family, f"width={n}")
    tape.modules[""].children = tuple(tape.modules)[1:]
    return tape

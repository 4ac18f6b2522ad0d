"""Models that every view must draw well, as tapes made by hand."""

from __future__ import annotations

from clownviz.recording.tape import Tape

from .tapes import TapeMaker

HOSTILE = ("<script>alert(1)</script>", 'a"b\\N]>&lt;', "new\nline:x", "</TABLE>", "層")


def convnet() -> Tape:
    """A chain with a reused activation and a flatten."""
    made = TapeMaker("ConvNet")
    made.module("conv", "Conv2d", weight=(6, 1, 5, 5), bias=(6,))
    made.module("relu", "ReLU")
    made.module("pool", "MaxPool2d")
    made.module("fc1", "Linear", weight=(120, 864), bias=(120,))
    made.module("fc2", "Linear", weight=(10, 120), bias=(10,))
    x = made.tensor(2, 1, 28, 28)
    with made.call("", x=x) as net:
        h = made.layer("conv", x, 2, 6, 24, 24, flops=345_600)
        h = made.layer("pool", made.layer("relu", h), 2, 6, 12, 12)
        h = made.op("flatten", h, shape=(2, 864))
        h = made.layer("relu", made.layer("fc1", h, 2, 120, flops=414_720))
        net.returns(made.layer("fc2", h, 2, 10, flops=4_800))
    return made.tape


def transformer(blocks: int = 6) -> Tape:
    """Equal blocks with skips, and an output layer tied to the embedding."""
    made = TapeMaker("Transformer")
    made.module("embed", "Embedding", weight=(65, 32))
    made.module("blocks", "ModuleList")
    for n in range(blocks):
        at = f"blocks.{n}"
        made.module(at, "Block")
        made.module(f"{at}.norm1", "LayerNorm", weight=(32,), bias=(32,))
        made.module(f"{at}.attn", "CausalAttention", weight=(96, 32), bias=(96,))
        made.module(f"{at}.norm2", "LayerNorm", weight=(32,), bias=(32,))
        made.module(f"{at}.ffn", "Sequential")
        made.module(f"{at}.ffn.0", "Linear", weight=(128, 32), bias=(128,))
        made.module(f"{at}.ffn.1", "GELU")
        made.module(f"{at}.ffn.2", "Linear", weight=(32, 128), bias=(32,))
    made.module("head", "Linear", weight=(65, 32), tied={"weight": "embed.weight"})
    x = made.tensor(2, 16)
    with made.call("", idx=x) as net:
        h = made.layer("embed", x, 2, 16, 32)
        position = made.tensor(64, 32, origin="parameter:position")
        h = made.op("add", h, made.op("getitem", position, shape=(16, 32)), site=0)
        for n in range(blocks):
            at = f"blocks.{n}"
            with made.call(at, x=h) as block:
                a = made.layer(f"{at}.attn", made.layer(f"{at}.norm1", h), flops=200_000)
                h = made.op("add", h, a, site=1)
                f = made.layer(f"{at}.norm2", h)
                with made.call(f"{at}.ffn", x=f) as ffn:
                    f = made.layer(f"{at}.ffn.0", f, 2, 16, 128, flops=262_144)
                    f = made.layer(f"{at}.ffn.1", f)
                    ffn.returns(made.layer(f"{at}.ffn.2", f, 2, 16, 32, flops=262_144))
                h = made.op("add", h, ffn.output, site=2)
                block.returns(h)
        net.returns(made.layer("head", h, 2, 16, 65, flops=133_120))
    return made.tape


def recurrent(steps: int = 10) -> Tape:
    """A loop over time: two modules called again and again."""
    made = TapeMaker("Recurrent")
    for name, shape in (("ih", (16, 8)), ("hh", (16, 16)), ("out", (2, 16))):
        made.module(name, "Linear", weight=shape, bias=shape[:1])
    x, h = made.tensor(2, steps, 8), made.tensor(2, 16)
    with made.call("", x=x, h=h) as net:
        for _ in range(steps):
            step = made.op("select", x, shape=(2, 8))
            both = made.op("add", made.layer("ih", step, 2, 16), made.layer("hh", h), site=1)
            h = made.op("tanh", both, site=2)
        net.returns({"logits": made.layer("out", h, 2, 2), "state": h})
    return made.tape


def hostile() -> Tape:
    """Names that would like to be markup."""
    made = TapeMaker("<img src=x onerror=alert(1)>")
    for number, name in enumerate(HOSTILE):
        made.module(name, f"<b>Kind{number}</b>", weight=(4, 4))
    x = made.tensor(2, 4)
    with made.call("", **{"x<y>": x}) as net:
        for name in HOSTILE:
            x = made.layer(name, x)
        net.returns(x)
    return made.tape


def broken() -> Tape:
    """A forward that raised inside a nested module."""
    made = TapeMaker("Broken")
    made.module("a", "Linear", weight=(8, 4))
    made.module("b", "Sequential")
    made.module("b.0", "ReLU")
    made.module("b.1", "Linear", weight=(2, 7))
    made.module("c", "Linear", weight=(2, 2))
    error = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x8 and 7x2)"
    made.tape.error = error
    x = made.tensor(2, 4)
    with made.call("", error=error, x=x):
        h = made.layer("a", x, 2, 8)
        with made.call("b", error=error, x=h):
            h = made.layer("b.0", h)
            with made.call("b.1", error=error, x=h):
                pass
    return made.tape


EXAMPLES = {
    "convnet": convnet,
    "transformer": transformer,
    "recurrent": recurrent,
    "hostile": hostile,
    "broken": broken,
}

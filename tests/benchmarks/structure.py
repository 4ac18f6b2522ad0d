"""What a picture of a large model costs, beside the tools that people use for PyTorch's.

The models are those of `support/giants.py`, here and in PyTorch from the same lines. Each tool
gets the model and its input and gives its first picture; ours gets them too, and the forward is
part of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from measure import Case

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.giants import giants

import clownpiece
import clownviz
from clownpiece import nn

GIANTS = giants(nn, clownpiece)
TOOLS = ("torchinfo", "torchview", "torchlens", "treescope")
MINUTES = ("torchlens", "treescope")
"""What takes too long to be asked more than twice."""

LARGE = "4,000 different modules"
PICTURES = (clownviz.summary, clownviz.tree, clownviz.diagram, clownviz.explore, clownviz.report)


def missing() -> list[str]:
    """The tools that are not installed here, so that their columns are empty."""
    return [name for name in ("torch", *TOOLS) if _found(name) is None]


def _found(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def _twin(name: str) -> tuple[Any, Any]:
    torch = import_module("torch")
    return giants(torch.nn, torch)[name]()


# -- what each tool is asked for --------------------------------------------------------------


def _torchinfo(model: Any, x: Any) -> str:
    return str(import_module("torchinfo").summary(model, input_data=x, verbose=0))


def _torchview(model: Any, x: Any) -> str:
    drawn = import_module("torchview").draw_graph(model, input_data=x, expand_nested=True)
    return str(drawn.visual_graph.source)


def _torchlens(model: Any, x: Any) -> Any:
    return import_module("torchlens").trace(model, x)


def _treescope(model: Any, x: Any) -> str:
    tensor = import_module("torch").Tensor
    if not hasattr(tensor, "names"):  # treescope 0.1 asks for what PyTorch 2.13 no longer has
        tensor.names = property(lambda t: (None,) * t.ndim)
    return str(import_module("treescope").render_to_html(model))


def _beside(
    name: str, ours: Callable[[], Any], what: str, tool: str, ask: Callable[[Any, Any], Any]
) -> Case:
    """One of our pictures beside that of a tool, or beside a forward where that is missing."""
    if _found("torch") is None or _found(tool) is None:
        model, x = GIANTS[name]()
        return Case(what, ours, lambda: model(x), "one forward")
    twin, input = _twin(name)
    rounds = 2 if tool in MINUTES else 6
    return Case(what, ours, lambda: ask(twin, input), tool, rounds=rounds)


# -- families ---------------------------------------------------------------------------------


def large() -> Iterator[Case]:
    """A network of 4,000 modules: its pictures from a tape, and from the beginning."""
    model, x = GIANTS[LARGE]()
    tape = clownviz.run(model, x, keep="shapes")
    size = f"{len(clownviz.tree(tape).html()) / 1e3:.0f} kB"
    yield _beside(LARGE, lambda: clownviz.summary(tape).text(),
                  "summary, from a tape", "torchinfo", _torchinfo)  # fmt: skip
    yield _beside(LARGE, lambda: clownviz.summary(model, x).text(),
                  "summary, forward included", "torchinfo", _torchinfo)  # fmt: skip
    yield _beside(LARGE, lambda: clownviz.summary(model, x).text(),
                  "summary, forward included", "torchview", _torchview)  # fmt: skip
    yield _beside(LARGE, lambda: clownviz.tree(tape).html(),
                  f"tree as HTML ({size}), from a tape", "treescope", _treescope)  # fmt: skip
    yield _beside(LARGE, lambda: clownviz.diagram(model, x).source,
                  "diagram, forward included", "torchview", _torchview)  # fmt: skip
    yield _beside(LARGE, lambda: clownviz.run(model, x, keep="shapes"),
                  "the tape itself", "torchlens", _torchlens)  # fmt: skip


def first_pictures() -> Iterator[Case]:
    """What a person sees first of a large model: a tape as a finished picture."""
    for name in list(GIANTS)[2:]:
        model, x = GIANTS[name]()
        tape = clownviz.run(model, x, keep="shapes")
        for verb in PICTURES:

            def picture(verb: Any = verb, tape: Any = tape) -> str | bytes:
                made = verb(tape)
                return _sent(made) if verb is clownviz.explore else str(made.html())

            def forward(model: Any = model, x: Any = x) -> Any:
                return model(x)

            what = f"{verb.__name__} of {name} ({len(picture()) / 1e3:.0f} kB)"
            yield Case(what, picture, forward, "one forward", rounds=3)


def _sent(explore: Any) -> bytes:
    """What a notebook is sent of a live explorer: its still, and what the widget begins with."""
    state = explore.widget.get_state()
    explore.widget.close()
    values = [value if isinstance(value, bytes) else json.dumps(value) for value in state.values()]
    return b"".join(v if isinstance(v, bytes) else v.encode() for v in [explore.html(), *values])


def growth() -> Iterator[Case]:
    """100,000 modules beside 10,000: 10 is linear."""
    tapes = [clownviz.describe(nn.Sequential(*[nn.Linear(1, 1 + n % 7) for n in range(count)]))
             for count in (10_000, 100_000)]  # fmt: skip
    for verb in (clownviz.summary, clownviz.tree, clownviz.diagram):

        def picture(tape: Any, verb: Any = verb) -> str:
            return str(verb(tape).text())

        yield Case(f"{verb.__name__} of 100,000 modules", lambda p=picture: p(tapes[1]),
                   lambda p=picture: p(tapes[0]), "10,000", rounds=3)  # fmt: skip


FAMILIES = {
    "A network of 4,000 different modules": large,
    "First pictures": first_pictures,
    "Growth": growth,
}

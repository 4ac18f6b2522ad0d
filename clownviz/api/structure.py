"""What a model is made of: `summary`, `tree`, `diagram`, `autograd`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..recording.backend import model_of
from ..recording.collector import collector_paused
from ..recording.keywords import keywords
from ..recording.tape import Tape
from ..views.autograd import BUDGET as AUTOGRAD_BUDGET
from ..views.autograd import Autograd
from ..views.diagram import BUDGET as DIAGRAM_BUDGET
from ..views.diagram import Diagram
from ..views.summary import DEFAULT_COLUMNS, Summary
from ..views.tree import Tree
from .shown import Shown
from .tapes import tape_of

__all__ = ["autograd", "diagram", "summary", "tree"]


@collector_paused()
def summary(
    model: Any,
    *inputs: Any,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    depth: int | None = None,
    fold: bool = True,
    sort: str | None = None,
    descending: bool = True,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Shown:
    """The table of a model's modules: shapes, parameters, multiply-adds.

    As HTML it is sorted by a click on a header, wherever a script may run.

    Args:
        model: a Module, or the tape of a run.
        inputs: what the model is called with; without any the table is of what is known before.
        columns: some of input, output, params, trainable, frozen, tied, bytes, buffers, macs,
            moved (bytes read and written), activations (bytes returned), field (receptive field),
            calls, time, extra (settings).
        depth: how many levels to show; None shows as many as stay readable.
        fold: show equal blocks once.
        sort: a column to sort by, or "layer"; None keeps the tree.
        descending: the largest first.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.

    >>> import clownpiece, clownviz
    >>> from clownpiece import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> "15" in clownviz.summary(model, clownpiece.ones(2, 4)).text()
    True
    """
    kwargs = keywords(summary, inputs, kwargs, named, model)
    tape = tape_of(model, inputs, kwargs, keep="shapes")
    return Shown(
        Summary(
            tape, columns=columns, depth=depth, fold=fold, sort=sort, descending=descending
        )
    )


@collector_paused()
def tree(
    model: Any,
    *inputs: Any,
    depth: int | None = None,
    fold: bool = True,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Shown:
    """The tree of a model's modules; arguments as for `summary`."""
    kwargs = keywords(tree, inputs, kwargs, named, model)
    return Shown(Tree(tape_of(model, inputs, kwargs, keep="shapes"), depth=depth, fold=fold))


@collector_paused()
def diagram(
    model: Any,
    *inputs: Any,
    depth: int | None = None,
    closed: Iterable[str] = (),
    fold: bool = True,
    unfolded: Iterable[str] = (),
    direction: str = "TB",
    selected: str | None = None,
    thickness: str | None = None,
    budget: int = DIAGRAM_BUDGET,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Diagram:
    """The diagram of a model as a `graphviz.Digraph` that can be edited and rendered.

    Args:
        model: a Module, or the tape of a run.
        inputs: what the model is called with; without any the tree of modules is drawn.
        depth, closed, fold, unfolded, direction, selected, thickness, budget: see `Diagram.of`.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.
    """
    kwargs = keywords(diagram, inputs, kwargs, named, model)
    return Diagram.of(
        tape_of(model, inputs, kwargs, keep="shapes"),
        depth=depth,
        closed=closed,
        fold=fold,
        unfolded=unfolded,
        direction=direction,
        selected=selected,
        thickness=thickness,
        budget=budget,
    )


@collector_paused()
def autograd(
    model: Any,
    *inputs: Any,
    loss: Callable[[Any], Any] | None = None,
    direction: str = "TB",
    budget: int = AUTOGRAD_BUDGET,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Autograd:
    """The graph that backward walks: every operation with its formula, value and gradient.

    As text it is a program, one line an operation. It is a `graphviz.Digraph` too.

    Args:
        model: a Module, a function of tensors, or the tape of a run.
        inputs: what it is called with.
        loss: what backward starts from, given the output; by default the output itself.
        direction, budget: see `Autograd.of`.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.

    Raises:
        RuntimeError: nothing in the output requires a gradient.

    >>> import clownpiece, clownviz
    >>> w = clownpiece.tensor(3.0, requires_grad=True)
    >>> def square(w):
    ...     return w * w
    >>> print(clownviz.autograd(square, w).text())
    Autograd graph of square: 1 operation from 1 input to loss
    <BLANKLINE>
                       formula    value  gradient
    ─────────────────────────────────────────────
    w     input                   3      6
    ─────────────────────────────────────────────
    loss  = mul(w, w)  x · other  9      1
    """
    kwargs = keywords(autograd, inputs, kwargs, named, model)
    options: dict[str, Any] = {"loss": loss}
    if not isinstance(model, Tape):
        model = model_of(model, (inputs, kwargs))
        options |= {"keep": "full", "gradients": True, "inside": True}
    tape = tape_of(model, inputs, kwargs, **options)
    return Autograd.of(tape, direction=direction, budget=budget)

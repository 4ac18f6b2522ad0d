"""How an operation is written in a diagram, and which operations only move numbers."""

from __future__ import annotations

from ..look import format_number
from ..recording.tape import Operation

__all__ = ["MOVES", "symbol"]

_MOVES = """
    alias as_strided atleast_1d atleast_2d atleast_3d broadcast_to chunk clone contiguous detach
    expand expand_as flatten flip getitem __getitem__ index_select movedim moveaxis narrow permute
    positive ravel reshape reshape_as select slice split split_with_sizes squeeze swapaxes
    swapdims t tensor_split
    T mT to to_dtype float double half int long bool type type_as transpose unbind unflatten
    unsqueeze view view_as identity requires_grad_
"""
MOVES = frozenset(_MOVES.split())
"""Operations whose output holds the numbers of their one input, in another order or dtype."""

_SYMBOLS = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "div": "÷",
    "true_divide": "÷",
    "matmul": "@",
    "mm": "@",
    "bmm": "@",
    "neg": "−",
    "pow": "^",
    "cat": "concat",
    "concat": "concat",
    "setitem": "write",
    "masked_fill": "mask",
    "scaled_dot_product_attention": "attention",
}


def symbol(operation: Operation) -> str:
    """The label of an operation's node: a sign where there is one, else its name.

    >>> symbol(Operation(0, "add", inputs=(1, 2))), symbol(Operation(0, "softmax", inputs=(1,)))
    ('+', 'softmax')
    >>> symbol(Operation(0, "mul", inputs=(1,), params={"b": "0.35355"}))
    '× 0.354'
    >>> symbol(Operation(0, "sub", inputs=(1,), params={"x": "1"}))  # 1 - y
    '1 −'
    """
    name = operation.name.rstrip("_")
    sign = _SYMBOLS.get(name, name)
    if len(operation.inputs) == 1 and name in ("add", "sub", "mul", "div", "pow"):
        place, text = next(iter(operation.params.items()), ("", ""))
        other = _number(text)
        # The first input of a record is x; of a sum or product the order says nothing.
        before = place == "x" and other and name in ("sub", "div", "pow")
        return f"{other} {sign}" if before else f"{sign} {other}".rstrip()
    return sign


def _number(text: str) -> str:
    """The number that a text is, as views write it; nothing if it is none."""
    try:
        return format_number(float(text))
    except ValueError:
        return ""

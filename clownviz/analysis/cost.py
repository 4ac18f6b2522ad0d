"""What a run costs: multiply-adds and bytes, a module at a time."""

from __future__ import annotations

from collections.abc import Iterator

from ..capture.nested import leaves
from ..capture.tape import Operation, Tape

__all__ = ["activation_bytes", "input_bytes", "multiply_adds", "own_cost", "traffic"]

# Contractions multiply and add in pairs; that is what people mean by the cost of a network.
# Elementwise work is memory traffic, and is in `traffic`.
_CONTRACTIONS = (
    "matmul mm bmm mv dot vdot inner outer addmm baddbmm addmv einsum tensordot kron linear "
    "bilinear scaled_dot_product_attention multi_head_attention_forward "
    "lstm gru rnn rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"
)
CONTRACTIONS = frozenset(_CONTRACTIONS.split())


def multiply_adds(operation: Operation) -> int:
    """Multiply-adds of one operation: half the flops of a contraction, else 0.

    >>> multiply_adds(Operation(0, "matmul", flops=2 * 8 * 4 * 5))
    160
    >>> multiply_adds(Operation(0, "relu", flops=100))
    0
    """
    contracts = operation.name in CONTRACTIONS or operation.name.startswith("conv")
    return operation.flops // 2 if contracts else 0


def _operations(tape: Tape, step: int) -> Iterator[tuple[str, Operation]]:
    for operation in tape.operations:
        if operation.call is not None:
            call = tape.calls[operation.call]
            if call.step == step:
                yield call.path, operation


def own_cost(tape: Tape, step: int = 0) -> dict[str, int]:
    """Multiply-adds by module path, of the operations that the module itself ran."""
    total: dict[str, int] = {}
    for path, operation in _operations(tape, step):
        total[path] = total.get(path, 0) + multiply_adds(operation)
    return total


def traffic(tape: Tape, step: int = 0) -> dict[str, int]:
    """Bytes read and written by module path, of the operations that the module itself ran."""
    total: dict[str, int] = {}
    for path, operation in _operations(tape, step):
        total[path] = total.get(path, 0) + operation.bytes
    return total


def activation_bytes(tape: Tape, step: int = 0) -> int:
    """Bytes of everything that modules returned in one run, each tensor counted once."""
    given = _input_ids(tape, step)
    made = {int(ref) for call in tape.forward_calls(step) for ref in leaves(call.outputs)}
    return sum(tape.values[i].bytes for i in made - given if not tape.values[i].origin)


def input_bytes(tape: Tape, step: int = 0) -> int:
    """Bytes of what the model was given in one run."""
    return sum(tape.values[i].bytes for i in _input_ids(tape, step))


def _input_ids(tape: Tape, step: int) -> set[int]:
    first = next(tape.forward_calls(step), None)
    return {int(ref) for ref in leaves(first.inputs)} if first is not None else set()

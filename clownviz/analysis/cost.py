"""What a run costs: multiply-adds and bytes, a module at a time."""

from __future__ import annotations

from ..recording.nested import leaves
from ..recording.tape import Operation, Tape

__all__ = ["activation_bytes", "activations", "input_bytes", "multiply_adds", "own_cost"]

# Contractions multiply and add in pairs; that is what people mean by the cost of a network.
# Elementwise work is memory traffic: bytes moved.
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


def own_cost(tape: Tape, step: int = 0) -> dict[str, tuple[int, int]]:
    """Multiply-adds, and bytes read and written, by module path.

    They are those of the operations that the module itself ran, not of the modules in it.
    """
    total: dict[str, tuple[int, int]] = {}
    for operation in tape.operations:
        if operation.call is None or tape.calls[operation.call].step != step:
            continue
        path = tape.calls[operation.call].path
        macs, moved = total.get(path, (0, 0))
        total[path] = macs + multiply_adds(operation), moved + operation.bytes
    return total


def activations(tape: Tape, step: int = 0) -> dict[str, int]:
    """Bytes by module path of what modules returned, each tensor at the first one returning it.

    A container that passes on what its last layer made adds nothing, so the numbers add up.
    """
    counted = _input_ids(tape, step)
    total: dict[str, int] = {}
    for call in sorted(tape.forward_calls(step), key=lambda call: call.ended):
        for ref in leaves(call.outputs):
            value = tape.values[ref]
            if value.id not in counted and not value.origin:
                counted.add(value.id)
                total[call.path] = total.get(call.path, 0) + value.bytes
    return total


def activation_bytes(tape: Tape, step: int = 0) -> int:
    """Bytes of everything that modules returned in one run, each tensor counted once."""
    return sum(activations(tape, step).values())


def input_bytes(tape: Tape, step: int = 0) -> int:
    """Bytes of what the model was given in one run."""
    return sum(tape.values[i].bytes for i in _input_ids(tape, step))


def _input_ids(tape: Tape, step: int) -> set[int]:
    first = next(tape.forward_calls(step), None)
    return {int(ref) for ref in leaves(first.inputs)} if first is not None else set()

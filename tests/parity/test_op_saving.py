"""What a node saves must not be changed in place between forward and backward: no change there
may hurt a gradient unseen, and none is refused that PyTorch allows.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from support.records import (  # noqa: E402
    cases,
    float_tensors,
    is_differentiable,
    leaves,
    tensors_of,
)
from support.torch_records import (  # noqa: E402
    as_torch,
    call_torch,
    has_counterpart,
    nested,
)

import clownpiece  # noqa: E402

STRICTER = {
    "cross_entropy gaussian_nll_loss kl_div l1_loss scaled_dot_product_attention tanhshrink": (
        "is one operation that saves its inputs; PyTorch's saves what it computes on the way"
    ),
    "kron matmul": "broadcasts without the copies that PyTorch makes and saves",
    "unfold": "gives views with overlapping memory, in which PyTorch changes numbers twice",
}
"""Operations that refuse more than PyTorch's, and why."""

CASES = cases(is_differentiable)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_change_before_backward_does_no_harm_or_is_refused_as_by_pytorch(case):
    floating = [each for each in leaves(case.draw()) if _is_floating(each)]
    expected = _gradients(clownpiece, case, "nothing")
    stricter = []
    for changed in (*range(len(floating)), "the output") if expected else ():
        found = _gradients(clownpiece, case, changed)
        if found is not None:
            for got, correct in zip(found, expected, strict=True):
                np.testing.assert_array_equal(got, correct)
        elif has_counterpart(case.record) and _gradients(torch, case, changed) is not None:
            stricter.append(changed)
    assert not stricter or case.record.name in " ".join(STRICTER).split(), stricter


def _is_floating(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _gradients(library, case, changed):
    """The gradients of all inputs after one tensor was changed; None if that was refused."""
    if library is torch:
        inputs = [nested(as_torch, value) for value in case.draw()]
        given = [each for each in leaves(inputs) if isinstance(each, torch.Tensor)]
        given = [each.requires_grad_() for each in given if each.is_floating_point()]
    else:
        inputs = tensors_of(case.draw(), requires_grad=True)
        given = float_tensors(inputs)
    library.manual_seed(0)
    try:
        result = call_torch(case, inputs) if library is torch else case(inputs)
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        results = [each for each in results if getattr(each, "requires_grad", False)]
        changes = {"nothing": [], "the output": results}
        changes |= {at: [each] for at, each in enumerate(given)}
        weights = [each.detach().clone() for each in results]
        with library.no_grad():
            for each in changes[changed]:
                each.mul_(1.5)
        if not results:
            return None
        found = library.autograd.grad(results, given, weights, allow_unused=True)
    except RuntimeError:
        return None
    return [0.0 if each is None else each.detach().numpy() for each in found]

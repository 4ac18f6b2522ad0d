"""PyTorch models are watched as our own are: same numbers, and the training does not notice."""

from __future__ import annotations

import numpy as np
import pytest

from clownviz.recording.training import Recorder

torch = pytest.importorskip("torch")


def make():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    return model, torch.optim.Adam(model.parameters(), lr=1e-2)


def train(model, optimizer, recorder=None):
    points, labels = torch.ones(5, 4), torch.arange(5) % 3
    for _ in range(4):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(points), labels)
        loss.backward()
        optimizer.step()
        if recorder is not None:
            recorder.log(loss=loss)


def test_a_watched_twin_is_the_same_to_the_byte():
    plain, watched = make(), make()
    recorder = Recorder(*watched)
    train(*plain)
    train(*watched, recorder)
    for a, b in zip(plain[0].parameters(), watched[0].parameters()):
        assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()
    run = recorder.snapshot()
    assert run.layers == ("0", "2")
    grads = [p.grad.norm().item() for p in watched[0].parameters()]
    np.testing.assert_allclose(run.grad_norm[-1], grads, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_neither_fail_nor_overflow(dtype):
    weight = torch.nn.Parameter(torch.full((100,), 300.0, dtype=dtype))
    model = torch.nn.Module()
    model.weight = weight
    optimizer = torch.optim.SGD([weight], lr=0.0)
    recorder = Recorder(model, optimizer)
    weight.grad = torch.full((100,), 300.0, dtype=dtype)
    optimizer.step()
    run = recorder.snapshot()
    np.testing.assert_allclose([run.grad_norm[0, 0], run.weight_norm[0, 0]], 3000, rtol=1e-2)


def test_a_sparse_gradient_is_measured():
    embedding = torch.nn.Embedding(10, 3, sparse=True)
    optimizer = torch.optim.SparseAdam(embedding.parameters())
    recorder = Recorder(embedding, optimizer)
    embedding(torch.tensor([1, 4])).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(recorder.snapshot().grad_norm[0, 0], np.sqrt(6), rtol=1e-5)

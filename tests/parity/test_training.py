"""The course's models, word for word in PyTorch, train to the same numbers from the same start."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from models.house_price import HousePriceModel
from models.patch_transformer import PatchTransformer
from support.course import houses
from support.tree import text

torch = pytest.importorskip("torch")

import clownpiece as cp  # noqa: E402
from clownpiece.utils.data import DataLoader  # noqa: E402


@pytest.fixture
def models_in_torch(monkeypatch):
    """Our models' own source with `torch` in place of `clownpiece`."""
    package = types.ModuleType("models_in_torch")
    monkeypatch.setattr(package, "__path__", [], raising=False)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    for name in ("gpt", "house_price", "patch_transformer"):
        module = types.ModuleType(f"{package.__name__}.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        module.__package__ = package.__name__
        source = text(Path("notebooks") / "models" / f"{name}.py").replace("clownpiece", "torch")
        exec(compile(source, f"{name}.py", "exec"), module.__dict__)
        setattr(package, name, module)
    return package


def trained_in_step(ours, theirs, batches, *, loss, optimizer, schedule, every):
    """Train both on the same batches and compare each loss; returns how many there were."""
    ours.double()
    theirs.double()
    theirs.load_state_dict(
        {name: torch.from_numpy(t.numpy().copy()) for name, t in ours.state_dict().items()}
    )
    pairs = []
    for library, model in ((cp, ours), (torch, theirs)):
        made = getattr(library.optim, optimizer[0])(model.parameters(), **optimizer[1])
        rates = getattr(library.optim.lr_scheduler, schedule[0])(made, **schedule[1])
        pairs.append((model, getattr(library.nn, loss)(), made, rates))
    steps = 0
    for x, y in batches:
        losses = []
        for (model, loss_of, made, rates), wrap in zip(pairs, (cp.tensor, torch.tensor)):
            made.zero_grad()
            inputs, targets = wrap(x), wrap(y)
            value = loss_of(model(inputs), targets)
            value.backward()
            made.step()
            losses.append(value.item())
            if (steps + 1) % every == 0:
                rates.step()
        assert losses[0] == pytest.approx(losses[1], rel=1e-7)
        steps += 1
    for name, tensor in ours.state_dict().items():
        expected = theirs.state_dict()[name].numpy()
        np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-6, atol=1e-9)
    return steps


def test_house_prices(models_in_torch):
    loader = DataLoader(houses()[0], batch_size=50, shuffle=True, seed=0)
    batches = [(x.numpy().astype(float), y.numpy().astype(float)) for x, y in loader]
    steps = trained_in_step(
        HousePriceModel(),
        models_in_torch.house_price.HousePriceModel(),
        batches * 2,
        loss="MSELoss",
        optimizer=("SGD", {"lr": 1.5e-2, "momentum": 0.9}),
        schedule=("StepLR", {"step_size": 1, "gamma": 0.5}),
        every=20,
    )
    assert steps == 80


@pytest.mark.parametrize("heads", [1, 2])
def test_patch_transformer(models_in_torch, heads):
    draw = np.random.default_rng(0)
    batches = [(draw.random((16, 1, 28, 28)), draw.integers(0, 10, 16)) for _ in range(30)]
    steps = trained_in_step(
        PatchTransformer(heads),
        models_in_torch.patch_transformer.PatchTransformer(heads),
        batches,
        loss="CrossEntropyLoss",
        optimizer=("Adam", {"lr": 5e-3, "weight_decay": 1e-4}),
        schedule=("ExponentialLR", {"gamma": 0.6}),
        every=10,
    )
    assert steps == 30

"""Fifty steps in float64 from the same weights: every loss, parameter and buffer is PyTorch's.

The twins are put together from `torch.nn` alone, and share no line with the models here.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from models.gpt import GPTModel

torch = pytest.importorskip("torch")

import clownpiece as cp  # noqa: E402
from clownpiece import nn  # noqa: E402

STEPS = 50


def train_both(ours, theirs, names, batches, make_optimizer, loss_of):
    """Train both on the same batches and compare everything after each step.

    Args:
        names: leads from a name in our state_dict to the name in theirs.
        batches: pairs of arrays.
        make_optimizer: called with a library and parameters.
        loss_of: called with a library, a model's output and a target.
    """
    state = {names(name): torch.tensor(t.numpy()) for name, t in ours.state_dict().items()}
    theirs.load_state_dict(state)
    models = [(cp, ours.double()), (torch, theirs.double())]
    optimizers = [make_optimizer(library, model.parameters()) for library, model in models]
    first = None
    for step, (x, y) in enumerate(batches):
        losses = []
        for (library, model), optimizer in zip(models, optimizers):
            optimizer.zero_grad()
            loss = loss_of(library, model(library.tensor(x)), library.tensor(y))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        first = first or losses[0]
        assert losses[0] == pytest.approx(losses[1], rel=1e-9), f"the loss of step {step}"
        expected = theirs.state_dict()
        for name, tensor in ours.state_dict().items():
            np.testing.assert_allclose(
                tensor.numpy(),
                expected[names(name)].numpy(),
                rtol=1e-9,
                atol=1e-9,
                err_msg=f"{name} after step {step}",
            )
    assert step + 1 == STEPS
    assert losses[0] < first


def cross_entropy(library, scores, target):
    return library.nn.functional.cross_entropy(scores.flatten(0, -2), target.flatten())


def test_a_multi_layer_perceptron():
    draw = np.random.default_rng(0)
    w = draw.normal(size=(8, 2))
    batches = [(x, np.tanh(x @ w)) for x in draw.normal(size=(STEPS, 16, 8))]
    ours = nn.Sequential(
        nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2)
    )
    theirs = torch.nn.Sequential(
        torch.nn.Linear(8, 32),
        torch.nn.Tanh(),
        torch.nn.Linear(32, 16),
        torch.nn.ReLU(),
        torch.nn.Linear(16, 2),
    )
    train_both(
        ours,
        theirs,
        str,
        batches,
        lambda library, params: library.optim.SGD(
            params, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3
        ),
        lambda library, out, target: library.nn.functional.mse_loss(out, target),
    )


class TorchCNN(torch.nn.Module):
    """Two convolutions with statistics of their batch, pooling, a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 6, 3, padding=1)
        self.norm1 = torch.nn.BatchNorm2d(6)
        self.conv2 = torch.nn.Conv2d(6, 8, 3, stride=2, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(8, momentum=0.3)
        self.dropout = torch.nn.Dropout(0.0)
        self.head = torch.nn.Linear(8, 4)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.norm1(self.conv1(x))), 2)
        x = torch.relu(self.norm2(self.conv2(x)))
        return self.head(self.dropout(x.mean((2, 3))))


class CNN(nn.Module):
    """The same."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, bias=False)
        self.norm2 = nn.BatchNorm2d(8, momentum=0.3)
        self.dropout = nn.Dropout(0.0)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.pool(nn.functional.relu(self.norm1(self.conv1(x))))
        x = nn.functional.relu(self.norm2(self.conv2(x)))
        return self.head(self.dropout(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)))


def test_a_convolutional_network_with_batch_norm():
    draw = np.random.default_rng(0)
    patterns = draw.normal(size=(4, 1, 10, 10))
    labels = draw.integers(0, 4, (STEPS, 8))
    batches = [(patterns[y] + 0.3 * draw.normal(size=(8, 1, 10, 10)), y) for y in labels]
    ours, theirs = CNN(), TorchCNN()
    train_both(
        ours,
        theirs,
        str,
        batches,
        lambda library, params: library.optim.Adam(params, lr=5e-3, weight_decay=1e-3),
        cross_entropy,
    )
    assert ours.norm1.num_batches_tracked.item() == STEPS
    for model in (ours, theirs):
        model.eval()
    x = batches[0][0]
    np.testing.assert_allclose(
        ours(cp.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-9
    )


class TorchGPT(torch.nn.Module):
    """Made of PyTorch's own encoder layers, with a causal mask and tied weights."""

    def __init__(self, vocabulary, dim, layers, heads, context):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, dim)
        self.blocks = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(
                dim, heads, 4 * dim, dropout=0.0, activation="gelu", batch_first=True
            )
            for _ in range(layers)
        )
        self.head = torch.nn.Linear(dim, vocabulary, bias=False)
        self.head.weight = self.embedding.weight
        wavelengths = 10_000 ** (torch.arange(0, dim, 2).double() / dim)
        angle = torch.arange(context)[:, None] / wavelengths
        # A table is kept in float32, also in a model that became float64 later.
        self.places = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()

    def forward(self, tokens):
        length = tokens.shape[1]
        mask = torch.full((length, length), -math.inf, dtype=torch.float64).triu(1)
        x = self.embedding(tokens) * self.embedding.embedding_dim**0.5 + self.places[:length]
        for block in self.blocks:
            x = block(x, src_mask=mask)
        return self.head(x)


def name_in_encoder(name):
    """Where a weight of our GPT is in PyTorch's encoder layers."""
    for ours, theirs in (
        ("attention.qkv.", "self_attn.in_proj_"),
        ("attention.output", "self_attn.out_proj"),
        ("feed_forward.expand", "linear1"),
        ("feed_forward.contract", "linear2"),
    ):
        name = name.replace(ours, theirs)
    return name


def test_a_gpt():
    draw = np.random.default_rng(0)
    starts, steps = draw.integers(0, 11, (STEPS, 4, 1)), draw.integers(1, 4, (STEPS, 4, 1))
    texts = (starts + steps * np.arange(9)) % 11
    ours = GPTModel(vocabulary=11, dim=16, layers=2, heads=4, context=8)
    train_both(
        ours,
        TorchGPT(vocabulary=11, dim=16, layers=2, heads=4, context=8),
        name_in_encoder,
        [(text[:, :-1], text[:, 1:]) for text in texts],
        lambda library, params: library.optim.AdamW(params, lr=3e-3),
        cross_entropy,
    )
    assert ours.head.weight is ours.embedding.weight

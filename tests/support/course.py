"""The course's two tasks as its notebooks define them: data, settings, and an ordinary loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import clownpiece as cp
from clownpiece import nn
from clownpiece.utils.data import DataLoader, Dataset, TensorDataset


def houses(train: int = 2000, test: int = 500) -> tuple[TensorDataset, TensorDataset]:
    """Five facts about each house and its price, both standardized over all houses."""
    draw = np.random.RandomState(0)
    count = train + test
    area, age = draw.uniform(50, 250, count), draw.uniform(0, 50, count)
    distance, stores = draw.uniform(1, 25, count), draw.randint(0, 10, count)
    yard = draw.randint(0, 2, count)
    price = 100 + 10 * area**0.95 - 0.5 * age**2 + 2 * age - 25 * np.sqrt(distance)
    price += 6 * np.log1p(stores) + 30 * yard + 0.04 * area * np.log1p(stores)
    price += -4 * yard * np.sqrt(distance) - 0.1 * age * distance + draw.normal(0, 10, count)
    facts = np.stack([area, age, distance, stores, yard], axis=1)
    x = (facts - facts.mean(0)) / facts.std(0)
    y = ((price - price.mean()) / price.std())[:, None]
    parts = (slice(train), slice(train, None))
    first, second = (
        TensorDataset(*(cp.tensor(values[part], dtype=cp.float32) for values in (x, y)))
        for part in parts
    )
    return first, second


def train_epoch(model: nn.Module, batches: Iterable[Any], loss_of: Any, optimizer: Any) -> None:
    """One pass over the data, as everybody writes it."""
    model.train()
    for x, y in batches:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()


def accuracy(model: nn.Module, dataset: Dataset) -> float:
    """The part of the samples that the model classifies rightly."""
    model.eval()
    with cp.no_grad():
        hits = [(model(x).argmax(1) == y).sum().item() for x, y in DataLoader(dataset, 1000)]
    return sum(hits) / len(dataset)  # type: ignore[arg-type]

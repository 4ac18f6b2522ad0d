"""Optimizers, and in `lr_scheduler` the schedules of their learning rates.

>>> import clownpiece as cp
>>> model = cp.nn.Linear(2, 1)
>>> optimizer = cp.optim.SGD(model.parameters(), lr=0.1)
>>> loss = model(cp.ones(4, 2)).square().mean()
>>> optimizer.zero_grad()
>>> loss.backward()
>>> optimizer.step()
"""

from . import lr_scheduler
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]

"""Learning rates that change over the course of training.

A schedule is stepped after the optimizer, most once an epoch, some once a batch:

>>> import clownpiece as cp
>>> optimizer = cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0)
>>> schedule = cp.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
>>> for epoch in range(5):
...     print(f"{optimizer.param_groups[0]['lr']:.2f}", end=" ")
...     optimizer.step()
...     schedule.step()
1.00 0.85 0.50 0.15 0.00
"""

from .base import LRScheduler
from .combined import ChainedScheduler, SequentialLR
from .cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from .decay import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

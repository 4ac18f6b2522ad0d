"""Training that is saved, stopped and resumed ends exactly where it would have ended anyway."""

from __future__ import annotations

import pytest
from support.course import houses

import clownpiece as cp
from clownpiece import nn
from clownpiece.optim.lr_scheduler import CosineAnnealingLR
from clownpiece.utils.data import DataLoader

EPOCHS = 4


class Training:
    """A small run with everything that has a state: dropout, statistics, moments, schedule."""

    def __init__(self, seed):
        cp.manual_seed(seed)
        self.model = nn.Sequential(
            nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1)
        )
        self.optimizer = cp.optim.AdamW(self.model.parameters(), lr=0.05, amsgrad=True)
        self.schedule = CosineAnnealingLR(self.optimizer, T_max=EPOCHS)
        self.batches = DataLoader(houses(200, 10)[0], batch_size=32, shuffle=True)

    def epoch(self):
        for x, y in self.batches:
            self.optimizer.zero_grad()
            nn.functional.mse_loss(self.model(x), y).backward()
            self.optimizer.step()
        self.schedule.step()

    def save(self, path):
        parts = {name: getattr(self, name).state_dict() for name in self.parts}
        cp.save({**parts, "random": cp.get_rng_state()}, path)

    def load(self, path):
        saved = cp.load(path)
        for name in self.parts:
            getattr(self, name).load_state_dict(saved[name])
        cp.set_rng_state(saved["random"].numpy())

    parts = ("model", "optimizer", "schedule")


@pytest.mark.parametrize("name", ["run.safetensors", "run.npz"])
def test_a_resumed_run_ends_with_the_same_numbers(name, tmp_path):
    path = tmp_path / name
    whole = Training(seed=1)
    for epoch in range(EPOCHS):
        if epoch == EPOCHS // 2:
            whole.save(path)
        whole.epoch()

    resumed = Training(seed=2)
    resumed.load(path)
    for _ in range(EPOCHS // 2):
        resumed.epoch()
    expected = whole.model.state_dict()
    for key, tensor in resumed.model.state_dict().items():
        assert tensor.tolist() == expected[key].tolist(), key
    assert resumed.schedule.get_last_lr() == whole.schedule.get_last_lr()

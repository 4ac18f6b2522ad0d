"""Schedules: the warnings and errors that help, and combinations that are refused."""

from __future__ import annotations

import pytest

import clownpiece as cp
from clownpiece.optim import lr_scheduler as schedules


@pytest.fixture
def optimizer():
    return cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)


def test_stepping_before_the_optimizer_is_warned_of(optimizer):
    schedule = schedules.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        schedule.step()


def test_a_schedule_for_something_else_is_refused():
    with pytest.raises(TypeError, match="list is not an Optimizer"):
        schedules.StepLR([1], 1)


def test_a_schedule_without_get_lr_says_so(optimizer):
    class Empty(schedules.LRScheduler):
        pass

    with pytest.raises(NotImplementedError, match="Empty does not define get_lr"):
        Empty(optimizer)


def test_the_state_leaves_out_optimizer_and_functions(optimizer):
    state = schedules.LambdaLR(optimizer, lambda step: 1.0).state_dict()
    assert "optimizer" not in state
    assert state["lr_lambdas"] == [None]


def test_callable_objects_keep_their_fields(optimizer):
    class Warmup:
        def __init__(self, steps):
            self.steps = steps

        def __call__(self, step):
            return min(1.0, (step + 1) / self.steps)

    state = schedules.LambdaLR(optimizer, Warmup(4)).state_dict()
    other = schedules.LambdaLR(optimizer, Warmup(9))
    other.load_state_dict(state)
    assert other.lr_lambdas[0].steps == 4


@pytest.mark.parametrize("combine", ["SequentialLR", "ChainedScheduler"])
def test_combinations_that_cannot_be_are_refused(optimizer, combine):
    def make(parts, milestones=()):
        if combine == "ChainedScheduler":
            return schedules.ChainedScheduler(parts, optimizer)
        return schedules.SequentialLR(optimizer, parts, list(milestones))

    with pytest.raises(ValueError, match="at least one scheduler"):
        make([])
    with pytest.raises(ValueError, match="needs a metric"):
        make([schedules.ReduceLROnPlateau(optimizer)])
    with pytest.raises(TypeError, match="index 0"):
        make([7])
    other = cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0)
    with pytest.raises(ValueError, match="same optimizer"):
        make([schedules.StepLR(optimizer, 1), schedules.StepLR(other, 1)], [2])


def test_a_sequence_needs_a_milestone_between_any_two(optimizer):
    with pytest.raises(ValueError, match="one milestone fewer"):
        schedules.SequentialLR(optimizer, [schedules.StepLR(optimizer, 1)], [3])


def test_cycling_a_momentum_that_is_not_there_is_refused():
    plain = cp.optim.Adagrad([cp.zeros(1, requires_grad=True)])
    with pytest.raises(ValueError, match="cycle_momentum=False"):
        schedules.CyclicLR(plain, 0.1, 1.0)


def test_stepping_past_the_end_of_one_cycle_is_an_error(optimizer):
    schedule = schedules.OneCycleLR(optimizer, 1.0, total_steps=2)
    for _ in range(2):
        optimizer.step()
        schedule.step()
    with pytest.raises(ValueError, match="Tried to step 3 times"):
        schedule.step()


def test_a_plateau_follows_groups_that_come_later(optimizer):
    schedule = schedules.ReduceLROnPlateau(optimizer, patience=0, min_lr=0.2)
    optimizer.add_param_group({"params": [cp.zeros(1, requires_grad=True)], "lr": 0.5})
    for _ in range(3):
        schedule.step(1.0)
    assert schedule.get_last_lr() == [0.2, 0.2]


def test_warm_restarts_move_within_an_epoch(optimizer):
    schedule = schedules.CosineAnnealingWarmRestarts(optimizer, T_0=2)
    optimizer.step()
    schedule.step(0.5)
    between = schedule.get_last_lr()[0]
    schedule.step(1)
    assert schedule.get_last_lr()[0] < between < 1.0
    with pytest.raises(ValueError, match="at least 0"):
        schedule.step(-1)

"""`observe_calls`: every call is told, whichever way it ends, and nothing is changed by it."""

from __future__ import annotations

import copy
from threading import Thread

import pytest

import clownpiece as cp
from clownpiece import nn


class Story:
    """What an observer was told, in order."""

    def __init__(self):
        self.told = []

    def enter(self, module, args, kwargs):
        self.told.append(f"enter {type(module).__name__}")

    def leave(self, module, output, error):
        how = "leave" if error is None else f"{type(error).__name__} from"
        self.told.append(f"{how} {type(module).__name__}")

    def observe(self):
        return nn.observe_calls(self.enter, self.leave)


class Fails(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x):
        raise self.error


def test_calls_are_told_in_order_with_what_went_in_and_came_out():
    model, seen = nn.Sequential(nn.ReLU()), []
    x = cp.ones(2)
    with nn.observe_calls(
        lambda module, args, kwargs: seen.append((module, args, kwargs)),
        lambda module, output, error: seen.append((module, output, error)),
    ):
        y = model(x)
    model(x)
    assert seen[0] == (model, (x,), {}) and seen[1] == (model[0], (x,), {})
    assert [each[1:] for each in seen[2:]] == [(y, None), (y, None)]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit()])
def test_every_way_out_is_told(error):
    story, model = Story(), nn.Sequential(Fails(error))
    with pytest.raises(type(error)), story.observe():
        model(1)
    name = type(error).__name__
    assert story.told[2:] == [f"{name} from Fails", f"{name} from Sequential"]
    assert not nn.observe.observers


def test_observers_nest_and_stand_outside_of_hooks():
    outer, inner, model = Story(), Story(), nn.ReLU()
    model.register_forward_hook(lambda m, x, y: inner.told.append("hook"))
    with outer.observe(), inner.observe():
        assert model(cp.ones(1)).item() == 1
    assert inner.told == ["enter ReLU", "hook", "leave ReLU"]
    assert outer.told == ["enter ReLU", "leave ReLU"]


def test_all_threads_are_observed_and_copies_take_nothing_along():
    story, model = Story(), nn.ReLU()
    with story.observe():
        thread = Thread(target=model, args=(cp.ones(1),))
        thread.start()
        thread.join()
        copied = copy.deepcopy(model)
    assert story.told == ["enter ReLU", "leave ReLU"]
    copied(cp.ones(1))
    assert len(story.told) == 2


def test_ending_in_another_order_and_twice_does_no_harm():
    first, second, model = Story(), Story(), nn.ReLU()
    one, other = first.observe(), second.observe()
    one.__enter__()
    other.__enter__()
    one.__exit__()
    one.__exit__()
    model(cp.ones(1))
    other.__exit__()
    assert first.told == [] and len(second.told) == 2 and not nn.observe.observers

"""What all optimizers share: groups, gradients, hooks, and a state that can be carried over."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import clownpiece as cp
from clownpiece.optim import SGD, Adam, Optimizer
from clownpiece.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)


def param(*values: float) -> cp.Tensor:
    return cp.tensor(list(values), requires_grad=True)


def with_grad(values, grads) -> cp.Tensor:
    made = param(*values)
    made.grad = cp.tensor(list(grads))
    return made


# -- what is given to it ------------------------------------------------------------------------


def test_a_generator_of_parameters_is_listed_once():
    params = [param(1.0), param(2.0)]
    optimizer = SGD((p for p in params), lr=0.1)
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in params]


def test_a_used_up_generator_is_explained():
    params = (p for p in [param(1.0)])
    SGD(params, lr=0.1)
    with pytest.raises(ValueError, match=r"iterator of model\.parameters"):
        SGD(params, lr=0.1)


def test_a_set_is_refused_for_its_order_changes_between_runs():
    with pytest.raises(TypeError, match="use a list"):
        SGD({param(1.0)}, lr=0.1)


def test_a_tied_parameter_is_warned_of_and_stepped_once():
    tied = with_grad([1.0], [1.0])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = SGD([tied, param(3.0), tied], lr=0.25)
    optimizer.step()
    assert tied.tolist() == [0.75]
    assert len(optimizer.param_groups[0]["params"]) == 2


def test_groups_override_defaults_and_later_ones_can_be_added():
    first, second, third = (with_grad([1.0], [1.0]) for _ in range(3))
    optimizer = SGD([{"params": first}, {"params": [second], "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": third, "lr": 1.0})
    optimizer.step()
    assert [p.item() for p in (first, second, third)] == [0.75, 0.5, 0.0]


def test_the_callers_group_is_left_as_it_was():
    group = {"params": [param(1.0)], "lr": 0.5}
    optimizer = SGD([group], lr=0.1)
    optimizer.param_groups[0]["lr"] = 7.0
    assert group == {"params": group["params"], "lr": 0.5}


def test_names_are_kept_with_their_parameters():
    optimizer = SGD([("weight", param(1.0)), ("bias", param(2.0))], lr=0.1)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="without names"):
        optimizer.add_param_group({"params": [param(3.0)]})


def test_a_learning_rate_may_be_a_tensor():
    only = with_grad([1.0], [1.0])
    SGD([only], lr=cp.tensor(0.5)).step()
    assert only.tolist() == [0.5]


def test_differentiable_steps_are_refused_with_what_to_do():
    with pytest.raises(NotImplementedError, match="create_graph"):
        Adam([param(1.0)], differentiable=True)


# -- the step -----------------------------------------------------------------------------------


def test_a_parameter_without_gradient_is_neither_changed_nor_remembered():
    moved, still = with_grad([1.0], [1.0]), param(5.0)
    optimizer = Adam([moved, still], lr=0.1, weight_decay=0.5)
    optimizer.step()
    assert still.tolist() == [5.0]
    assert list(optimizer.state) == [moved]


def test_the_gradient_is_only_read():
    moved = with_grad([1.0, 2.0], [1.0, -1.0])
    kept = moved.grad
    for kind in (SGD, Adam, cp.optim.RMSprop, cp.optim.Adafactor, cp.optim.Rprop):
        kind([moved], lr=0.1).step()
    assert moved.grad is kept
    assert kept.tolist() == [1.0, -1.0]


def test_a_kept_gradient_survives_the_next_step():
    moved = param(2.0)
    optimizer = SGD([moved], lr=0.25)
    (moved * moved).sum().backward()
    kept = moved.grad
    optimizer.step()
    optimizer.zero_grad()
    (moved * moved).sum().backward()
    optimizer.step()
    assert kept.tolist() == [4.0]


def test_zero_grad_forgets_or_fills_in_place():
    moved = with_grad([1.0], [3.0])
    optimizer = SGD([moved], lr=0.1)
    kept = moved.grad
    optimizer.zero_grad(set_to_none=False)
    assert moved.grad is kept
    assert kept.tolist() == [0.0]
    optimizer.zero_grad()
    assert moved.grad is None


def test_zero_grad_in_place_leaves_the_graph_of_a_gradient():
    x = param(3.0)
    (x**3).sum().backward(create_graph=True)
    SGD([x], lr=0.1).zero_grad(set_to_none=False)
    assert x.grad.grad_fn is None
    assert x.grad.tolist() == [0.0]


def test_the_closure_runs_with_gradients_and_its_loss_comes_back():
    x = param(2.0)
    optimizer = SGD([x], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with cp.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert x.tolist() == [1.0]


def test_a_step_is_an_in_place_change_that_backward_notices():
    x = with_grad([2.0], [1.0])
    loss = (x * x).sum()
    SGD([x], lr=0.1).step()
    with pytest.raises(RuntimeError, match=r"in-?place"):
        loss.backward()


def test_a_step_records_no_operation():
    seen = []
    x = with_grad([2.0], [1.0])
    with cp.autograd.observe_ops(lambda *event: seen.append(event)):
        Adam([x]).step()
    assert seen == []
    assert x.is_leaf


def test_a_step_allocates_nothing_as_large_as_the_parameter():
    import tracemalloc

    x = cp.zeros(300_000, requires_grad=True)
    x.grad = cp.ones(300_000)
    optimizers = [Adam([x], amsgrad=True), SGD([x], lr=0.1, momentum=0.9, nesterov=True)]
    for optimizer in optimizers:
        optimizer.step()
    tracemalloc.start()
    try:
        for optimizer in optimizers:
            optimizer.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 10


def test_the_state_follows_a_model_that_changes_its_dtype():
    x = with_grad([1.0], [1.0])
    optimizer = Adam([x], lr=0.1)
    optimizer.step()
    x.data = x.detach().double()
    x.grad = None
    x.grad = cp.tensor([1.0], dtype=cp.float64)
    optimizer.step()
    assert optimizer.state[x]["exp_avg"].dtype is cp.float64


def test_new_data_of_another_shape_is_an_error_that_says_so():
    x = with_grad([1.0], [1.0])
    optimizer = Adam([x])
    optimizer.step()
    x.data, x.grad = cp.ones(2), None
    x.grad = cp.ones(2)
    with pytest.raises(RuntimeError, match=r"exp_avg.*\(1,\).*\(2,\).*new optimizer"):
        optimizer.step()


def test_a_parameter_of_no_elements_is_stepped_like_any_other():
    x = cp.zeros(0, 3, requires_grad=True)
    x.grad = cp.zeros(0, 3)
    for kind in (SGD, Adam, cp.optim.Adafactor):
        kind([x], lr=0.1).step()


# -- hooks --------------------------------------------------------------------------------------


def test_hooks_run_around_the_step_in_order_until_removed():
    told = []
    x = with_grad([1.0], [1.0])
    optimizer = SGD([x], lr=0.5)
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: told.append(x.item()))
    after = optimizer.register_step_post_hook(lambda o, args, kwargs: told.append(x.item()))
    optimizer.step()
    assert told == [1.0, 0.5]
    before.remove()
    after.remove()
    optimizer.step()
    assert told == [1.0, 0.5]


def test_a_pre_hook_may_give_other_arguments():
    calls = []
    optimizer = SGD([param(1.0)], lr=0.5)
    closure = lambda: calls.append("other") or 3.0  # noqa: E731
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((*args, closure), {}))
    assert optimizer.step() == 3.0
    assert calls == ["other"]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 7)
    with pytest.raises(RuntimeError, match="new_args, new_kwargs"):
        optimizer.step()


def test_global_hooks_see_every_optimizer_outermost():
    order = []
    optimizer = SGD([param(1.0)], lr=0.5)
    optimizer.register_step_pre_hook(lambda *_: order.append("own before"))
    optimizer.register_step_post_hook(lambda *_: order.append("own after"))
    with (
        register_optimizer_step_pre_hook(lambda *_: order.append("all before")),
        register_optimizer_step_post_hook(lambda *_: order.append("all after")),
    ):
        optimizer.step()
    optimizer.step()
    assert order == ["all before", "own before", "own after", "all after", *order[1:3]]


def test_a_step_of_ones_own_has_hooks_once_also_through_super():
    class Loud(SGD):
        def step(self, closure=None):
            return super().step(closure)

    told = []
    optimizer = Loud([with_grad([1.0], [1.0])], lr=0.5)
    optimizer.register_step_post_hook(lambda *_: told.append("after"))
    optimizer.step()
    assert told == ["after"]


def test_hooks_still_run_after_a_step_that_failed():
    told = []
    optimizer = SGD([param(1.0)], lr=0.5)
    optimizer.register_step_pre_hook(lambda *_: told.append("before"))
    with pytest.raises(ZeroDivisionError):
        optimizer.step(lambda: 1 / 0)
    optimizer.step()
    assert told == ["before", "before"]


def test_state_dict_hooks_may_change_what_is_saved_and_loaded():
    optimizer = SGD([param(1.0)], lr=0.5)
    order = []
    optimizer.register_state_dict_pre_hook(lambda o: order.append("collect"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    optimizer.register_state_dict_post_hook(lambda o, state: order.append("first"), prepend=True)
    state = optimizer.state_dict()
    assert state["note"] == 1
    optimizer.register_load_state_dict_pre_hook(lambda o, s: order.append(s["note"]))
    optimizer.register_load_state_dict_post_hook(lambda o: order.append("loaded"))
    optimizer.load_state_dict(state)
    assert order == ["collect", "first", 1, "loaded"]


def test_an_optimizer_without_update_says_what_to_define():
    class Lazy(Optimizer):
        pass

    with pytest.raises(NotImplementedError, match="_update"):
        Lazy([with_grad([1.0], [1.0])], {}).step()


# -- the state ----------------------------------------------------------------------------------


def trained(optimizer, x, steps=3):
    for step in range(steps):
        x.grad = cp.tensor([1.0 + step, -2.0])
        optimizer.step()


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_a_copy_of_an_optimizer_goes_on_by_itself(copier):
    x = param(1.0, 2.0)
    optimizer = Adam([x], lr=0.1)
    trained(optimizer, x)
    other = copier(optimizer)
    (y,) = other.param_groups[0]["params"]
    assert y is not x
    trained(optimizer, x)
    trained(other, y)
    assert y.tolist() == x.tolist()


def test_loading_copies_and_never_keeps_the_callers_dict():
    x = param(1.0, 2.0)
    optimizer = Adam([x], lr=0.1)
    trained(optimizer, x)
    saved = copy.deepcopy(optimizer.state_dict())
    given = copy.deepcopy(saved)
    other = Adam([param(1.0, 2.0)], lr=7.0)
    other.load_state_dict(given)
    trained(other, other.param_groups[0]["params"][0])
    assert given["param_groups"] == saved["param_groups"]
    assert given["state"][0]["exp_avg"].tolist() == saved["state"][0]["exp_avg"].tolist()
    assert given["state"][0]["step"].item() == 3.0


def test_an_option_that_an_old_file_lacks_gets_its_default():
    optimizer = Adam([param(1.0)])
    state = optimizer.state_dict()
    del state["param_groups"][0]["amsgrad"]
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["amsgrad"] is False


def test_the_state_of_other_groups_is_refused():
    state = SGD([param(1.0)], lr=0.1).state_dict()
    with pytest.raises(ValueError, match="different number of parameter groups: it has 1"):
        SGD([{"params": [param(1.0)]}, {"params": [param(2.0)]}], lr=0.1).load_state_dict(state)
    with pytest.raises(ValueError, match="has 1 parameters there and 2 here"):
        SGD([param(1.0), param(2.0)], lr=0.1).load_state_dict(state)


def test_loaded_state_takes_the_parameters_dtype_but_steps_stay():
    x = param(1.0, 2.0)
    optimizer = Adam([x])
    trained(optimizer, x)
    wide = Adam([cp.tensor([1.0, 2.0], dtype=cp.float64, requires_grad=True)])
    wide.load_state_dict(optimizer.state_dict())
    (entry,) = wide.state.values()
    assert entry["exp_avg"].dtype is cp.float64
    assert entry["step"].dtype is cp.float32


def test_the_repr_lists_groups_and_options():
    text = repr(SGD([param(1.0)], lr=0.1))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    assert "    lr: 0.1\n" in text


def test_blocks_cover_arrays_longer_than_one_block():
    from clownpiece.optim.blocks import BLOCK, blocks

    array = np.zeros((3, BLOCK // 2 + 1))
    seen = 0
    for block, spare in blocks(array, scratch=1):
        assert block.shape == spare.shape
        assert block.size <= BLOCK
        block += 1
        seen += block.size
    assert seen == array.size
    assert (array == 1).all()

"""Optimizers step where PyTorch's step: 50 steps in float64 agree, also resumed half-way."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import clownpiece as cp  # noqa: E402

STEPS = 50
SHAPES = ((4, 3), (3,), (), (2, 3, 2))
CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "maximize": True}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "betas": (0.5, 0.5)}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("NAdam", {"lr": 0.05}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "momentum_decay": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.05}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1, "betas": (0.8, 0.9), "maximize": True}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adamax", {"lr": 0.05}),
    ("Adamax", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("RMSprop", {"lr": 0.02}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.5, "centered": True, "alpha": 0.9, "maximize": True}),
    ("RMSprop", {"lr": 0.02, "centered": True, "eps": 1e-2}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.5, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.2), "maximize": True}),
    ("ASGD", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "t0": 5, "weight_decay": 0.1, "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "d": 2.0, "weight_decay": 0.1, "maximize": True}),
    ("Adafactor", {"beta2_decay": -0.5, "eps": (1e-3, 1e-2)}),
]
IDS = [f"{name}-{'-'.join(options)}" for name, options in CASES]


def gradient(array: np.ndarray, step: int) -> np.ndarray:
    """A gradient that depends on where the parameter is, and turns around now and then."""
    return np.asarray(np.sin(3 * array + step) + 0.3 * np.cos(7 * array))


class Pair:
    """The same parameters and optimizer twice: here and in PyTorch."""

    def __init__(self, name, options, *, shapes=SHAPES, groups=None, dtype=np.float64):
        draw = np.random.default_rng(0)
        arrays = [np.asarray(draw.normal(size=shape), dtype) for shape in shapes]
        self.ours = [cp.tensor(array, requires_grad=True) for array in arrays]
        self.theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
        self.name, self.options, self.groups = name, options, groups
        self.later: list[dict] = []
        self.optimizer = self.make(cp, self.ours)
        self.reference = self.make(torch, self.theirs)
        self.steps = 0

    def make(self, library, params):
        """The optimizer over these parameters, in as many groups as there are by now."""
        first = len(params) - len(self.later)
        groups = [{"params": params[:first]}]
        if self.groups is not None:
            groups = [{"params": params[:2], **self.groups}, {"params": params[2:first]}]
        groups += [{"params": [p], **own} for p, own in zip(params[first:], self.later)]
        return getattr(library.optim, self.name)(groups, **self.options)

    def add_group(self, shape, **own):
        """Optimize one more parameter from now on."""
        array = np.random.default_rng(1).normal(size=shape)
        for library, params in ((cp, self.ours), (torch, self.theirs)):
            params.append(library.tensor(array, requires_grad=True))
        self.later.append(own)
        self.optimizer.add_param_group({"params": self.ours[-1:], **own})
        self.reference.add_param_group({"params": self.theirs[-1:], **own})

    def step(self, skipped=()):
        for number, (p, q) in enumerate(zip(self.ours, self.theirs)):
            p.grad = q.grad = None
            if number not in skipped:
                p.grad = cp.tensor(gradient(p.detach().numpy(), self.steps), dtype=p.dtype)
                q.grad = torch.tensor(gradient(q.detach().numpy(), self.steps), dtype=q.dtype)
        self.optimizer.step()
        self.reference.step()
        self.steps += 1

    def check(self, tolerance=1e-7):
        for p, q in zip(self.ours, self.theirs):
            np.testing.assert_allclose(
                p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance
            )


def as_torch(value):
    """A state_dict of ours with PyTorch's tensors."""
    if isinstance(value, cp.Tensor):
        return torch.from_numpy(value.numpy().copy())
    if isinstance(value, dict):
        return {key: as_torch(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_torch(each) for each in value]
    return value


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
@pytest.mark.parametrize("block", [5, 1 << 16])
def test_fifty_steps_agree_also_block_by_block(name, options, block, monkeypatch):
    monkeypatch.setattr("clownpiece.optim.blocks.BLOCK", block)
    pair = Pair(name, options)
    for _ in range(STEPS):
        pair.step()
        pair.check()
    assert repr(pair.optimizer) == repr(pair.reference)


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
def test_ten_steps_in_float32_stay_close(name, options):
    pair = Pair(name, options, dtype=np.float32, shapes=((4, 3), (3,)))
    for _ in range(10):
        pair.step()
        pair.check(tolerance=2e-4)


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
def test_the_state_has_pytorchs_layout(name, options):
    pair = Pair(name, options)
    for _ in range(2):
        pair.step()
    ours, theirs = pair.optimizer.state_dict(), pair.reference.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys()
    for number, entries in theirs["state"].items():
        ours_of = {k: v for k, v in ours["state"][number].items() if v is not None}
        theirs_of = {k: v for k, v in entries.items() if v is not None}
        assert ours_of.keys() == theirs_of.keys()
        for key, tensor in theirs_of.items():
            assert tuple(ours_of[key].shape) == tuple(tensor.shape), key
            assert str(ours_of[key].dtype).split(".")[1] == str(tensor.dtype).split(".")[1], key
            np.testing.assert_allclose(ours_of[key].numpy(), tensor.numpy(), rtol=1e-6)


def through_our_file(state, path):
    cp.save(state, path)
    return cp.load(path)


def through_their_file(state, path, legacy):
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return cp.load(path)


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
def test_half_way_the_states_can_be_exchanged_through_files(name, options, tmp_path):
    """With groups, gradients that are missing now and then, and a group that comes later."""
    own = {"lr": 0.03, "weight_decay": 0.2, "maximize": True}
    known = getattr(torch.optim, name)([torch.zeros(1)], **options).defaults
    pair = Pair(name, options, groups={key: own[key] for key in own if key in known})
    for _ in range(10):
        pair.step(skipped=(1,) if pair.steps % 4 == 1 else ())
    pair.add_group(shape=(2, 2), lr=0.01)
    for _ in range(15):
        pair.step(skipped=(0, 4) if pair.steps % 5 == 1 else ())
    ours, theirs = pair.optimizer.state_dict(), pair.reference.state_dict()
    pair.optimizer = pair.make(cp, pair.ours)
    pair.reference = pair.make(torch, pair.theirs)
    legacy = len(options) % 2 == 1
    pair.optimizer.load_state_dict(through_their_file(theirs, tmp_path / "theirs.pt", legacy))
    pair.reference.load_state_dict(as_torch(through_our_file(ours, tmp_path / "ours.safetensors")))
    for _ in range(STEPS // 2):
        pair.step()
        pair.check()
    assert repr(pair.optimizer) == repr(pair.reference)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "NAdam"])
def test_groups_have_options_of_their_own(name):
    pair = Pair(name, {"lr": 0.05}, groups={"lr": 0.005, "weight_decay": 0.2, "maximize": True})
    for _ in range(STEPS):
        pair.step()
        pair.check()
    assert repr(pair.optimizer) == repr(pair.reference)


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
def test_parameters_without_gradient_rest(name, options):
    pair = Pair(name, options)
    for step in range(8):
        pair.step(skipped=(1, 3) if step % 3 == 1 else (0,) if step == 0 else ())
        pair.check()


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
def test_parameters_that_are_not_contiguous_are_stepped_in_place(name, options):
    pair = Pair(name, options, shapes=((4, 3),))
    (param,) = pair.ours
    param.data = cp.tensor(param.detach().numpy().T.copy()).T
    memory = param.data_ptr()
    for _ in range(5):
        pair.step()
        pair.check()
    assert param.data_ptr() == memory
    assert not param.is_contiguous()


MUON = [
    {},
    {"nesterov": False, "momentum": 0.5},
    {"adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.5},
    {"ns_steps": 3},
]


@pytest.mark.parametrize("options", MUON, ids=repr)
def test_muon_agrees_as_far_as_bfloat16_reaches(options):
    pair = Pair("Muon", {"lr": 0.02, **options}, shapes=((8, 5), (5, 8), (6, 6)))
    for _ in range(3):
        pair.step()
    pair.check(tolerance=2e-2)
    assert repr(pair.optimizer) == repr(pair.reference)


@pytest.mark.parametrize("options", MUON, ids=repr)
def test_muon_agrees_for_fifty_steps_with_pytorchs_in_float64(options, monkeypatch, tmp_path):
    """PyTorch rounds to bfloat16 on the way; its own source without that is the reference."""
    module = importlib.import_module("torch.optim._muon")
    source = inspect.getsource(module._zeropower_via_newtonschulz)
    assert "bfloat16()" in source
    unrounded = dict(vars(module))
    exec(source.replace("bfloat16()", "double().clone()"), unrounded)
    monkeypatch.setattr(
        module, "_zeropower_via_newtonschulz", unrounded["_zeropower_via_newtonschulz"]
    )
    pair = Pair("Muon", {"lr": 0.02, **options}, shapes=((8, 5), (5, 8), (6, 6)))
    for step in range(STEPS):
        if step == STEPS // 2:
            states = pair.optimizer.state_dict(), pair.reference.state_dict()
            pair.optimizer, pair.reference = pair.make(cp, pair.ours), pair.make(torch, pair.theirs)
            pair.optimizer.load_state_dict(through_their_file(states[1], tmp_path / "a.pt", False))
            pair.reference.load_state_dict(
                as_torch(through_our_file(states[0], tmp_path / "a.npz"))
            )
        pair.step(skipped=(2,) if step % 7 == 3 else ())
        pair.check()


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adadelta", "Rprop"])
def test_a_learning_rate_in_a_tensor_is_followed_wherever_it_is_changed(name):
    seen = []
    for library in (cp, torch):
        rate = library.tensor(0.1, dtype=library.float64)
        x = library.ones(2, dtype=library.float64, requires_grad=True)
        optimizer = getattr(library.optim, name)([x], lr=rate)
        schedule = library.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        for step in range(6):
            x.grad = x.detach() * (step - 2)
            optimizer.step()
            schedule.step()
            if step == 2:
                rate.fill_(0.7)
            seen.append((rate.item(), *x.tolist()))
    assert seen[:6] == [pytest.approx(each, rel=1e-9) for each in seen[6:]]
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        getattr(cp.optim, name)([cp.ones(1)], lr=cp.ones(2))


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("exchange", [False, True])
def test_lbfgs_takes_the_same_path_through_rosenbrocks_valley(search, exchange):
    options = {"lr": 1.0 if search else 0.002, "max_iter": 6, "line_search_fn": search}
    ours = [cp.tensor(v, dtype=cp.float64, requires_grad=True) for v in (-1.2, 1.0)]
    theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-1.2, 1.0)]
    optimizers = [cp.optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)]

    def step(optimizer, params):
        def closure():
            optimizer.zero_grad()
            loss = rosenbrock(*params)
            loss.backward()
            return loss

        return optimizer.step(closure).item()

    for turn in range(10):
        if exchange and turn == 5:
            states = [optimizer.state_dict() for optimizer in optimizers]
            optimizers = [cp.optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)]
            optimizers[0].load_state_dict(states[1])
            optimizers[1].load_state_dict(as_torch(states[0]))
        losses = [step(o, params) for o, params in zip(optimizers, (ours, theirs))]
        assert losses[0] == pytest.approx(losses[1], rel=1e-7, abs=1e-12)
        for p, q in zip(ours, theirs):
            assert p.item() == pytest.approx(q.item(), rel=1e-7)
        counts = [
            [o.state[params[0]][key] for key in ("func_evals", "n_iter")]
            for o, params in zip(optimizers, (ours, theirs))
        ]
        assert counts[0] == counts[1]
    if search:
        assert losses[0] < 1e-9


def refusal(kind, params, options):
    """The class of the error that making this optimizer raises."""
    try:
        kind(params, **options)
    except Exception as error:
        return type(error)
    return None


BAD = [
    ("SGD", {"lr": -1}),
    ("SGD", {"momentum": -1}),
    ("SGD", {"weight_decay": -1}),
    ("SGD", {"nesterov": True}),
    ("Adam", {"eps": -1}),
    ("Adam", {"betas": (1.0, 0.9)}),
    ("Adam", {"betas": (0.9, -0.1)}),
    ("Adam", {"lr": float("nan")}),
    ("NAdam", {"momentum_decay": -1}),
    ("RMSprop", {"alpha": -1}),
    ("Adagrad", {"initial_accumulator_value": -1}),
    ("Adadelta", {"rho": 2}),
    ("Rprop", {"etas": (1.5, 0.5)}),
    ("Adafactor", {"d": 0.5}),
    ("Adafactor", {"beta2_decay": 0.5}),
    ("Muon", {"adjust_lr_fn": "other"}),
]


@pytest.mark.parametrize("name, options", BAD, ids=[f"{n}-{o}" for n, o in BAD])
def test_options_out_of_range_are_refused_as_there(name, options):
    ours, theirs = (
        refusal(getattr(library.optim, name), [library.zeros(2, 2, requires_grad=True)], options)
        for library in (cp, torch)
    )
    assert ours is theirs is ValueError


def parameter_lists(library):
    x = library.zeros(1, requires_grad=True)
    return {
        "empty": [],
        "a tensor": x,
        "a number": [1],
        "a non-leaf": [x * 1],
        "one parameter in two groups": [{"params": [x]}, {"params": [x]}],
        "some with names": [("a", x), library.ones(1, requires_grad=True)],
        "a set in a group": [{"params": {x}}],
    }


@pytest.mark.parametrize("kind", sorted(parameter_lists(torch)))
def test_what_cannot_be_optimized_is_refused_with_the_same_class(kind):
    ours, theirs = (
        refusal(library.optim.SGD, parameter_lists(library)[kind], {"lr": 0.1})
        for library in (cp, torch)
    )
    assert ours is theirs is not None


def test_hooks_of_a_step_are_told_its_arguments_as_there():
    def told(library):
        log = []
        x = library.ones(2, requires_grad=True)
        optimizer = library.optim.SGD([x], lr=0.1)

        def before(seen, args, kwargs):
            log.append(("before", seen is optimizer, args[0] is optimizer, len(args), [*kwargs]))
            return args, {"closure": lambda: log.append("ours")}

        optimizer.register_step_pre_hook(before)
        optimizer.register_step_post_hook(
            lambda seen, args, kwargs: log.append(("after", args[0] is seen, len(args), [*kwargs]))
        )
        optimizer.step()
        optimizer.step(closure=None)
        return log

    assert told(cp) == told(torch)

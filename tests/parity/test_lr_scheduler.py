"""Schedules give PyTorch's learning rates and momenta, also combined, jumped and resumed."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

import clownpiece as cp  # noqa: E402

STEPS = 50


def rise_and_fall(step: int) -> float:
    return 1 / (1 + abs(step - 5))


CASES = {
    "LambdaLR": {"lr_lambda": rise_and_fall},
    "LambdaLR one a group": {"lr_lambda": [rise_and_fall, lambda step: 0.9**step]},
    "MultiplicativeLR": {"lr_lambda": lambda step: 0.9 if step % 2 else 1.05},
    "StepLR": {"step_size": 4, "gamma": 0.5},
    "MultiStepLR": {"milestones": [3, 7, 7, 15], "gamma": 0.5},
    "ConstantLR": {"factor": 0.25, "total_iters": 6},
    "LinearLR": {},
    "LinearLR down": {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 10},
    "LinearLR to zero": {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 4},
    "ExponentialLR": {"gamma": 0.9},
    "PolynomialLR": {"total_iters": 9, "power": 2.0},
    "CosineAnnealingLR": {"T_max": 10},
    "CosineAnnealingLR short": {"T_max": 3, "eta_min": 0.02},
    "CosineAnnealingWarmRestarts": {"T_0": 5},
    "CosineAnnealingWarmRestarts longer": {"T_0": 2, "T_mult": 2, "eta_min": 0.01},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4},
    "CyclicLR halved": {
        "base_lr": 0.01,
        "max_lr": [0.1, 0.2],
        "step_size_up": 3,
        "step_size_down": 5,
        "mode": "triangular2",
    },
    "CyclicLR scaled": {
        "base_lr": 0.01,
        "max_lr": 0.1,
        "step_size_up": 4,
        "mode": "exp_range",
        "gamma": 0.95,
        "cycle_momentum": False,
    },
    "CyclicLR own": {
        "base_lr": 0.01,
        "max_lr": 0.1,
        "step_size_up": 4,
        "scale_fn": lambda x: 1 / (1 + x),
        "scale_mode": "iterations",
    },
    "OneCycleLR": {"max_lr": 0.4, "total_steps": STEPS + 1},
    "OneCycleLR linear": {
        "max_lr": [0.4, 0.2],
        "epochs": 3,
        "steps_per_epoch": 17,
        "anneal_strategy": "linear",
        "pct_start": 0.5,
    },
    "OneCycleLR three phases": {"max_lr": 0.4, "total_steps": STEPS + 1, "three_phase": True},
}


def optimizer_of(library, kind="SGD"):
    params = [library.ones(1, dtype=library.float64, requires_grad=True) for _ in range(2)]
    groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.05}]
    options = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(library.optim, kind)(groups, lr=0.2, **options)


def schedule_of(library, optimizer, case, **more):
    kind = case.split()[0]
    return getattr(library.optim.lr_scheduler, kind)(optimizer, **CASES[case], **more)


def rates(optimizer):
    seen = []
    for group in optimizer.param_groups:
        momentum = group["betas"][0] if "betas" in group else group["momentum"]
        seen += [float(group["lr"]), float(momentum)]
    return seen


def close(ours, theirs):
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("case", CASES)
def test_every_step_has_pytorchs_rates(case, kind):
    optimizers = [optimizer_of(library, kind) for library in (cp, torch)]
    schedules = [schedule_of(lib, o, case) for lib, o in zip((cp, torch), optimizers)]
    for _ in range(STEPS):
        close(*map(rates, optimizers))
        close(*(schedule.get_last_lr() for schedule in schedules))
        for optimizer, schedule in zip(optimizers, schedules):
            optimizer.step()
            schedule.step()


def as_torch(value):
    """A state of ours with PyTorch's tensors."""
    if isinstance(value, cp.Tensor):
        return torch.from_numpy(value.numpy().copy())
    if isinstance(value, dict):
        return {key: as_torch(each) for key, each in value.items()}
    return [as_torch(each) for each in value] if isinstance(value, list) else value


def trained(library, optimizer, schedule, step, *metric):
    """One step of training: the gradient depends on the parameter and the step."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = (p.detach() * 3 + step).sin()
    optimizer.step()
    schedule.step(*metric)


def exchanged(make, tmp_path, metrics=None):
    """Train 50 steps here and in PyTorch; half-way each goes on with the other's saved state."""
    pairs = [(library, *make(library)) for library in (cp, torch)]
    for step in range(STEPS):
        if step == STEPS // 2:
            ours, theirs = ([part.state_dict() for part in pair[1:]] for pair in pairs)
            params = [[g["params"] for g in pair[1].param_groups] for pair in pairs]
            pairs = [(library, *make(library)) for library in (cp, torch)]
            for (library, optimizer, _), kept in zip(pairs, params):
                with library.no_grad():
                    for group, values in zip(optimizer.param_groups, kept):
                        group["params"][0].copy_(values[0])
            torch.save(theirs, tmp_path / "theirs.pt")
            cp.save(ours, tmp_path / "ours.safetensors")
            read = cp.load(tmp_path / "theirs.pt"), as_torch(cp.load(tmp_path / "ours.safetensors"))
            for (_, *parts), states in zip(pairs, read):
                for part, state in zip(parts, states):
                    part.load_state_dict(state)
        for library, optimizer, schedule in pairs:
            trained(
                library, optimizer, schedule, step, *(metrics[step : step + 1] if metrics else ())
            )
        close(*(rates(optimizer) for _, optimizer, _ in pairs))
        close(*(schedule.get_last_lr() for *_, schedule in pairs))
        for groups in zip(*(optimizer.param_groups for _, optimizer, _ in pairs)):
            ours, theirs = (group["params"][0].item() for group in groups)
            assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("case", CASES)
def test_half_way_the_states_can_be_exchanged_through_files(case, kind, tmp_path):
    def make(library):
        optimizer = optimizer_of(library, kind)
        return optimizer, schedule_of(library, optimizer, case)

    exchanged(make, tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_a_state_has_what_pytorchs_has(case):
    """So that it also overrules the options that a schedule was made with."""
    ours, theirs = (
        schedule_of(library, optimizer_of(library), case).state_dict() for library in (cp, torch)
    )
    for name in theirs.keys() - {"_get_lr_called_within_step", "_step_count"}:
        if isinstance(theirs[name], (float, list)) and "_schedule" not in name:
            assert ours[name] == pytest.approx(theirs[name]), name
        else:
            assert ours[name] == theirs[name], name


@pytest.mark.parametrize("how", ["chained", "chained cosine", "sequential", "three in sequence"])
def test_half_way_the_states_of_combined_schedules_can_be_exchanged(how, tmp_path):
    exchanged(lambda library: combined(library, how), tmp_path)


def test_half_way_the_states_of_a_plateau_can_be_exchanged(tmp_path):
    def make(library):
        optimizer = optimizer_of(library)
        return optimizer, library.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, patience=1, factor=0.7, cooldown=2
        )

    exchanged(make, tmp_path, metrics=[1.0 / (1 + step // 6) for step in range(STEPS)])


@pytest.mark.parametrize(
    "case", ["StepLR", "CosineAnnealingLR", "LinearLR", "CyclicLR", "OneCycleLR"]
)
def test_a_state_survives_json(case):
    optimizer = optimizer_of(cp)
    schedule = schedule_of(cp, optimizer, case)
    state = json.loads(json.dumps(schedule.state_dict()))
    again = schedule_of(cp, optimizer_of(cp), case)
    again.load_state_dict(state)
    for _ in range(STEPS):
        for each in (schedule, again):
            each.optimizer.step()
            each.step()
        close(again.get_last_lr(), schedule.get_last_lr())


# PyTorch forgets how long the period has become; ours is compared with itself below.
LONGER = "CosineAnnealingWarmRestarts longer"


@pytest.mark.parametrize("case", sorted(set(CASES) - {LONGER}))
def test_last_epoch_continues_like_there(case):
    continued = []
    for library in (cp, torch):
        optimizer = optimizer_of(library)
        schedule = schedule_of(library, optimizer, case)
        for _ in range(4):
            optimizer.step()
            schedule.step()
        schedule = schedule_of(library, optimizer, case, last_epoch=4)
        seen = [rates(optimizer)]
        for _ in range(6):
            optimizer.step()
            schedule.step()
            seen.append(rates(optimizer))
        continued.append(seen)
    for ours, theirs in zip(*continued):
        close(ours, theirs)


def test_last_epoch_continues_periods_that_grow():
    schedule = schedule_of(cp, optimizer_of(cp), LONGER)
    schedule.optimizer.step()
    seen = [schedule.get_last_lr()]
    for _ in range(STEPS):
        schedule.step()
        seen.append(schedule.get_last_lr())
    for start in range(STEPS):
        again = optimizer_of(cp)
        for group in again.param_groups:
            group["initial_lr"] = group["lr"]
        close(schedule_of(cp, again, LONGER, last_epoch=start).get_last_lr(), seen[start + 1])


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("case", sorted(set(CASES) - {"MultiplicativeLR"}))
def test_a_jump_to_a_step_lands_where_there(case):
    schedules = [schedule_of(library, optimizer_of(library), case) for library in (cp, torch)]
    for schedule in schedules:
        schedule.optimizer.step()
    for epoch in (3, 4, 9, 1, 17, 0):
        for schedule in schedules:
            schedule.step(epoch)
        close(*(rates(schedule.optimizer) for schedule in schedules))


@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_warm_restarts_go_on_from_a_fraction_of_a_step():
    schedules = [schedule_of(library, optimizer_of(library), LONGER) for library in (cp, torch)]
    for schedule in schedules:
        schedule.optimizer.step()
    for epoch in (0.5, 1.25, None, 4.5, None, None, None, 20.75, *[None] * 9, 0.0, None):
        for schedule in schedules:
            schedule.step(epoch)
        close(*(rates(schedule.optimizer) for schedule in schedules))


def combined(library, how):
    optimizer = optimizer_of(library)
    make = library.optim.lr_scheduler
    if how == "chained":
        parts = [make.ConstantLR(optimizer, 0.5, 4), make.ExponentialLR(optimizer, 0.9)]
        return optimizer, make.ChainedScheduler(parts)
    if how == "chained cosine":
        parts = [make.CosineAnnealingLR(optimizer, 6), make.StepLR(optimizer, 5, 0.5)]
        return optimizer, make.ChainedScheduler(parts, optimizer)
    if how == "sequence in a sequence":
        inner = [make.ConstantLR(optimizer, 0.1, 3), make.ExponentialLR(optimizer, 0.9)]
        parts = [make.SequentialLR(optimizer, inner, [3]), make.StepLR(optimizer, 2, 0.5)]
        return optimizer, make.SequentialLR(optimizer, parts, [7])
    if how == "sequential":
        parts = [make.LinearLR(optimizer, 0.1, 1.0, 4), make.CosineAnnealingLR(optimizer, 8)]
        return optimizer, make.SequentialLR(optimizer, parts, [4])
    parts = [
        make.ConstantLR(optimizer, 0.1, 3),
        make.ExponentialLR(optimizer, 0.9),
        make.StepLR(optimizer, 2, 0.5),
    ]
    return optimizer, make.SequentialLR(optimizer, parts, [3, 9])


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize(
    "how",
    [
        "chained",
        "chained cosine",
        "sequential",
        "three in sequence",
        "sequence in a sequence",
    ],
)
def test_combined_schedules_agree_and_resume(how):
    (optimizer, schedule), (reference, theirs) = (combined(lib, how) for lib in (cp, torch))
    for step in range(STEPS):
        if step == 6:
            saved = optimizer.state_dict(), schedule.state_dict()
            optimizer, schedule = combined(cp, how)
            optimizer.load_state_dict(saved[0])
            schedule.load_state_dict(saved[1])
        close(rates(optimizer), rates(reference))
        close(schedule.get_last_lr(), theirs.get_last_lr())
        for each in (optimizer, schedule, reference, theirs):
            each.step()


LOSSES = [3.0, 2.9, 2.9, 2.9, 2.9, 2.5, 2.5, 2.5, 2.4999, 2.6, 2.7, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0, "factor": 0.5, "cooldown": 2},
        {"patience": 1, "mode": "max", "threshold": 0.2, "threshold_mode": "abs"},
        {"patience": 1, "mode": "max"},
        {"patience": 1, "threshold": 0.2, "threshold_mode": "abs", "min_lr": [0.1, 0.001]},
        {"patience": 0, "eps": 0.01},
    ],
)
def test_a_plateau_is_seen_when_pytorch_sees_it(options):
    optimizers = [optimizer_of(library) for library in (cp, torch)]
    schedules = [
        library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        for library, optimizer in zip((cp, torch), optimizers)
    ]
    for loss in LOSSES:
        for library, schedule in zip((cp, torch), schedules):
            schedule.step(library.tensor(loss))
        close(*map(rates, optimizers))
        close(*(schedule.get_last_lr() for schedule in schedules))


BAD = [
    ("ConstantLR", {"factor": 2}, ValueError),
    ("LinearLR", {"start_factor": 0}, ValueError),
    ("LinearLR", {"end_factor": 2}, ValueError),
    ("CosineAnnealingWarmRestarts", {"T_0": 0}, ValueError),
    ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 0.5}, ValueError),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "mode": "square"}, ValueError),
    ("CyclicLR", {"base_lr": [0.1], "max_lr": 1}, ValueError),
    ("OneCycleLR", {"max_lr": 1}, ValueError),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 0}, ValueError),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "pct_start": 2.0}, ValueError),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "anneal_strategy": "step"}, ValueError),
    ("ReduceLROnPlateau", {"factor": 1.0}, ValueError),
    ("ReduceLROnPlateau", {"mode": "middle"}, ValueError),
    ("ReduceLROnPlateau", {"min_lr": [0.1]}, ValueError),
    ("LambdaLR", {"lr_lambda": [rise_and_fall]}, ValueError),
    ("StepLR", {"step_size": 3, "last_epoch": 2}, KeyError),
]


@pytest.mark.parametrize("kind, options, error", BAD, ids=[f"{k}-{'-'.join(o)}" for k, o, _ in BAD])
def test_options_that_cannot_be_are_refused_as_there(kind, options, error):
    for library in (torch, cp):
        with pytest.raises(error):
            getattr(library.optim.lr_scheduler, kind)(optimizer_of(library), **options)

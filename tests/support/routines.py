"""Healthy trainings that are no plain loop: two optimizers in turns, frozen parts, evaluations.

A routine trains for some steps under a capture and returns the tape; no check may speak of it.
They are written in the names that clownpiece and PyTorch share.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from support.patients import Ward

from clownviz.recording.capture import capture
from clownviz.recording.tape import Tape

__all__ = ["routines"]


def routines(ward: Ward) -> dict[str, Callable[[], Tape]]:
    """Trainings of one library in which nothing is to be found, by name."""
    return {
        "begun while evaluating": partial(_evaluated, ward, begin=False),
        "evaluated now and then": partial(_evaluated, ward, begin=True),
        "two optimizers at their own pace": partial(_own_pace, ward),
        "adversarial, detached": partial(_adversarial, ward, "both", detach=True),
        "adversarial, without a graph": partial(_adversarial, ward, "both", detach=False),
        "a generator alone": partial(_adversarial, ward, "generator", detach=False),
        "a discriminator alone": partial(_adversarial, ward, "discriminator", detach=True),
    }


def _evaluated(ward: Ward, begin: bool) -> Tape:
    model = ward.mlp(ward.nn.BatchNorm1d(16), ward.nn.ReLU(), ward.nn.Dropout(0.2))
    model.train(begin)
    optimizer, (x, target) = ward.sgd(model), ward.data()
    with capture(model, gradients=True) as tape:
        for _ in range(3):
            model.train()
            for _ in range(4):
                optimizer.zero_grad()
                ward.F.cross_entropy(model(x), target).backward()
                optimizer.step()
            model.eval()
            with ward.library.no_grad():
                model(x)
    return tape


def _own_pace(ward: Ward) -> Tape:
    """One layer steps after each batch, the other along the sum of two."""
    model, (x, target) = ward.mlp(), ward.data()
    often, rarely = ward.sgd(model[0]), ward.sgd(model[2], 0.05)
    with capture(model, gradients=True) as tape:
        for step in range(8):
            often.zero_grad()
            ward.F.cross_entropy(model(x), target).backward()
            if step % 2:
                rarely.step()
                rarely.zero_grad()
            often.step()
    return tape


def _adversarial(ward: Ward, watched: str, detach: bool) -> Tape:
    """Goodfellow et al., *Generative adversarial nets*, 2014."""
    nn, library = ward.nn, ward.library
    generator = nn.Sequential(
        nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh()
    )
    discriminator = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    model = nn.Sequential(generator, discriminator)
    makes, judges = (ward.optim.Adam(part.parameters(), lr=1e-3) for part in model)
    bits = ward.F.binary_cross_entropy_with_logits
    real, _ = ward.data()
    ones, zeros = library.ones(32, 1), library.zeros(32, 1)
    parts = {"both": model, "generator": generator, "discriminator": discriminator}
    with capture(parts[watched], gradients=True) as tape:
        for _ in range(6):
            judges.zero_grad()
            bits(discriminator(real), ones).backward()
            if detach:
                made = generator(library.randn(32, 4)).detach()
            else:
                with library.no_grad():
                    made = generator(library.randn(32, 4))
            bits(discriminator(made), zeros).backward()
            judges.step()
            makes.zero_grad()
            bits(discriminator(generator(library.randn(32, 4))), ones).backward()
            makes.step()
    return tape

"""Random scripts, played with PyTorch and with clownpiece: identical from the first event on."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings

torch = pytest.importorskip("torch")

from support import script_verbs  # noqa: E402, F401
from support.scripts import play, scripts  # noqa: E402
from support.stories import assert_told_alike  # noqa: E402

SCRIPTS = int(os.environ.get("CLOWNPIECE_SCRIPTS", "200"))


@settings(max_examples=SCRIPTS, suppress_health_check=list(HealthCheck))
@given(scripts())
def test_random_scripts_are_played_alike(script):
    assert_told_alike(lambda library, log: play(script, library, log))

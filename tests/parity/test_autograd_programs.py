"""Random programs of views and changes in place: values, gradients and errors are PyTorch's."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from support.programs import program_of, steps
from support.stories import assert_told_alike


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.lists(steps(), min_size=1, max_size=12))
def test_a_program_of_views_and_changes_in_place_is_pytorch_s(plan):
    assert_told_alike(program_of(plan), phrases=False)

"""Parameters and fixtures for tests that hold for several kinds of devices."""

from __future__ import annotations

from typing import Any

import pytest

from hil.api import covers, needs


def on(
    name: str,
    *values: Any,
    rows: tuple[str, ...] = (),
    capabilities: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
) -> Any:
    """One parameter set: a device fixture by name, further values, what that set covers and needs besides."""
    marks = [
        needs(devices=[name, *others], capabilities=[f"{name}.{capability}" for capability in capabilities])
    ]
    if rows:
        marks.append(covers(*rows))
    return pytest.param(name, *values, marks=marks)


# The test's ``meter`` is the electricity meter, then the gas meter.
both_meters = pytest.mark.parametrize("meter", [on("esme"), on("gsme")], indirect=True)


@pytest.fixture
def meter(request: pytest.FixtureRequest) -> Any:
    """The device fixture that the test's parameter names."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Any:
    """The same for devices of any kind."""
    return request.getfixturevalue(request.param)

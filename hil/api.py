"""What suites import: a test says what it covers, what it needs and what it leaves behind.

::

    from hil.api import Verify, covers, leaves, needs

    @covers("GBCS-UC-ECS27")
    @needs(state="commissioned", devices=["esme"])
    @leaves("nothing")
    def test_supplier_reads_load_limit_data(supplier, esme, check: Verify):
        response = supplier.request("ECS27", esme)
        check.equal("GBCS-UC-ECS27", "ok", response.mac, octets=response.octets)

All three are pytest marks, so they also work on classes, in ``pytestmark`` and in
``pytest.param(..., marks=...)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NoReturn

import pytest

from hil.checks import Verify
from hil.verdicts import InconclusiveError, NotRunError, SkipKind

__all__ = ["Verify", "covers", "inconclusive", "leaves", "needs", "not_applicable"]

StateName = Literal["factory", "joined", "commissioned", "prepayment"]
LeavesName = Literal["nothing", "restored", "irreversible", "hazardous"]


def covers(*rows: str) -> pytest.MarkDecorator:
    """Cite rows of the requirements register by id; marks on class, function and parameters add up.

    An id that the register (with the rig's own rows) does not have stops the run before it starts.
    """
    return pytest.mark.hil_covers(*rows)


def needs(
    *,
    state: StateName | None = None,
    capabilities: Sequence[str] = (),
    devices: Sequence[str] = (),
) -> pytest.MarkDecorator:
    """Say what must hold before the test starts.

    ``state`` is reached by the harness for every device in ``devices``; without ``devices`` these are the
    device fixtures the test asks for. A device is named by its node in the rig file or by its type.
    ``capabilities`` are those of the drivers: ``"stimulus"`` asks it of every device of the test,
    ``"esme.stimulus"`` of one. What this rig does not have makes the test skipped, with the reason.
    """
    return pytest.mark.hil_needs(state=state, capabilities=tuple(capabilities), devices=tuple(devices))


def leaves(what: LeavesName) -> pytest.MarkDecorator:
    """Say what the test leaves behind; every test must.

    ``nothing``: it only reads. ``restored``: it changes settings, credentials or the device log, and the
    harness puts them back. ``irreversible``: a device stays changed (new firmware). ``hazardous``: it may
    harm. The last two run on real nodes only where each real node's device file names them in ``tests_may``.
    """
    return pytest.mark.hil_leaves(what)


def inconclusive(reason: str) -> NoReturn:
    """End the test: nothing can be decided, and why."""
    raise InconclusiveError(reason)


def not_applicable(reason: str) -> NoReturn:
    """End the test as skipped: what it asks is no question for this rig, and its variants of devices."""
    raise NotRunError(reason, SkipKind.NOT_APPLICABLE)

"""Amounts of energy, and what a device file says of a load."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
HALF_HOURS_A_DAY = 48


class Amounts(NamedTuple):
    """Energy in Wh and varh, gas in thousandths of m3; or, of a rate, per hour (W, var, litres an hour)."""

    import_wh: int = 0
    export_wh: int = 0
    import_varh: int = 0
    export_varh: int = 0
    secondary_wh: int = 0
    gas: int = 0


NOTHING = Amounts()


@dataclass(slots=True)
class LoadSettings:
    """What a device file's ``[load]`` says. ``kind``: none, constant, recorded or household.

    ``rate`` is a constant load's power. ``recording`` has the energy of one half hour after another from
    ``start`` and begins again at its end. The others shape a household: energy of a year, of which
    ``secondary_kwh`` goes through a second element, gas of a year, and the power of its solar panels.
    """

    kind: str = "none"
    rate: Amounts = NOTHING
    recording: list[Amounts] = field(default_factory=list)
    start: datetime = EPOCH
    seed: int = 0
    annual_kwh: int = 3100
    secondary_kwh: int = 0
    annual_gas_m3: int = 1000
    solar_w: int = 0

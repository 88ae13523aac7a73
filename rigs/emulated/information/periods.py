"""The history of an ESME's consumption, from the logs that it keeps of days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.date_time import decode_date_time
from rigs.emulated.information.history import History, Used, day_of
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.esme import Esme

_TENANCY = Place(1, bytes.fromhex("00005E2C0302"), 2)


def history_of(device: Esme) -> History:
    """Days with their consumption and its cost; outside of a settlement."""
    electricity = device.electricity
    energy = {day_of(end): amount for end, amount in electricity.days.consumption.numbers()}
    cost = {day_of(end): amount for end, amount in electricity.costs.days.numbers()}
    today = device.device_clock.now().date()
    days = {day: Used(amount, cost.get(day, 0)) for day, amount in energy.items()}
    days[today] = Used(electricity.days.today(), electricity.costs.today())
    return History(days, today, _tenancy(device))


def _tenancy(device: Esme) -> datetime | None:
    """When the present tenancy began (ECS12); None where nobody ever said so."""
    if not device.cosem.was_put(_TENANCY):
        return None
    value = device.cosem.value(_TENANCY)
    return None if value is None else decode_date_time(bytes(value.value)).to_datetime()

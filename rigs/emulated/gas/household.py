"""What the household may see of the gas meter's history at the proxy, and since when (GCS09, GBCS-ECS12-02).

Devices on the HAN ask the mirror for snapshots and samples. After a change of tenancy they get nothing from
before its date; remote parties, who read by GBCS, go on seeing everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.zcl import Status
from protocols.gbcs.zcl_fields import Rules, read_fields, write_fields
from protocols.gbcs.zcl_values import time_number, time_text
from rigs.emulated.gas.samples import SAMPLES
from rigs.emulated.gas.snapshots import METERING, PREPAYMENT
from rigs.emulated.objects.zse import CommandPlace
from rigs.emulated.objects.zse_queries import QUERIES, Asked

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

TENANCY = CommandPlace(0x0708, True, 0x00)
_SECTION, _SINCE = "gpf", "tenancy"
# What may be asked, what answers it, and the field that says from when on.
_HISTORY = {
    CommandPlace(0x0702, False, 0x06): (METERING, "Earliest Start Time"),
    CommandPlace(0x0702, False, 0x08): (SAMPLES, "Earliest Sample Time"),
    CommandPlace(0x0705, False, 0x07): (PREPAYMENT, "Earliest Start Time"),
}


class Household:
    """The history of one proxy, as the HAN sees it."""

    def __init__(self, device: Device) -> None:
        self._device = device
        device.zcl.setting(TENANCY, self._tenancy)

    @property
    def since(self) -> int:
        """The date of the last change of tenancy, in seconds since 2000; 0 where there was none."""
        return int(self._device.storage.get_json(_SECTION, _SINCE, default=0))

    def _tenancy(self, _device: Device, _command: Command, values: dict[str, Any]) -> Status:
        """The date counts on receipt, be it past or future (GBCS-ECS12-01)."""
        since = time_number(values["Implementation Date/Time"], "Implementation Date/Time")
        self._device.storage.put_json(_SECTION, _SINCE, since)
        return Status.SUCCESS

    def answer(self, cluster: int, command: int, payload: bytes) -> tuple[CommandPlace, bytes] | Status:
        """Answering command and its payload, or a status where there is nothing (to be seen)."""
        place = CommandPlace(cluster, False, command)
        asked = zcl_tables().command(cluster, command, from_server=False)
        if place not in _HISTORY or asked is None:
            return Status.UNSUPPORTED_CLUSTER_COMMAND
        where, earliest = _HISTORY[place]
        try:
            values = read_fields(asked.fields, payload)
        except DecodeError:
            return Status.MALFORMED_COMMAND
        values[earliest] = time_text(max(self.since, time_number(values[earliest], earliest)))
        found = QUERIES[place](self._device, Asked(values, 0, where))
        known = zcl_tables().command(where.cluster, where.number, from_server=True)
        if isinstance(found, Status) or known is None:
            return found if isinstance(found, Status) else Status.NOT_FOUND
        return where, write_fields(known.fields, found[0], "answer", Rules())

"""Commands that change something on a meter, with values that leave it as its device file declares it; and how
strictly a second counter in a payload is judged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.api import Verify
    from hil.bench import Bench
    from hil.exchange import Sent
    from hil.nodes import DeviceNode, UserNode


def set_mpxn(device: DeviceNode) -> tuple[str, dict[str, str]]:
    """Use case and values that set the meter point's number; not critical, protected against replay."""
    if device.type == "gsme":
        return "GCS41", {"mprn": device.device_file.mpxn}
    number = device.device_file.mpxn
    values = {"mpan": number[:13]}
    # A twin element meter has two.
    return "ECS39a", values | ({"second_mpan": number[13:]} if number[13:] else {})


def set_clock(
    bench: Bench, device: DeviceNode, *, start_s: float = -3600, end_s: float = 3600
) -> tuple[str, dict[str, object]]:
    """Use case and values that set the clock, with a window around the present unless given otherwise.

    Critical, protected against replay.
    """
    now = bench.clock.now().replace(microsecond=0)
    values = {
        "validity_start": now + timedelta(seconds=start_s),
        "validity_end": now + timedelta(seconds=end_s),
    }
    return ("GCS28" if device.type == "gsme" else "ECS70"), values


def outdate(bench: Bench, supplier: UserNode, device: DeviceNode) -> None:
    """Where a device may take its last counter again (A02), give it a newer one: then a resend is old for sure."""
    if bench.switches["A02"] == "greater-or-equal":
        use_case, values = set_mpxn(device)
        supplier.request(use_case, device, **values)


def counters_differ(bench: Bench, check: Verify, sent: Sent, row: str, did: str, *, refused: bool) -> None:
    """Judge what a device did with a payload whose counter is not that of its header, as switch A20 says."""
    if bench.switches["A20"] == "refuse" or refused:
        check.that(row, refused, expected="the command refused", observed=did, octets=sent.octets)
    else:
        check.observe(f"{sent.use_case} with unequal counters was not refused (A20)", did, octets=sent.octets)

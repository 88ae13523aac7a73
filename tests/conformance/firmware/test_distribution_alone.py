"""Images that are only distributed: nothing changes before somebody activates them."""

from __future__ import annotations

from hil.api import covers, leaves, needs

from ..images import make_image
from ..reads import firmware_version, restart

pytestmark = needs(state="commissioned", devices=["esme", "gsme"], capabilities=["firmware"])

VERIFIED = 0x8F72


@covers("GBCS-11.1-02")
@needs(capabilities=["esme.power", "gsme.power"])
@leaves("irreversible")
def test_images_lie_in_several_devices_and_none_runs(bench, esme, gsme, check):
    """One after the other here; the command that names several devices (11.1) ends at the WAN's provider."""
    running = {meter.name: firmware_version(bench, meter) for meter in (esme, gsme)}
    mark = bench.alerts.mark()
    for meter in (esme, gsme):
        bench.send_image(meter, make_image(bench, meter).ota)
    for meter in (esme, gsme):
        bench.alerts.expect(meter, VERIFIED, since=mark, timeout_s=120)
        check.equal("GBCS-11.1-02", running[meter.name], firmware_version(bench, meter))
    for meter in (esme, gsme):
        restart(bench, meter)
        check.equal("GBCS-11.1-02", running[meter.name], firmware_version(bench, meter))

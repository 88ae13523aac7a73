"""Images for a PPMID: the hub reports the transfer (CCS08), the PPMID its own activation (CS09)."""

from __future__ import annotations

from hil.api import covers, leaves, needs

from ..images import make_image
from ..reads import firmware_version

pytestmark = [
    needs(state="commissioned", devices=["chf", "ppmid"], capabilities=["firmware"]),
    leaves("irreversible"),
]

CCS08, CS09 = 0x0128, 0x012B
TRANSFERRED, NOT_TRANSFERRED, ACTIVATED = 0x8F8A, 0x8F89, 0x8F8B
HARDWARE_VERSION_MISMATCH = 2


@covers("GBCS-11.6-01", "GBCS-EV-8F8A", "GBCS-11.9-01", "GBCS-EV-8F8B", "GBCS-11.8-01")
def test_hub_reports_the_transfer_and_the_ppmid_its_activation(bench, chf, ppmid, check):
    image = make_image(bench, ppmid)
    mark = bench.alerts.mark()
    bench.send_image(ppmid, image.ota)
    transfer = bench.alerts.expect(chf, TRANSFERRED, since=mark)
    check.equal("GBCS-EV-8F8A", CCS08, transfer.message.header.message_code, octets=transfer.octets)
    check.equal("GBCS-EV-8F8A", "ok", transfer.signature, octets=transfer.octets)
    told = (
        transfer.values["device_id"],
        transfer.values["firmware_version"],
        transfer.values["response_code"],
    )
    check.equal("GBCS-11.6-01", (ppmid.eui64, image.version, 0), told, octets=transfer.octets)

    activation = bench.alerts.expect(ppmid, ACTIVATED, since=mark)
    check.equal("GBCS-EV-8F8B", CS09, activation.message.header.message_code, octets=activation.octets)
    check.equal("GBCS-11.9-01", "ok", activation.signature, octets=activation.octets)
    check.equal(
        "GBCS-11.9-01", image.version, activation.values["firmware_version"], octets=activation.octets
    )
    check.equal("GBCS-11.8-01", image.version, firmware_version(bench, ppmid))


@covers("GBCS-11.6-01")
def test_hub_reports_an_image_for_other_hardware(bench, chf, ppmid, check):
    image = make_image(bench, ppmid, hardware_version=ppmid.device_file.hardware_version + 1)
    mark = bench.alerts.mark()
    bench.send_image(ppmid, image.ota)
    transfer = bench.alerts.expect(chf, NOT_TRANSFERRED, since=mark)
    told = (transfer.values["device_id"], transfer.values["response_code"])
    check.equal("GBCS-11.6-01", (ppmid.eui64, HARDWARE_VERSION_MISMATCH), told, octets=transfer.octets)

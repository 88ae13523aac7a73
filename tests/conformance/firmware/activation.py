"""CS06, and the image that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..images import Image, make_image

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

SUCCESS = 0
NO_IMAGE_HELD = 1
HASH_MISMATCH = 2
ACTIVATION_FAILURE = 3
VERIFIED = 0x8F72
FUTURE_DATED_DONE = 0x8F66
FUTURE_DATED_FAILED = 0x8F67
DATED_OUTCOME = 0x00CA
FIRMWARE_CHANGED = 0x8F43


def distribute(bench: Bench, device: DeviceNode, *, contents: bytes = b"") -> Image:
    """Send a good image, which may start with ``contents``, and wait for its receipt."""
    image = make_image(bench, device, contents=contents)
    mark = bench.alerts.mark()
    bench.send_image(device, image.ota)
    bench.alerts.expect(device, VERIFIED, since=mark)
    return image


def activate(user: UserNode, device: DeviceNode, image: Image, **values: object) -> Response:
    """CS06 for an image."""
    return user.request("CS06", device, image_hash=image.hash, **values)


def discard_pending(bench: Bench, supplier: UserNode, device: DeviceNode) -> None:
    """Leave the device without a pending image: distribute one and activate it."""
    activate(supplier, device, distribute(bench, device))


def settle(bench: Bench, supplier: UserNode, since: int) -> None:
    """Activate the images whose receipt devices have alerted since a mark; those that are gone answer so."""
    for alert in bench.alerts.since(since):
        if alert.alert_code == VERIFIED and "image_hash" in alert.values:
            supplier.request("CS06", bench.devices[alert.device], image_hash=alert.values["image_hash"])

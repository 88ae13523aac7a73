"""Firmware: one bank that runs, one that may hold a verified image waiting for activation (devices.md 6)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.asn1.firmware import ActivateImageResponseCode as Code
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.ota import manufacturer_image_hash, parse_ota, verify_image
from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.ota import OtaHeader, OtaImage
    from rigs.emulated.device import Device

# An image that starts like this is authentic and does not start: for tests of activationFailure.
SELF_TEST_FAILS = b"SELF-TEST-FAILS"
# Firmware distribution receipt alerts by kind of payload; other devices have none.
_RECEIPT_ALERTS = {"esme": 0x00CE, "gsme": 0x00CF, "sapc": 0x00CE}
# Their images carry nobody's signature; how the manufacturer protects them is not public (devices.md 6).
_WITHOUT_TRAILER = frozenset({"ppmid", "hcalcs"})
_SECTION = "firmware"


class ImageOutcome(StrEnum):
    """What became of a delivered file."""

    STORED = "stored"
    DISCARDED = "discarded"  # not authentic, or no OTA file at all
    MISMATCH = "mismatch"  # for other hardware, another type or another manufacturer


class Firmware:
    """Two banks. ``active`` says which runs; the other has a verified image that waits, or what ran before.

    A bank is {version, hash, signer}: 4 octets and the SHA-256 of the manufacturer image, hexadecimal, and
    the EUI-64 of the party that authorised it; the image itself stands beside it. ``former`` marks what ran
    before: it waits for nothing, and runs again only if the running image is found damaged at power-on.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._storage = device.storage

    def from_factory(self, version: bytes) -> None:
        """The first bank runs the factory's firmware, the second is empty."""
        self._storage.put_json(_SECTION, "active", 0)
        self._storage.put_json(_SECTION, "bank.0", {"version": version.hex(), "hash": "", "signer": ""})

    @property
    def version(self) -> bytes:
        """The running version, 4 octets."""
        return bytes.fromhex(self._bank(self._active)["version"])

    def put_running(self, version: bytes) -> None:
        """Have another version running; for whoever sets a bench device up."""
        bank = self._bank(self._active)
        self._storage.put_json(_SECTION, f"bank.{self._active}", {**bank, "version": version.hex()})

    def put_waiting(self, version: bytes, digest: bytes) -> None:
        """Have a verified image of everybody's wait that is known by its hash alone."""
        waiting = 1 - self._active
        bank = {"version": version.hex(), "hash": digest.hex(), "signer": "", "stand_in": True}
        self._storage.put_json(_SECTION, f"bank.{waiting}", bank)
        self._storage.put(_SECTION, f"image.{waiting}", b"")

    @property
    def pending_hash(self) -> bytes | None:
        """Hash of the verified image that waits; None when none does."""
        pending = self._pending()
        return None if pending is None else bytes.fromhex(pending["hash"])

    def _pending(self) -> dict[str, Any] | None:
        """The bank whose verified image waits."""
        bank: dict[str, Any] | None = self._storage.get_json(_SECTION, f"bank.{1 - self._active}")
        return None if bank is None or bank.get("former") else bank

    @property
    def _active(self) -> int:
        return int(self._storage.get_json(_SECTION, "active", default=0))

    def _bank(self, number: int) -> dict[str, Any]:
        bank: dict[str, Any] = self._storage.get_json(_SECTION, f"bank.{number}")
        return bank

    # ------------------------------------------------------------------ receipt

    def receive(self, ota: bytes) -> ImageOutcome:
        """Check a whole OTA file and keep it for activation; whatever waited before is gone either way.

        A file for other hardware is not taken at all, so it replaces nothing.
        """
        about = self._device.description
        try:
            image = parse_ota(ota, trailer=about.device_type not in _WITHOUT_TRAILER)
        except DecodeError as error:
            self._drop_pending()
            self._device.events.record(EventCode.FIRMWARE_NOT_VERIFIED, str(error))
            return ImageOutcome.DISCARDED
        misfit = self._misfit(image.header)
        if misfit:
            self._device.note(f"image refused: {misfit}")
            return ImageOutcome.MISMATCH
        if self.pending_hash is not None and about.assumes("A19") == "refuse":
            self._device.note("image refused: another waits for activation")
            return ImageOutcome.DISCARDED
        self._drop_pending()
        digest = manufacturer_image_hash(image.manufacturer_image)
        message_code = _RECEIPT_ALERTS.get(about.device_type)
        values = {"image_hash": digest} if message_code else None
        signer = self._signer(image)
        if signer is None:
            reason = "the supplier's signature is wrong or missing"
            code, outcome = EventCode.FIRMWARE_NOT_VERIFIED, ImageOutcome.DISCARDED
        else:
            reason = self._keep(image, digest, signer)
            code, outcome = EventCode.FIRMWARE_VERIFIED, ImageOutcome.STORED
        self._device.events.record(code, reason, message_code=message_code, values=values)
        return outcome

    def accepts(self, ota: bytes) -> bool:
        """Whether `receive` would store this file; notes nothing."""
        about = self._device.description
        try:
            image = parse_ota(ota, trailer=about.device_type not in _WITHOUT_TRAILER)
        except DecodeError:
            return False
        refused = self.pending_hash is not None and about.assumes("A19") == "refuse"
        return not self._misfit(image.header) and not refused and self._signer(image) is not None

    def _keep(self, image: OtaImage, digest: bytes, signer: str) -> str:
        waiting = 1 - self._active
        version = image.header.file_version.to_bytes(4, "big").hex()
        bank = {"version": version, "hash": digest.hex(), "signer": signer}
        self._storage.put_json(_SECTION, f"bank.{waiting}", bank)
        self._storage.put(_SECTION, f"image.{waiting}", image.manufacturer_image)
        return f"version {version}"

    def _misfit(self, header: OtaHeader) -> str:
        about = self._device.description
        if header.manufacturer_code != about.manufacturer_code:
            return f"manufacturer code {header.manufacturer_code:#06x}"
        if header.image_type != about.image_type:
            return f"image type {header.image_type:#06x}"
        if about.assumes("image-order") == "newer" and header.file_version <= int.from_bytes(self.version):
            return f"version {header.file_version:08x}, {self.version.hex()} runs"
        low, high = header.minimum_hardware_version, header.maximum_hardware_version
        if low is not None and high is not None and not low <= about.hardware_version <= high:
            return f"for hardware {low} to {high}, this is {about.hardware_version}"
        return ""

    def _signer(self, image: OtaImage) -> str | None:
        """The supplier that authorised an image, "" where none has to; None when it is not authentic."""
        if self._device.description.device_type in _WITHOUT_TRAILER:
            return ""
        anchors = self._device.trust_anchors
        supplier = anchors.subject(RemotePartyRole.SUPPLIER)
        key = None if supplier is None else anchors.signing_key(RemotePartyRole.SUPPLIER, supplier)
        return str(supplier) if key is not None and verify_image(image, key) else None

    def _drop_pending(self) -> None:
        waiting = 1 - self._active
        self._storage.delete(_SECTION, f"bank.{waiting}")
        self._storage.delete(_SECTION, f"image.{waiting}")

    # ------------------------------------------------------------------ activation

    def activate(self, image_hash: bytes, party: Eui64) -> Code:
        """Check and activate the waiting image as GBCS 11.5 orders; ``party`` must have authorised it."""
        waiting = 1 - self._active
        bank = self._pending()
        image = self._storage.get(_SECTION, f"image.{waiting}")
        if bank is None or image is None:
            return Code.NO_IMAGE_HELD
        stands_in = bool(bank.get("stand_in"))
        held = bytes.fromhex(bank["hash"]) if stands_in else manufacturer_image_hash(image)
        if held != image_hash:
            return Code.HASH_MISMATCH
        if not stands_in and bank["signer"] != str(party):
            # Nothing that this party has distributed is held (GBCS 11.1).
            return Code.NO_IMAGE_HELD
        return self._start(waiting, image)

    def _start(self, waiting: int, image: bytes) -> Code:
        """Run the waiting image; one that does not start is dropped, or it would bar all others (A19)."""
        if image.startswith(SELF_TEST_FAILS):
            self._drop_pending()
            return Code.ACTIVATION_FAILURE
        self._run(waiting)
        return Code.SUCCESS

    def _run(self, waiting: int) -> None:
        self._switch(waiting)
        self._device.boot()
        self._device.after_work(self._device.image_changed)

    def _switch(self, waiting: int) -> None:
        """Have the banks change places: the last thing that a running image does, or the first of a boot."""
        before = self.version
        former = self._bank(self._active) | {"former": True}
        self._storage.put_json(_SECTION, f"bank.{self._active}", former)
        self._storage.put_json(_SECTION, "active", waiting)
        bank = self._bank(waiting)
        bank.pop("former", None)
        self._storage.put_json(_SECTION, f"bank.{waiting}", bank)
        if self.version != before:
            self._device.events.record(
                EventCode.FIRMWARE_CHANGED, f"{before.hex()} to {self.version.hex()}", other=self.version
            )

    def activate_by_itself(self) -> Code:
        """Activate the waiting image without a command, as a PPMID does."""
        waiting = 1 - self._active
        if self._pending() is None:
            return Code.NO_IMAGE_HELD
        return self._start(waiting, self._storage.get(_SECTION, f"image.{waiting}") or b"")

    def check_at_power_on(self) -> None:
        """See whether the running bank still holds what was verified (SMETS: 0x8F1B if not).

        If not, what ran before runs again, where that is what was verified; a device that has nothing else
        goes on with what its boot loader is in, for a bench has no use for one that is dead.
        """
        if self._is_sound(self._active):
            return
        self._device.events.record(EventCode.FIRMWARE_BAD_AT_POWER_ON)
        other = 1 - self._active
        bank = self._storage.get_json(_SECTION, f"bank.{other}")
        if bank is not None and bank.get("former") and self._is_sound(other):
            self._switch(other)
            # The damaged one is nothing to come back to.
            self._drop_pending()
            self._device.after_work(self._device.image_changed)

    def _is_sound(self, number: int) -> bool:
        """Whether a bank holds what was verified; what came from the factory has no image that could tell."""
        bank = self._bank(number)
        if not bank["hash"] or bank.get("stand_in"):
            return True
        image = self._storage.get(_SECTION, f"image.{number}") or b""
        return bool(manufacturer_image_hash(image).hex() == bank["hash"])

    def damage(self) -> bool:
        """Turn a bit of the running image over; False for the factory's, which has no octets here."""
        image = self._storage.get(_SECTION, f"image.{self._active}")
        if not image:
            return False
        at = len(image) // 2
        spoilt = image[:at] + bytes((image[at] ^ 0x01,)) + image[at + 1 :]
        self._storage.put(_SECTION, f"image.{self._active}", spoilt)
        return True

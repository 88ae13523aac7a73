"""What an emulated device is when it leaves the factory: identity, versions, keys, trust anchors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rigs.emulated.han.settings import HanProfile
from rigs.emulated.metering.load import LoadSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.eui64 import Eui64
    from protocols.gbcs.asn1.types import KeyUsage
    from protocols.smki import DeviceIdentities


# Open questions of the specifications (requirements/README.md) that emulated devices can answer either way,
# with what they do when a rig says nothing.
ASSUMPTIONS = {
    "A02": "greater",  # replay: "greater-or-equal" takes the highest counter once more
    "A05": "either",  # log of 0x8F3D: "none", else the security log
    "A06": "either",  # log of 0x8F66 and 0x8F67: "none", else the event log
    "A08": "wan",  # who is told of 0x8F0C: "wan-and-han", or "han" alone
    "A09": "off",  # "on": one clock setting in 24 hours
    "A10": "corrected",  # a clock exactly 10 s off: "refused"
    "A11": "180",  # shortest long outage, in seconds
    "A12": "5",  # bad UTRNs typed in that lock entry by hand: "unlimited"
    "A13": "debts-emergency-balance",  # what a top-up serves, in order: "emergency-debts-balance"
    "A13-rounding": "down",  # the share of a top-up that goes to the payment debt: "up"
    "A14": "observe",  # a top-up in credit mode is taken: "accepted" too, "refused" not
    "A15": "100",  # UTRN counters that are remembered
    "A16": "profile",  # flow threshold as each use case has it; one only: "m3-per-hour(-10000)"
    "A17": "discard",  # dated elements of tapped commands at the GPF; "hold" them until their date
    "A19": "replace",  # an image while another waits: "refuse"
    "A20": "warn",  # counters in CS02b and CS06 that differ from the header's: "accept", else refused
    "command-log": "changes",  # 0x8154 and 0x8155: "all" notes reads too, "none" nothing
    "A28": "off",  # "on": the hub holds back what is too many of the same alert
    "A22": "16",  # entries in a device log
    "A29": "gap-detectable",  # gas history at a proxy that is new to the meter: "refilled"
    "A30": "armed",  # supply when emergency credit brings it back: "enabled" at once
    # No source forbids an image that is older than what runs, or the same: "newer" does.
    "image-order": "any",
    # Checks that reference messages do not pass: "free" takes any device's certificate in CS03C, and any
    # organisation's for a load controller's cells in CS02g.
    "partner-subject": "checked",
    "load-controller-role": "checked",
    # The contingency key lies wrapped in the root's certificate, which the roots of public key sets do not
    # have: "unverified" carries such a replacement out without looking at its signature.
    "contingency": "checked",
}


@dataclass(slots=True)
class TrustAnchor:
    """One trust anchor cell and the certificate (DER) that it holds from manufacture.

    ``role`` is a RemotePartyRole, ``cell_usage`` a CellUsage (0 management, 1 prepayment top-up).
    """

    role: int
    key_usage: KeyUsage
    cell_usage: int
    certificate: bytes


@dataclass(slots=True)
class DeviceDescription:
    """One emulated device as manufactured; what changes in service lives in its storage.

    ``device_type`` is ``chf``, ``gpf``, ``esme``, ``gsme`` or ``ppmid``; ``firmware_version`` has 4 octets,
    ``install_code`` 16 without its CRC, ``mpxn`` 13 digits (MPAN), 26 (twin element) or up to 10 (MPRN).
    ``identities`` are the device's own key pairs and certificates. ``issuing_certificates`` are device
    issuing CAs by which the certificate of a partner (join method C) must be signed; empty means that its
    signature is not checked. ``switches`` are values of assumptions, see ASSUMPTIONS.
    ``load`` is what flows through a meter.
    """

    name: str
    eui64: Eui64
    device_type: str
    firmware_version: bytes
    identities: DeviceIdentities
    trust_anchors: list[TrustAnchor]
    variant: str = ""
    hardware_version: int = 1
    manufacturer_code: int = 0
    image_type: int = 0
    install_code: bytes = bytes(16)
    mpxn: str = ""
    switches: Mapping[str, str] = field(default_factory=dict)
    issuing_certificates: list[bytes] = field(default_factory=list)
    han: HanProfile = field(default_factory=HanProfile)
    load: LoadSettings = field(default_factory=LoadSettings)

    def assumes(self, switch: str) -> str:
        """The value of an assumption (``"A02"``) on this device."""
        return self.switches.get(switch, ASSUMPTIONS[switch])

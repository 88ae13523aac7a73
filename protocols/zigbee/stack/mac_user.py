"""Who hears what from the MAC: data goes to the NWK layer, the rest to membership, joining and scanning."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.eui64 import Eui64
from protocols.radio import ReceivedFrame
from protocols.zigbee.mac import MacFrame
from protocols.zigbee.mac_commands import AssociationRequest, AssociationResponse
from protocols.zigbee.stack.formation import Formation
from protocols.zigbee.stack.joining import Joiner
from protocols.zigbee.stack.mac_service import Address
from protocols.zigbee.stack.membership import Membership
from protocols.zigbee.stack.nwk_layer import NwkLayer
from protocols.zigbee.stack.scanning import Scanner


@dataclass(slots=True)
class Dispatcher:
    """The MAC's user."""

    nwk: NwkLayer
    membership: Membership
    joiner: Joiner
    scanner: Scanner
    formation: Formation

    def mac_data(self, frame: MacFrame, heard: ReceivedFrame) -> None:
        """As `MacUser`."""
        self.nwk.receive(frame, heard)

    def mac_beacon(self, frame: MacFrame, heard: ReceivedFrame) -> None:
        """As `MacUser`."""
        scanning = self.scanner.busy
        found = self.scanner.beacon(frame, heard)
        if found is not None and not scanning:
            self.formation.beacon(found)

    def mac_beacon_wanted(self) -> None:
        """As `MacUser`."""
        if not self.scanner.busy:
            self.membership.beacon_wanted()

    def mac_association(self, device: Eui64, request: AssociationRequest) -> None:
        """As `MacUser`."""
        self.membership.association(device, request)

    def mac_association_response(self, response: AssociationResponse) -> None:
        """As `MacUser`."""
        self.joiner.association_response(response)

    def mac_polled(self, source: Address) -> bool:
        """As `MacUser`."""
        return self.membership.polled(source)

"""A conversation of a hub and a meter in our frames, for programs that read such frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from protocols.eui64 import Eui64
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message
from protocols.zigbee import aps_commands, mac_commands, nwk_commands
from protocols.zigbee.aps import ApsFrame, ApsFrameType, build_aps
from protocols.zigbee.commands import Command
from protocols.zigbee.fragments import Block, FragmentParameters, FragmentReceiver, FragmentSender
from protocols.zigbee.install_code import link_key, parse_install_code
from protocols.zigbee.mac import FrameType, MacFrame, build_mac, fcs
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, SourceRoute, build_nwk
from protocols.zigbee.security import (
    AuxiliaryHeader,
    KeyIdentifier,
    load_key,
    transport_key,
    verify_hash,
)
from protocols.zigbee.zdp import ZdpCluster, ZdpMessage

HUB, METER, PARTNER = Eui64("90B3D51F30020000"), Eui64("00DB1234567890F0"), Eui64("00DB1234567890A4")
PAN, HUB_SHORT, METER_SHORT = 0x1A62, 0x0000, 0x1234
# Published example of an install code, and keys of no network.
LINK_KEY = link_key(parse_install_code("83FED3407A939723A5C639B26916D505C3B5"))
NETWORK_KEY = bytes(range(0x30, 0x40))
PARTNER_KEY = bytes(range(0x50, 0x60))
SMART_ENERGY = 0x0109
LINK_TYPE_WITH_FCS = 195
TRANSFER_DATA, PUT = 0x02, 0x03


def gbcs_message() -> bytes:
    """A command of several hundred octets."""
    header = GroupingHeader(CraFlag.COMMAND, 0x1_0000_0001, HUB, METER, 0x0042)
    return build_message(
        Message(header, b"\xd9" + bytes(300), signature=bytes(range(64)), mac=bytes(range(12)))
    )


@dataclass(slots=True)
class Conversation:
    """Frames without FCS, by name, in order; the meter sends unless said."""

    frames: list[tuple[str, bytes]] = field(default_factory=list)
    counter: int = 0

    def add(self, name: str, frame: MacFrame) -> None:
        self.counter += 1
        frame.sequence = self.counter & 0xFF
        self.frames.append((name, build_mac(frame)))

    def nwk(self, name: str, frame: NwkFrame, *, secured: bool = True, from_hub: bool = False) -> None:
        self.counter += 1
        frame.destination, frame.source = METER_SHORT, HUB_SHORT
        if not from_hub:
            frame.destination, frame.source = HUB_SHORT, METER_SHORT
        frame.sequence = self.counter & 0xFF
        if secured:
            sender = HUB if from_hub else METER
            frame.security = AuxiliaryHeader(KeyIdentifier.NETWORK, self.counter, sender, 0)
        octets = build_nwk(frame, NETWORK_KEY)
        self.add(
            name,
            MacFrame(FrameType.DATA, 0, PAN, frame.destination, PAN, frame.source, octets, ack_request=True),
        )

    def aps(
        self,
        name: str,
        frame: ApsFrame,
        key: bytes | None = None,
        *,
        secured: bool = True,
        from_hub: bool = False,
    ) -> None:
        if frame.security is not None:
            frame.security.frame_counter = self.counter + 1
        nwk = NwkFrame(NwkFrameType.DATA, payload=build_aps(frame, key))
        self.nwk(name, nwk, secured=secured, from_hub=from_hub)

    def data(self, name: str, cluster: int, payload: bytes, **more: object) -> None:
        profile, endpoint = (0, 0) if name.startswith("zdp") else (SMART_ENERGY, 1)
        frame = ApsFrame(
            ApsFrameType.DATA, destination_endpoint=endpoint, cluster=cluster, profile=profile,
            source_endpoint=endpoint, counter=self.counter & 0xFF, payload=payload,
        )  # fmt: skip
        for attribute, value in more.items():
            setattr(frame, attribute, value)
        self.aps(name, frame, LINK_KEY)

    def command(
        self, command: Command, identifier: KeyIdentifier | None, *, from_hub: bool, secured: bool = True
    ) -> None:
        keys = {
            None: None,
            KeyIdentifier.LINK: LINK_KEY,
            KeyIdentifier.KEY_TRANSPORT: transport_key(LINK_KEY),
            KeyIdentifier.KEY_LOAD: load_key(LINK_KEY),
        }
        security = None if identifier is None else AuxiliaryHeader(identifier, 0, HUB if from_hub else METER)
        frame = ApsFrame(
            ApsFrameType.COMMAND, counter=self.counter & 0xFF, payload=command.build(), security=security
        )
        self.aps(f"aps {type(command).__name__}", frame, keys[identifier], secured=secured, from_hub=from_hub)


def joining(talk: Conversation) -> None:
    talk.add("mac BeaconRequest", MacFrame(FrameType.COMMAND, 0, 0xFFFF, 0xFFFF, payload=b"\x07"))
    inner = mac_commands.ZigbeeBeacon(HUB, router_capacity=True, end_device_capacity=True)
    beacon = mac_commands.Beacon(pan_coordinator=True, association_permit=True, payload=inner.build())
    talk.add(
        "mac Beacon", MacFrame(FrameType.BEACON, 0, source_pan=PAN, source=HUB_SHORT, payload=beacon.build())
    )
    request = mac_commands.AssociationRequest(0x8E).build()
    talk.add(
        "mac AssociationRequest",
        MacFrame(FrameType.COMMAND, 0, PAN, 0, 0xFFFF, METER, request, ack_request=True),
    )
    poll = mac_commands.DataRequest().build()
    talk.add("mac DataRequest", MacFrame(FrameType.COMMAND, 0, PAN, 0, PAN, METER, poll, ack_request=True))
    talk.add("mac Ack", MacFrame(FrameType.ACK, 0, frame_pending=True))
    answer = mac_commands.AssociationResponse(METER_SHORT).build()
    talk.add(
        "mac AssociationResponse",
        MacFrame(FrameType.COMMAND, 0, PAN, METER, PAN, HUB, answer, ack_request=True),
    )
    key = aps_commands.TransportKey(1, NETWORK_KEY, 0, METER, HUB)
    talk.command(key, KeyIdentifier.KEY_TRANSPORT, from_hub=True, secured=False)


def keys(talk: Conversation) -> None:
    talk.command(aps_commands.UpdateDevice(PARTNER, 0x4321, 1), KeyIdentifier.LINK, from_hub=False)
    tunnelled = ApsFrame(
        ApsFrameType.COMMAND, counter=1, security=AuxiliaryHeader(KeyIdentifier.KEY_TRANSPORT, 900, HUB),
        payload=aps_commands.TransportKey(1, NETWORK_KEY, 0, METER, HUB).build(),
    )  # fmt: skip
    frame = build_aps(tunnelled, transport_key(LINK_KEY))
    talk.command(aps_commands.Tunnel(METER, frame), None, from_hub=True)
    talk.command(aps_commands.RequestKey(4), KeyIdentifier.LINK, from_hub=False)
    talk.command(aps_commands.RequestKey(2, PARTNER), KeyIdentifier.LINK, from_hub=False)
    partner = aps_commands.TransportKey(3, PARTNER_KEY, partner=PARTNER, initiator=1)
    talk.command(partner, KeyIdentifier.KEY_LOAD, from_hub=True)
    talk.command(aps_commands.VerifyKey(4, METER, verify_hash(LINK_KEY)), None, from_hub=False)
    talk.command(aps_commands.ConfirmKey(0, 4, METER), KeyIdentifier.LINK, from_hub=True)
    talk.command(aps_commands.SwitchKey(0), KeyIdentifier.LINK, from_hub=True)
    talk.command(aps_commands.RemoveDevice(PARTNER), KeyIdentifier.LINK, from_hub=True)


NWK_COMMANDS = [
    nwk_commands.RouteRequest(7, 0x4321, 1, PARTNER),
    nwk_commands.RouteRequest(8, 0xFFFC, options=nwk_commands.ManyToOne.WITH_ROUTE_RECORDS),
    nwk_commands.RouteReply(7, 0x1234, 0x4321, 2, METER, PARTNER),
    nwk_commands.NetworkStatus(0x0B, 0x4321),
    nwk_commands.Leave.of(request=True, rejoin=True),
    nwk_commands.RouteRecord([0x1111, 0x2222]),
    nwk_commands.RejoinRequest(0x8E),
    nwk_commands.RejoinResponse(METER_SHORT),
    nwk_commands.LinkStatus([nwk_commands.Link(0x1111, 1, 3), nwk_commands.Link(0x2222, 7, 0)]),
    nwk_commands.NetworkReport(HUB, [0x1111, 0x2222]),
    nwk_commands.NetworkUpdate(HUB, 3, [0x1A63]),
    nwk_commands.EndDeviceTimeoutRequest(8),
    nwk_commands.EndDeviceTimeoutResponse(0, 3),
    nwk_commands.LinkPowerDelta(0, [nwk_commands.PowerDelta(0x1111, -3)]),
]


def network(talk: Conversation) -> None:
    for command in NWK_COMMANDS:
        frame = NwkFrame(
            NwkFrameType.COMMAND, payload=command.build(), source_ieee=METER, destination_ieee=HUB
        )
        talk.nwk(f"nwk {type(command).__name__}", frame)
    announcement = ZdpMessage(
        ZdpCluster.DEVICE_ANNCE, 1, {"nwk": METER_SHORT, "ieee": METER, "capability": 0x8E}
    )
    talk.data("zdp DeviceAnnce", announcement.cluster, announcement.build())
    request = ZdpMessage(ZdpCluster.SIMPLE_DESC_REQ, 2, {"nwk": METER_SHORT, "endpoint": 1})
    talk.data("zdp SimpleDescReq", request.cluster, request.build())
    routed = NwkFrame(
        NwkFrameType.DATA, source_route=SourceRoute(1, (0x1111, 0x2222)), discover_route=1,
        payload=build_aps(ApsFrame(ApsFrameType.ACK, destination_endpoint=1, cluster=0x0702, profile=SMART_ENERGY, source_endpoint=1, counter=9)),
    )  # fmt: skip
    talk.nwk("nwk source route", routed, from_hub=True)


def metering(talk: Conversation) -> None:
    read_attributes = bytes.fromhex("00 01 00 0000")
    link = AuxiliaryHeader(KeyIdentifier.LINK, 0, METER)
    talk.data("zcl plain APS", 0x0702, read_attributes)
    talk.data("zcl secured APS", 0x0702, read_attributes, security=link, ack_request=True)
    message = gbcs_message()
    tunnel = struct.pack("<BBBHB", 0x01, 5, TRANSFER_DATA, 1, PUT) + message
    parameters = FragmentParameters(48, window=3, interframe_delay_s=0.0)
    sender, receiver = FragmentSender(tunnel, parameters), FragmentReceiver(parameters, 0.0)
    counter = talk.counter & 0xFF
    waiting: list[Block] = sender.start(0.0)
    while waiting:
        block = waiting.pop(0)
        security = AuxiliaryHeader(KeyIdentifier.LINK, 0, METER)
        talk.data(
            "aps block", 0x0704, block.payload, security=security, ack_request=True, extended=block.extended,
            counter=counter,
        )  # fmt: skip
        acknowledgement, _ = receiver.receive(block.extended, block.payload, 0.0)
        if acknowledgement is not None:
            ack = ApsFrame(
                ApsFrameType.ACK, destination_endpoint=1, cluster=0x0704, profile=SMART_ENERGY, source_endpoint=1,
                counter=counter, extended=acknowledgement,
            )  # fmt: skip
            talk.aps("aps block ack", ack, from_hub=True)
            waiting += sender.acknowledge(acknowledgement, 0.0)


def conversation() -> list[tuple[str, bytes]]:
    """All frames, without FCS."""
    talk = Conversation()
    for part in (joining, keys, network, metering):
        part(talk)
    return talk.frames


def capture(frames: list[bytes]) -> bytes:
    """A pcap file of frames, to which the FCS is added."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINK_TYPE_WITH_FCS)]
    for number, frame in enumerate(frames):
        data = frame + fcs(frame)
        out += [struct.pack("<IIII", number, 0, len(data), len(data)), data]
    return b"".join(out)

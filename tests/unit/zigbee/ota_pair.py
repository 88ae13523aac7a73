"""Client and server of the OTA Upgrade cluster on a link that may lose what passes, in virtual time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from protocols.eui64 import Eui64
from protocols.ota import OtaHeader, OtaImage, build_ota
from protocols.zigbee.ota_client import ClientSettings, OtaClient
from protocols.zigbee.ota_cluster import (
    CLUSTER,
    Failed,
    ImageId,
    MemoryStore,
    Send,
    Upgrade,
)
from protocols.zigbee.ota_server import OtaServer, ServerSettings, offer_file
from protocols.zigbee.zcl.foundation import build_command, build_general, parse_message

METER = Eui64("00DB1234567890A0")
OTHER = Eui64("00DB1234567890A1")
CURRENT = ImageId(0x121D, 0x0000, 1)
NEW = ImageId(0x121D, 0x0000, 2)


def file(octets: int = 5000, **header) -> bytes:
    body = random.Random(octets).randbytes(octets)
    return build_ota(
        OtaImage(
            OtaHeader(**{"manufacturer_code": 0x121D, "image_type": 0, "file_version": 2, **header}), body
        )
    )


def on_air(sent: Send, *, from_server: bool) -> tuple[str, dict]:
    """What arrives of a command that went out."""
    if sent.name == "Default Response":
        octets = build_general(sent.name, sent.values, sequence=1, from_server=from_server)
    else:
        octets = build_command(CLUSTER, sent.name, sent.values, sequence=1, from_server=from_server)
    message = parse_message(CLUSTER, octets)
    return message.name, message.values


@dataclass
class Pair:
    """A client and a server on a link in virtual time."""

    server: OtaServer
    store: MemoryStore = field(default_factory=MemoryStore)
    settings: ClientSettings = field(default_factory=ClientSettings)
    loss: float = 0.0
    seed: int = 1
    now: float = 0.0
    cut_after: set[int] = field(default_factory=set)
    events: list = field(default_factory=list)
    blocks: int = 0
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        self.chance = random.Random(self.seed)
        self.client = self.new_client()

    def new_client(self) -> OtaClient:
        chance = random.Random(self.seed)
        return OtaClient(
            CURRENT, self.store, node=METER, chance=chance, settings=self.settings, **self.options
        )

    def to_server(self, outcomes):
        """Carry what the client sends until both are silent."""
        todo = list(outcomes)
        while todo:
            outcome = todo.pop(0)
            if not isinstance(outcome, Send):
                self.events.append(outcome)
                continue
            if self.chance.random() < self.loss:
                continue
            name, values = on_air(outcome, from_server=False)
            for answer in self.server.receive(METER, name, values, self.now):
                if not isinstance(answer, Send):
                    self.events.append(answer)
                elif self.chance.random() >= self.loss:
                    todo += self.to_client(answer)

    def to_client(self, sent: Send):
        self.blocks += sent.name == "Image Block Response"
        if self.blocks in self.cut_after:
            self.cut_after.discard(self.blocks)
            self.client = self.new_client()
            return self.client.query(self.now)
        return self.client.receive(*on_air(sent, from_server=True), self.now)

    def run(self, until: float = float("inf")):
        while (due := self.client.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            self.to_server(self.client.run_due(self.now))
            if any(isinstance(event, Upgrade | Failed) for event in self.events):
                break
        return self.events


def server(octets: bytes, settings=None, **more) -> OtaServer:
    made = OtaServer(settings or ServerSettings())
    made.offers.append(offer_file(octets, **more))
    return made

"""A rig whose ESME is on a line that a test scripts, and what that meter would send."""

from __future__ import annotations

from protocols.eui64 import Eui64
from protocols.gbcs.crypto import shared_secret
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.protect import protect
from protocols.ports import Frame, FrameKind
from protocols.smki import Hierarchy
from tests.made_messages import generic_alert, payload_of

ESME = Eui64("00-DB-12-34-56-78-90-A0")
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
ACB = Eui64("90-B3-D5-1F-30-00-00-02")

DRIVER = """
import asyncio
from pydantic import BaseModel
from protocols.ports import Driver, PortClosedError

class Settings(BaseModel):
    pass

class Line:
    def __init__(self):
        self.inbox = asyncio.Queue()
        self.sent = []
        self.raw = []
        self.answer = lambda frame: []
        self.on_fault = None
        self.gone = False

    async def send(self, frame):
        if self.gone:
            raise PortClosedError("the line was pulled out")
        self.sent.append(frame)
        for answer in self.answer(frame):
            self.inbox.put_nowait(answer)

    async def receive(self):
        frame = await self.inbox.get()
        if frame is None:
            raise PortClosedError("the line was pulled out")
        return frame

    async def send_octets(self, octets):
        self.raw.append(octets)

    async def close(self):
        self.inbox.put_nowait(None)

async def open_line(config, context):
    return Line()

DRIVER = Driver("line", Settings, open_line, frozenset({"message"}))
"""

RIG = """
schema = 1
name = "scripted"
[keys]
seed = "s"
[nodes.supplier]
kind = "user"
role = "supplier"
eui64 = "90-B3-D5-1F-30-01-00-00"
[nodes.acb]
kind = "user"
role = "access_control_broker"
eui64 = "90-B3-D5-1F-30-00-00-02"
[nodes.esme]
kind = "device"
device = "esme.toml"
[nodes.esme.ports.serial]
driver = "line.py:DRIVER"
"""


class Esme:
    """The far end: makes what a meter would send, with the keys that the seed gives it."""

    def __init__(self, bench):
        self.keys = Hierarchy("s").device(ESME)
        self.parties = {
            party: Hierarchy("s").organisation(party, role) for party, role in ((SUPPLIER, 2), (ACB, 4))
        }
        self.bench = bench
        self.line = bench._router._links["esme"].port

    def respond(self, command, values, *, counter=None, mac=True):
        header = command.header
        answer = GroupingHeader(
            CraFlag.RESPONSE,
            header.originator_counter if counter is None else counter,
            ESME,
            header.business_originator_id,
            header.message_code,
        )
        message = Message(answer, payload_of(answer, values))
        if not mac:
            return build_message(protect(message, signer=self.keys.ds.private))
        z = shared_secret(self.keys.ka.private, self.parties[header.business_originator_id].ka.public)
        return build_message(protect(message, mac_z=z))

    def alert(self, code, counter):
        header = GroupingHeader(CraFlag.ALERT, counter, ESME, SUPPLIER, 0x1000)
        message = Message(header, generic_alert(code, "2026-01-02T00:00:00Z", counter))
        return build_message(protect(message, signer=self.keys.ds.private))

    def say(self, octets):
        self.bench._portal.loop.call_soon_threadsafe(
            self.line.inbox.put_nowait, Frame(FrameKind.GBCS, octets)
        )
        self.bench.wait(0.01)

    def answer_with(self, make):
        self.line.answer = lambda frame: [
            Frame(FrameKind.GBCS, octets) for octets in make(parse_message(frame.data))
        ]

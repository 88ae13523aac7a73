"""The emulated RCP, spoken to by hand."""

import random

import pytest

from protocols.radio import TransmitStatus
from protocols.radio_frames import with_fcs
from protocols.spinel.datatypes import pack, unpack
from protocols.spinel.frame import Command, SpinelFrame, parse_frame
from protocols.spinel.hdlc import HdlcDecoder, encode_frame
from protocols.spinel.properties import FORMATS, Capability, Property, ScanState
from protocols.spinel.status import Status
from protocols.spinel.stream import ACKED_PENDING, TransmitRequest, parse_heard_frame, parse_transmit_done
from rigs.emulated.air import Link
from rigs.emulated.fault_catalogue.sticks import StickLine
from rigs.emulated.rcp import EmulatedRcp, RcpFirmware
from tests.stick_lines import stick_fault
from tests.unit.emulated.air_bench import PAN, Air, data, data_request, eui


class Host:
    """An RCP on radio 0, and the host that writes every octet itself."""

    def __init__(self, **keywords) -> None:
        self.air = Air(3)
        self.decoder = HdlcDecoder()
        self.answers: list[SpinelFrame] = []
        self.rcp = EmulatedRcp(self.air.radios[0], self._take, **keywords)
        self.line: EmulatedRcp | StickLine = self.rcp
        self.tid = 0

    def _take(self, octets: bytes) -> None:
        frames = self.decoder.feed(octets)
        self.answers += [parse_frame(frame) for frame in frames if isinstance(frame, bytes)]

    def send(self, command, key=None, value=b"", tid=None) -> int:
        self.tid = self.tid % 15 + 1 if tid is None else tid
        self.line.feed(encode_frame(SpinelFrame(command, key, value, self.tid).build()))
        return self.tid

    def ask(self, command, key=None, value=b""):
        tid = self.send(command, key, value)
        answer = self.answers.pop()
        assert answer.tid == tid
        return answer

    def get(self, key):
        answer = self.ask(Command.GET, key)
        assert answer.property == key
        return unpack(FORMATS[key], answer.value)

    def set(self, key, *values) -> None:
        value = pack(FORMATS[key], *values)
        answer = self.ask(Command.SET, key, value)
        assert (answer.command, answer.property, answer.value) == (Command.IS, key, value)

    def status(self, command, key=None, value=b"") -> int:
        answer = self.ask(command, key, value)
        assert answer.property == Property.LAST_STATUS
        return unpack("i", answer.value)[0]

    def start(self) -> None:
        self.set(Property.PHY_ENABLED, True)
        self.set(Property.PHY_CHAN, 15)
        self.set(Property.MAC_15_4_LADDR, eui(0))
        self.set(Property.MAC_15_4_SADDR, 0)
        self.set(Property.MAC_15_4_PANID, PAN)
        self.set(Property.MAC_RAW_STREAM_ENABLED, True)

    def outcomes(self):
        return {answer.tid: parse_transmit_done(answer.value) for answer in self.answers if answer.tid}

    def heard(self):
        return [
            parse_heard_frame(answer.value)
            for answer in self.answers
            if answer.property == Property.STREAM_RAW
        ]


@pytest.fixture
def host():
    host = Host()
    host.start()
    return host


def test_what_it_says_of_itself():
    host = Host()
    assert host.get(Property.PROTOCOL_VERSION) == (4, 3)
    assert host.get(Property.INTERFACE_TYPE) == (3,)
    assert host.get(Property.RCP_API_VERSION) == (11,)
    assert host.get(Property.RCP_MIN_HOST_API_VERSION) == (4,)
    assert host.get(Property.HWADDR) == (eui(0),)
    assert Capability.MAC_RAW in host.get(Property.CAPS)[0]
    assert host.get(Property.PHY_CHAN_SUPPORTED) == (list(range(11, 27)),)
    assert host.get(Property.PHY_RSSI) == (-100,)
    assert host.get(Property.MAC_SCAN_STATE) == (ScanState.IDLE,)
    for key in FORMATS:
        assert host.ask(Command.GET, key).property in {key, Property.LAST_STATUS}


def test_commands_that_it_refuses(host):
    assert host.status(Command.NOOP) == Status.OK
    assert host.status(Command.GET, 0x7777) == Status.PROP_NOT_FOUND
    assert host.status(Command.SET, Property.HWADDR, bytes(8)) == Status.PROP_NOT_FOUND
    assert host.status(Command.SET, Property.PHY_CHAN, b"\x03") == Status.INVALID_ARGUMENT
    assert host.status(Command.SET, Property.PHY_CHAN) == Status.PARSE_ERROR
    assert host.status(Command.INSERT, Property.PHY_CHAN, b"\x0b") == Status.PROP_NOT_FOUND
    assert host.status(20) == Status.INVALID_COMMAND
    host.send(Command.RESET, value=b"\x03")
    assert unpack("i", host.answers.pop().value) == (Status.UNIMPLEMENTED,)
    for key in (Property.RCP_MAC_KEY, Property.RCP_ENH_ACK_PROBING):
        assert host.ask(Command.SET, key, b"\x01\x02").property == key


def test_a_frame_goes_out_and_its_end_comes_under_its_own_tid(host):
    frame = data(0x42, 1, 0)
    tid = host.send(Command.SET, Property.STREAM_RAW, TransmitRequest(frame + b"\0\0", 15).build())
    assert host.answers == []  # not before it has ended
    assert host.status(Command.SET, Property.STREAM_RAW, TransmitRequest(frame + b"\0\0", 15).build()) == (
        Status.INVALID_STATE
    )
    host.air.run()
    done = host.outcomes()[tid]
    assert done.status == Status.OK
    assert done.acknowledgement.psdu == with_fcs(bytes.fromhex("020042"))
    assert host.air.ears[1].octets == [frame]


def test_frames_without_acknowledgement_and_on_a_busy_channel(host):
    request = TransmitRequest(data(1, 9, 0) + b"\0\0", 15, retries=1).build()
    lost = host.send(Command.SET, Property.STREAM_RAW, request)
    host.air.run()
    host.air.medium.set_noise(15, -50)
    busy = host.send(Command.SET, Property.STREAM_RAW, request)
    host.air.run()
    host.air.medium.set_noise(15, -100)
    outcomes = host.outcomes()
    assert (outcomes[lost].status, outcomes[busy].status) == (Status.NO_ACK, Status.CCA_FAILURE)
    assert len(host.air.shown) == 2
    broadcast = host.send(
        Command.SET, Property.STREAM_RAW, TransmitRequest(data(2, 0xFFFF, 0, ack=False) + b"\0\0", 20).build()
    )
    host.air.run()
    assert host.outcomes()[broadcast].acknowledgement is None
    assert host.air.shown[-1].channel == 20
    assert (
        host.status(Command.SET, Property.STREAM_RAW, TransmitRequest(b"1234", 15).build())
        == Status.INVALID_ARGUMENT
    )
    assert host.status(Command.SET, Property.STREAM_RAW, b"\x05") == Status.PARSE_ERROR


def test_nothing_is_heard_or_sent_before_the_radio_is_enabled():
    host = Host()
    request = TransmitRequest(data(1, 1, 0) + b"\0\0", 15).build()
    assert host.status(Command.SET, Property.STREAM_RAW, request) == Status.INVALID_STATE
    host.start()
    host.set(Property.MAC_RAW_STREAM_ENABLED, False)
    host.air.radios[1].transmit(1, data(1, 0, 1))
    host.air.run()
    assert host.answers == []
    assert host.air.ears[1].results[1].status is TransmitStatus.NO_ACK
    host.set(Property.MAC_RAW_STREAM_ENABLED, True)
    host.air.radios[1].transmit(2, data(2, 0, 1))
    host.air.run()
    (heard,) = host.heard()
    assert (heard.psdu, heard.channel, heard.rssi_dbm, heard.flags) == (with_fcs(data(2, 0, 1)), 15, -50, 0)
    assert heard.timestamp_us == pytest.approx(host.air.ears[1].results[2].time_s * 1e6, abs=600)
    host.set(Property.PHY_ENABLED, False)
    host.air.radios[1].transmit(3, data(3, 0, 1))
    host.air.run()
    assert host.air.ears[1].results[3].status is TransmitStatus.NO_ACK


def test_polls_are_answered_from_the_source_match_table_alone(host):
    def poll(token, source):
        host.air.radios[1].transmit(token, data_request(token, 0, source))
        host.air.run(1)
        return host.air.ears[1].results[token].frame_pending

    assert poll(1, 1)
    host.set(Property.MAC_SRC_MATCH_ENABLED, True)
    assert not poll(2, 1)
    answer = host.ask(Command.INSERT, Property.MAC_SRC_MATCH_SHORT_ADDRESSES, pack("S", 1))
    assert answer.command == Command.INSERTED
    assert poll(3, 1)
    assert not poll(4, eui(1))
    host.set(Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES, [eui(1), eui(2)])
    assert poll(5, eui(1))
    assert (
        host.ask(Command.REMOVE, Property.MAC_SRC_MATCH_SHORT_ADDRESSES, pack("S", 1)).command
        == Command.REMOVED
    )
    assert not poll(6, 1)
    assert host.get(Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES) == ([eui(1), eui(2)],)
    assert [frame.flags for frame in host.heard()] == [ACKED_PENDING, 0, ACKED_PENDING, 0, ACKED_PENDING, 0]


def test_a_full_table_says_so():
    host = Host(firmware=RcpFirmware(table_size=2))
    for number in range(2):
        host.ask(Command.INSERT, Property.MAC_SRC_MATCH_SHORT_ADDRESSES, pack("S", number))
    assert host.status(Command.INSERT, Property.MAC_SRC_MATCH_SHORT_ADDRESSES, pack("S", 7)) == Status.NOMEM
    value = pack("A(S)", [1, 2, 3])
    assert host.status(Command.SET, Property.MAC_SRC_MATCH_SHORT_ADDRESSES, value) == Status.NOMEM


@pytest.mark.parametrize("reason", [None, Status.RESET_WATCHDOG])
def test_a_reset_loses_everything_and_is_told(host, reason):
    host.set(Property.MAC_SRC_MATCH_ENABLED, True)
    host.send(Command.SET, Property.STREAM_RAW, TransmitRequest(data(1, 1, 0) + b"\0\0", 15).build())
    if reason is None:
        host.send(Command.RESET, value=b"\x02")
    else:
        host.rcp.reset(reason)
    (told,) = host.answers
    assert (told.tid, told.property) == (0, Property.LAST_STATUS)
    assert unpack("i", told.value) == (reason or Status.RESET_SOFTWARE,)
    host.answers.clear()
    host.air.run()
    assert host.answers == []
    assert host.get(Property.MAC_SRC_MATCH_ENABLED) == (False,)
    assert host.get(Property.PHY_ENABLED) == (False,)
    assert host.get(Property.MAC_15_4_PANID) == (0xFFFF,)


def test_energy_scan_of_one_channel(host):
    host.air.medium.link(host.air.radios[1], host.air.radios[0], Link(rssi_dbm=-71))
    host.air.radios[1].configure(host.air.settings(1, channel=20))
    host.set(Property.MAC_SCAN_MASK, [20, 21])
    assert (
        host.status(Command.SET, Property.MAC_SCAN_STATE, bytes((ScanState.ENERGY,)))
        == Status.INVALID_ARGUMENT
    )
    host.set(Property.MAC_SCAN_MASK, [20])
    host.set(Property.MAC_SCAN_PERIOD, 50)
    host.set(Property.MAC_SCAN_STATE, ScanState.ENERGY)
    host.air.radios[1].transmit(1, data(1, 0xFFFF, 1, ack=False))
    host.air.run()
    result, state = host.answers
    assert unpack("Cc", result.value) == (20, -71)
    assert (state.property, state.value) == (Property.MAC_SCAN_STATE, b"\x00")


def test_promiscuous_mode_and_debug_stream(host):
    host.set(Property.MAC_PROMISCUOUS_MODE, 2)
    host.air.radios[1].transmit(1, data(1, 2, 1))
    host.air.run()
    assert [frame.psdu[2] for frame in host.heard()] == [1, 1]
    host.rcp.debug("hello")
    assert host.answers.pop().value == b"hello"


def test_lost_octets_cost_frames_and_no_more(host):
    host.line = StickLine(host.rcp)
    host.line.write = host._take
    stick_fault(host.line, host.air.medium.scheduler, "stick-octets-lost,probability=0.01")
    for _ in range(500):
        host.send(Command.GET, Property.PROTOCOL_VERSION)
    good = [frame for frame in host.answers if frame.property == Property.PROTOCOL_VERSION]
    assert 300 < len(good) < 480
    assert host.rcp.line_errors


def test_any_octets_leave_it_alive(host):
    randomness = random.Random(5)
    host.rcp.write = lambda _octets: None
    for _ in range(3_000):
        body = bytes((0x80 | randomness.randrange(16), randomness.randrange(10))) + randomness.randbytes(
            randomness.randrange(30)
        )
        host.rcp.feed(encode_frame(body) if randomness.random() < 0.9 else body)
        if randomness.random() < 0.05:
            host.air.run(0.05)
    host.air.run(70)
    host.rcp.write = host._take
    host.decoder = HdlcDecoder()
    host.rcp.feed(b"\x7e")
    host.answers.clear()
    assert host.get(Property.PROTOCOL_VERSION) == (4, 3)

"""A bench on a scripted line: matching of responses, alerts, everything journalled, nothing raised on octets."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from hil.bench import Bench
from hil.facades import Firmware
from hil.journal import Journal
from hil.journal_reader import JournalReader
from hil.nodes import Faults, NoAlertError, NoResponseError, UnexpectedAlertError, UnexpectedResponseError
from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import compute_mac, shared_secret, verify_mac, verify_signature
from protocols.gbcs.message import build_message, parse_message
from protocols.ports import BenchError, ConfigError, ImageRefusedError, PortClosedError
from tests.unit.harness.scripted_line import ACB, DRIVER, ESME, RIG, SUPPLIER, Esme


def version(number):
    return {"results": {"FirmwareVersion: value": 0}, "elements": {"FirmwareVersion: value": number}}


VERSION = version("02000001")


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "line.py").write_text(DRIVER)
    (tmp_path / "esme.toml").write_text(f'type = "esme"\neui64 = "{ESME}"\nfirmware_version = "02000001"\n')
    (tmp_path / "rig.toml").write_text(RIG)
    rig = load_rig(tmp_path / "rig.toml", {"SMETS_HIL_STATE": str(tmp_path / "state")})
    with Journal.open(tmp_path / "journal.sqlite") as journal, Bench.open(rig, journal) as opened:
        opened.current_test = "the test"
        yield opened


@pytest.fixture
def meter(bench):
    return Esme(bench)


def _records(bench, kind):
    with JournalReader(bench.journal.path) as reader:
        return list(reader.records(kind))


def test_a_request_is_answered_decoded_and_journalled(bench, meter):
    meter.answer_with(lambda command: [meter.respond(command, VERSION)])
    response = bench.users["supplier"].request("ECS52", bench.devices["esme"])
    assert (response.mac, response.signature, response.problem) == ("ok", "none", "")
    assert response.values["firmware_version"] == b"\x02\x00\x00\x01"
    assert response.results == [0]
    (sent,) = _records(bench, "message.sent")
    (received,) = _records(bench, "message.received")
    assert sent.test == received.test == "the test"
    assert (sent.body["use_case"], sent.body["device"], sent.body["peer"]) == ("ECS52", "esme", "supplier")
    assert received.body["match"] == sent.seq
    assert received.body["values"]["firmware_version"] == "02000001"
    assert received.body["octets"] == response.octets.hex().upper()
    assert response.record == received.seq
    assert bench.counts == {}


def test_commands_carry_counters_signature_and_the_mac_of_the_acb(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    first = supplier.send("ECS52", esme)
    second = supplier.send(
        "ECS70",
        esme,
        validity_start=datetime(2026, 1, 1, tzinfo=UTC),
        validity_end=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert second.counter == first.counter + 1
    z = shared_secret(meter.keys.ka.private, meter.parties[ACB].ka.public)
    reading, setting = (parse_message(frame.data) for frame in meter.line.sent)
    assert verify_mac(z, reading)
    assert verify_mac(z, setting)
    assert not reading.signature  # not critical
    assert verify_signature(meter.parties[SUPPLIER].ds.public, setting.signed_octets(), setting.signature)
    assert reading.header.business_originator_id == SUPPLIER
    assert reading.header.business_target_id == ESME


def test_what_is_wrong_with_a_response_is_recorded_not_raised(bench, meter):
    def spoiled(command):
        whole = meter.respond(command, VERSION)
        return [whole[:-1] + bytes((whole[-1] ^ 1,))]

    meter.answer_with(spoiled)
    assert bench.users["supplier"].request("ECS52", bench.devices["esme"]).mac == "bad"

    def wrong_payload(command):
        message = parse_message(meter.respond(command, VERSION))
        message.payload = message.payload[:-1]
        z = shared_secret(meter.keys.ka.private, meter.parties[SUPPLIER].ka.public)
        message.mac = compute_mac(z, message)
        return [build_message(message)]

    meter.answer_with(wrong_payload)
    response = bench.users["supplier"].request("ECS52", bench.devices["esme"])
    assert response.mac == "ok"
    assert "octet" in response.problem
    assert _records(bench, "message.received")[-1].body["problem"] == response.problem


def test_no_answer_in_time_and_then_a_late_one(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    sent = supplier.send("ECS52", esme)
    with pytest.raises(NoResponseError, match="esme did not answer ECS52"):
        supplier.expect_response(sent, 0.01)
    meter.say(meter.respond(sent.message, VERSION))
    assert bench.counts == {"late": 1}
    assert _records(bench, "message.received")[0].body["late"] is True
    late = supplier.expect_response(sent, 1)
    assert late.late
    meter.say(meter.respond(sent.message, VERSION))
    assert bench.counts == {"late": 1, "duplicate": 1}


def test_silence_is_seen_and_so_is_its_breach(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    sent = supplier.send("ECS52", esme)
    supplier.expect_silence(sent, 0.01)
    meter.answer_with(lambda command: [meter.respond(command, VERSION)])
    answered = supplier.send("ECS52", esme)
    with pytest.raises(UnexpectedResponseError) as caught:
        supplier.expect_silence(answered, 1)
    assert caught.value.response.values["results"] == [0]


def test_responses_find_their_command_among_many(bench, meter):
    supplier, acb, esme = bench.users["supplier"], bench.users["acb"], bench.devices["esme"]
    ours = [supplier.send("ECS52", esme) for _ in range(3)]
    same_number = acb.send("ECS52", esme, counter=ours[1].counter)
    for number, sent in enumerate([*ours, same_number]):
        meter.say(meter.respond(sent.message, version(f"{number:02X}000000")))
    for number in (3, 1, 0, 2):
        sent = [*ours, same_number][number]
        user = acb if sent is same_number else supplier
        assert user.expect_response(sent, 1).values["firmware_version"][0] == number


def test_unsolicited_and_unreadable_messages_are_kept(bench, meter):
    sent = bench.users["supplier"].send("ECS52", bench.devices["esme"])
    meter.say(meter.respond(sent.message, VERSION, counter=99))
    meter.say(b"\xde\xad")
    meter.say(sent.octets)
    assert bench.counts == {"unsolicited": 1, "unreadable": 2}
    bodies = [record.body for record in _records(bench, "message.received")]
    assert bodies[0]["match"] == 0
    assert bodies[1]["octets"] == "DEAD"
    assert "octet 0" in bodies[1]["problem"]
    assert bodies[2]["problem"] == "a command, where devices send responses and alerts"


def test_a_replayed_command_gets_its_own_answer(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    meter.answer_with(lambda command: [meter.respond(command, VERSION)])
    first = supplier.send("ECS52", esme)
    supplier.expect_response(first, 1)
    meter.answer_with(lambda _: [])
    again = supplier.send("ECS52", esme, counter=first.counter)
    supplier.expect_silence(again, 0.01)
    with pytest.raises(BenchError, match="was sent again"):
        supplier.expect_response(first, 0.01)


def test_faults_spoil_what_they_say_and_nothing_else(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    z = shared_secret(meter.keys.ka.private, meter.parties[ACB].ka.public)

    def sent(**faults):
        supplier.send("ECS52", esme, faults=Faults(**faults))
        return parse_message(meter.line.sent[-1].data)

    assert not verify_mac(z, sent(wrong_mac=True))
    stranger = sent(originator=Eui64(b"\x01" * 8))
    assert stranger.header.business_originator_id == b"\x01" * 8
    assert verify_mac(z, stranger)
    assert verify_mac(z, sent(target=SUPPLIER))
    assert sent(message_code=0x0027).header.message_code == 0x0027
    supplier.send("ECS52", esme, faults=Faults(tamper=lambda octets: octets[:-1]))
    assert len(meter.line.sent[-1].data) == len(meter.line.sent[0].data) - 1
    names = [record.body["faults"] for record in _records(bench, "message.sent")]
    assert names == [["wrong_mac"], ["originator"], ["target"], ["message_code"], ["tamper"]]


def test_a_misdirected_command_that_is_answered_breaks_the_silence(bench, meter):
    """The answer's header fits what left, not what was built; it still belongs to the command."""
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    meter.answer_with(lambda command: [meter.respond(command, VERSION)])

    def other_counter(octets):
        message = parse_message(octets)
        message.header.originator_counter += 5
        return build_message(message)

    sent = supplier.send("ECS52", esme, faults=Faults(tamper=other_counter))
    with pytest.raises(UnexpectedResponseError):
        supplier.expect_silence(sent, 1)


def test_on_behalf_of_a_party_the_device_does_not_know(bench, meter):
    bench.users["acb"].send("ECS52", bench.devices["esme"], on_behalf_of=bench.users["supplier"])
    header = parse_message(meter.line.sent[-1].data).header
    assert header.business_originator_id == ACB
    assert header.supplementary_remote_party_id == SUPPLIER
    assert header.supplementary_remote_party_counter == bench.counters.last(SUPPLIER)
    assert _records(bench, "message.sent")[-1].body["on_behalf_of"] == "supplier"


def test_alerts_are_numbered_filtered_and_awaited(bench, meter):
    esme = bench.devices["esme"]
    meter.say(meter.alert(0x8F3D, 1))
    mark = bench.alerts.mark()
    assert mark == 1
    with pytest.raises(NoAlertError, match="alerts since then: none"):
        bench.alerts.expect(esme, 0x8F3D, since=mark, timeout_s=0.01)
    timer = threading.Timer(0.05, lambda: meter.say(meter.alert(0x8F30, 2)))
    timer.start()
    alert = bench.alerts.expect(esme, 0x8F30, since=mark, timeout_s=10)
    timer.join()
    assert (alert.number, alert.to, alert.signature, alert.mac) == (2, "supplier", "ok", "none")
    assert alert.values["time"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert bench.alerts.expect(esme, message_code=0x1000).number == 1
    bench.alerts.none(esme, 0x8F1E, within_s=0.01)
    with pytest.raises(UnexpectedAlertError, match="0x8f30"):
        bench.alerts.none(esme, 0x8F30, since=mark, within_s=1)
    with pytest.raises(NoAlertError, match="alerts since then: esme 0x8f3d"):
        bench.alerts.expect(esme, 0x1234, timeout_s=0.01)
    body = _records(bench, "message.received")[-1].body
    assert (body["alert_code"], body["alert_number"]) == (0x8F30, 2)


def test_a_wire_that_goes_away_is_never_the_devices_silence(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    sent = supplier.send("ECS52", esme)
    meter.line.gone = True
    bench._portal.loop.call_soon_threadsafe(meter.line.inbox.put_nowait, None)
    with pytest.raises(PortClosedError, match="pulled out"):
        supplier.expect_response(sent, 10)
    with pytest.raises(PortClosedError):
        supplier.expect_silence(sent, 10)
    with pytest.raises(PortClosedError):
        bench.alerts.none(esme, within_s=10)
    with pytest.raises(PortClosedError):
        supplier.send("ECS52", esme)
    assert [record.kind for record in _records(bench, "wire.")] == ["wire.closed", "wire.fault"]


def test_bad_lines_are_journalled(bench, meter):
    class Fault:
        problem = "no such prefix"
        octets = b"garbage"
        offset = 7

    bench._portal.loop.call_soon_threadsafe(meter.line.on_fault, Fault())
    bench.wait(0.01)
    assert bench.counts == {"line-fault": 1}
    body = _records(bench, "wire.fault")[0].body
    assert body == {
        "port": "serial",
        "problem": "no such prefix",
        "octets": b"garbage".hex().upper(),
        "offset": 7,
    }


def test_raw_octets_go_out_as_they_are(bench, meter):
    bench.send_octets(bench.devices["esme"], b"GBCS:DA")
    assert meter.line.raw == [b"GBCS:DA"]


class Images:
    """A firmware port that takes images of the meter alone."""

    taken = None

    async def deliver(self, target, image):
        if target != ESME:
            raise ImageRefusedError("not in the device log")
        self.taken = image

    async def close(self):
        """Nothing is open."""


def test_images_take_the_firmware_port_and_a_refusal_is_journalled(bench):
    esme, images = bench.devices["esme"], Images()
    with pytest.raises(ConfigError, match="no firmware port"):
        bench.send_image(esme, b"an image")
    esme.give(Firmware("esme", images, bench._portal))
    bench.send_image(esme, b"an image")
    assert images.taken == b"an image"
    bench.send_image(esme, b"x", target=ACB)
    assert images.taken == b"an image"
    assert _records(bench, "image.refused")[0].body["reason"] == "not in the device log"
    with JournalReader(bench.journal.path) as reader:
        record = next(reader.records("image.sent"))
        assert reader.attachment(record.attachment) == b"an image"


def test_ports_that_the_rig_lacks_say_how_to_add_them(bench):
    with pytest.raises(ConfigError, match=r"nodes.esme has no power port[^~]*\[nodes.esme.ports.power\]"):
        bench.devices["esme"].power.on()


def test_wrong_values_name_themselves_before_anything_is_sent(bench, meter):
    with pytest.raises(ValueError, match="mpam: no such value"):
        bench.users["supplier"].send("ECS39a", bench.devices["esme"], mpam="1")
    assert meter.line.sent == []
    assert _records(bench, "message.sent") == []

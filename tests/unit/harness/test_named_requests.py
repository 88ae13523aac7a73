"""Every use case of the catalogue by its named values: commands as sent, responses and alerts as opened."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hil.bench import Bench
from hil.clock import clock_of
from hil.exchange import Faults
from hil.journal import Journal
from hil.rigfile import load_rig
from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.crypto import encrypt_block, shared_secret
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.named import build_named, decode_named
from protocols.gbcs.named.header import decode_header
from protocols.gbcs.named.lookup import NoSuchValueError
from protocols.gbcs.protect import protect
from tests.desk_rig import DESK_RIG
from tests.unit.harness.scripted_line import DRIVER, ESME, RIG, SUPPLIER, Esme

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOAD_LIMIT = {
    "LoadLimitSupplyState: valueNext": True,
    "LoadLimitPowerThreshold: thresholdNext": 6900,
    "LoadLimitPeriod(Timer): valueNext": 300,
    "LoadLimitRestorationPeriod(Timer): valueNext": 30,
}


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "line.py").write_text(DRIVER)
    (tmp_path / "esme.toml").write_text(f'type = "esme"\neui64 = "{ESME}"\nfirmware_version = "02000001"\n')
    (tmp_path / "rig.toml").write_text(RIG)
    rig = load_rig(tmp_path / "rig.toml", {"SMETS_HIL_STATE": str(tmp_path / "state")})
    with Journal.open(tmp_path / "journal.sqlite") as journal, Bench.open(rig, journal) as opened:
        yield opened


class Meter(Esme):
    """Answers with any payload by the specification's names."""

    def message(self, flag, code, counter, payload, target=SUPPLIER):
        header = GroupingHeader(flag, counter, ESME, target, code)
        use_case = load_catalogue().by_message_code(code, flag)
        z = shared_secret(self.keys.ka.private, self.parties[target].ka.public)
        document = {
            "message_code": f"0x{code:04X}",
            "header": decode_header(header),
            "payload_kind": use_case.payload_kind if use_case else "dlms",
            "payload": payload,
        }
        built = build_named(document, strict=False, encrypt=lambda plain: encrypt_block(z, header, plain))
        critical = use_case is not None and use_case.critical and flag is not CraFlag.COMMAND
        keys = {"signer": self.keys.ds.private} if critical else {"mac_z": z}
        return build_message(protect(Message(header, built.payload), **keys))

    def answers(self, payload):
        self.answer_with(
            lambda command: [
                self.message(
                    CraFlag.RESPONSE, command.header.message_code, command.header.originator_counter, payload
                )
            ]
        )


@pytest.fixture
def meter(bench):
    return Meter(bench)


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "rig.toml").write_text(DESK_RIG)
    rig = load_rig(tmp_path / "rig.toml", {"SMETS_HIL_STATE": str(tmp_path / "state")}).in_run(tmp_path)
    clock = clock_of(rig)
    with (
        Journal.open(tmp_path / "journal.sqlite", clock, reproducible=True) as journal,
        Bench.open(rig, journal, clock=clock) as opened,
    ):
        yield opened


def sent_payload(meter):
    return decode_named(parse_message(meter.line.sent[-1].data))["payload"]


def test_an_emulated_meter_answers_what_has_no_short_names(desk):
    supplier, esme = desk.users["supplier"], desk.devices["esme"]
    response = supplier.request("ECS28a", esme, values=LOAD_LIMIT)
    assert (response.signature, response.problem) == ("ok", "")
    assert response.results == [0] * 8
    assert set(response.statuses.values()) == {0}
    assert response.statuses["LoadLimitPeriod(Timer): valueNext"] == 0
    read = supplier.request("ECS27", esme)
    assert read.values["load_limit_power_threshold_w"] == 6900
    assert read.find("LoadLimitPowerThreshold: thresholdCurrent") == 6900


def test_an_encrypted_answer_is_opened_for_its_reader(desk):
    response = desk.users["supplier"].request("ECS17d", desk.devices["esme"])
    assert (response.mac, response.encrypted, response.problem) == ("ok", ["ok"], "")
    assert isinstance(response.values["elements"], dict)
    assert "ciphered" not in str(response.values)


def test_values_go_by_name_place_or_component(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    supplier.send("ECS20c", esme, fromDateTime=datetime(2026, 1, 1, tzinfo=UTC), toDateTime="*")
    (span,) = sent_payload(meter)["elements"].values()
    assert span == {"fromDateTime": "2026-01-01T00:00:00Z", "toDateTime": "*"}
    supplier.send("GCS41", esme, values={"Issuer Event ID": 7, "Components/0/Site ID": b"1234567890"})
    (component,) = sent_payload(meter)["Components"]
    assert (component["Site ID"], component["Site ID Time"]) == (b"1234567890".hex().upper(), "now")
    with pytest.raises(EncodeError, match="no such value"):
        supplier.send("ECS28a", esme, colour=1)
    with pytest.raises(EncodeError, match="the value is missing"):
        supplier.send("ECS28a", esme)
    with pytest.raises(EncodeError, match="has no command"):
        supplier.send("ECS68", esme)


def test_dated_commands(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    for at, text in ((None, "now"), (WHEN, "2026-03-01T12:00:00Z"), ("never", "*")):
        supplier.send("ECS28a", esme, values=LOAD_LIMIT, at=at)
        elements = sent_payload(meter)["elements"]
        dates = {name: value for name, value in elements.items() if name.endswith("activateNextDateTime")}
        assert len(dates) == 4
        assert set(dates.values()) == {text}
    one = {"LoadLimitSupplyState: activateNextDateTime": WHEN}
    supplier.send("ECS28a", esme, values=LOAD_LIMIT | one)
    assert sorted(value for value in sent_payload(meter)["elements"].values() if isinstance(value, str)) == [
        "2026-03-01T12:00:00Z",
        *["now"] * 3,
    ]
    digest = {"manufacturerImageHash": bytes(32)}
    supplier.send("CS06", esme, values=digest)
    assert "executionDateTime" not in sent_payload(meter)
    supplier.send("CS06", esme, values=digest, at=WHEN)
    assert sent_payload(meter)["executionDateTime"] == "2026-03-01T12:00:00Z"
    supplier.send("CS06", esme, values=digest, at="never")
    assert sent_payload(meter)["executionDateTime"] == "9999-12-31T23:59:59Z"
    with pytest.raises(EncodeError, match="takes no time"):
        supplier.send("ECS38", esme, at=WHEN)


def test_components_that_may_be_repeated_are_asked_for_by_number(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    values = {
        "*/Issuer Event ID": 7,
        "*/Number of Events": 1,
        "*/Event IDs": [0x8154],
        "*/Event Configuration": 1,
        "Set Event Configuration[2]/Event Configuration": 3,
    }
    supplier.send("GCS20", esme, values=values)
    components = sent_payload(meter)["Components"]
    assert [each["Event Configuration"] for each in components] == [1, 3]
    assert [each["Issuer Event ID"] for each in components] == [7, 7]
    with pytest.raises(EncodeError, match="no such value"):
        supplier.send("GCS20", esme, values={"*/colour": 7})


def test_every_use_case_has_a_command_or_says_what_it_needs(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    sent = Counter()
    for use_case in load_catalogue():
        if use_case.is_alert or not use_case.payload_kind:
            continue
        code = use_case.message_codes[0]
        try:
            command = supplier.send(use_case.code, esme, values={}, message_code=code).message
        except EncodeError as error:
            assert error.element, use_case.code
            sent["wants values"] += 1
            continue
        assert command.header.message_code == code
        assert bool(command.signature) == use_case.critical
        sent["sent"] += 1
    assert sent["sent"] >= 70
    assert sent["wants values"] >= 80


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no reference messages in {REFERENCE}")
def test_payloads_of_reference_commands_go_out_octet_for_octet(bench, meter):
    esme, users, seen = bench.devices["esme"], bench.users, set()
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        header = message.header
        if header.cra_flag is not CraFlag.COMMAND or header.message_code in seen:
            continue
        seen.add(header.message_code)
        document = decode_named(message)
        use_case = load_catalogue()[document["use_case"]]
        faults = Faults(originator=header.business_originator_id, target=header.business_target_id)
        user = users["acb" if "access_control_broker" in use_case.roles else "supplier"]
        sent = user.send(
            use_case.code,
            esme,
            faults=faults,
            counter=header.originator_counter,
            payload=document["payload"],
            message_code=header.message_code,
            strict=False,
        )
        if header.supplementary_remote_party_id is None:
            assert sent.message.payload == message.payload, use_case.code
    assert len(seen) >= 150


def test_a_use_case_with_several_message_codes_needs_one(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    with pytest.raises(EncodeError, match="choose one of several"):
        supplier.send("CS02b", esme, values={})
    with pytest.raises(EncodeError, match="0042 is not CS02b's"):
        supplier.send("CS02b", esme, values={}, message_code=0x0042)


def test_faults_and_lenient_values(bench, meter):
    supplier, esme = bench.users["supplier"], bench.devices["esme"]
    too_long = {"MeterPointAdministrationNumber(combinedMPANS): value": "1" * 40}
    with pytest.raises(EncodeError):
        supplier.send("ECS39a", esme, values=too_long)
    supplier.send("ECS39a", esme, values=too_long, strict=False, faults=Faults(message_code=0x0059))
    last = parse_message(meter.line.sent[-1].data)
    assert last.header.message_code == 0x0059
    assert b"1" * 40 in last.payload


def test_gbz_answers_are_opened_and_found(bench, meter):
    component = {
        "Cluster": "Metering",
        "Command": "Read Attributes Response",
        "Frame Control": 24,
        "Transaction Sequence Number": 0,
    }
    attributes = {"Divisor": 1000, "Unit of Measure": {"Status": 0x86}}
    secret = {"Additional Header Control": 0, "Additional Header Frame Counter": 0, "Attributes": attributes}
    meter.answers({"Components": [component | secret]})
    response = bench.users["supplier"].request("GCS13b", bench.devices["esme"])
    assert (response.mac, response.encrypted, response.problem) == ("ok", ["ok"], "")
    assert response.find("Divisor") == 1000
    assert response.find("read attributes response[1]/attributes/divisor") == 1000
    assert response.statuses == {
        "Components/0/Attributes/Divisor": 0,
        "Components/0/Attributes/Unit of Measure": 0x86,
    }
    assert response.results == []
    with pytest.raises(NoSuchValueError, match="no value 'Divisr'; near: Divisor"):
        response.find("Divisr")


def test_statuses_of_gbz_commands_and_several_of_one_name(bench, meter):
    def answer(number, status):
        head = {"Cluster": "Calendar", "Command": "Default Response", "Frame Control": 0}
        return head | {"Transaction Sequence Number": number, "Command Identifier": number, "Status": status}

    meter.answers({"Components": [answer(0, 0), answer(1, 0x85)]})
    response = bench.users["supplier"].request("GCS07", bench.devices["esme"], strict=False, payload=READ)
    assert response.statuses == {"Components/0": 0, "Components/1": 0x85}
    assert response.find_all("Status") == [0, 0x85]
    assert response.find("Default Response[2]/Status") == 0x85
    with pytest.raises(NoSuchValueError, match="could be several values"):
        response.find("Status")


READ = {
    "Components": [
        {
            "Cluster": "Metering",
            "Command": "Read Attributes",
            "Frame Control": 0,
            "Transaction Sequence Number": 0,
            "Attributes": ["Divisor"],
        }
    ]
}


def test_an_answer_that_is_not_the_use_cases_is_a_problem(bench, meter):
    def another(command):
        header = command.header
        meter_answer = GroupingHeader(
            CraFlag.RESPONSE, header.originator_counter, ESME, SUPPLIER, header.message_code
        )
        z = shared_secret(meter.keys.ka.private, meter.parties[SUPPLIER].ka.public)
        message = Message(meter_answer, bytes.fromhex("DA200000050000010001000101"))
        return [build_message(protect(message, mac_z=z))]

    meter.answer_with(another)
    response = bench.users["supplier"].request("ECS24", bench.devices["esme"])
    assert response.mac == "ok"
    assert "no result choice" in response.problem
    assert response.values == {}


def test_alerts_are_named_too(bench, meter):
    elements = {"AlertCode": 0x8F20, "Timestamp": "2026-01-01T00:00:00Z"}
    elements["EntityIdentifier"] = "00DB1234567890A1"
    meter.say(meter.message(CraFlag.ALERT, 0x0110, 9, {"elements": elements}))
    (alert,) = bench.alerts.since()
    assert (alert.mac, alert.problem) == ("ok", "")
    assert alert.find("Timestamp") == "2026-01-01T00:00:00Z"
    assert alert.find("EntityIdentifier") == "00DB1234567890A1"
    assert alert.alert_code == 0x8F20

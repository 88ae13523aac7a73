"""What each fault of the catalogue does, seen at the ports of the bench."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from fixtures.firmware import FirmwareImages
from hil.bench import Bench
from hil.clock import clock_of
from hil.credentials import CredentialSet
from hil.exchange import Faults, NoResponseError
from hil.faults import BenchFaults
from hil.journal import Journal
from hil.journal_reader import JournalReader
from hil.plugin.permit import refuse_if_fault_impossible
from hil.rigfile import load_rig
from hil.state_steps import Steps
from hil.verdicts import NotRunError, SkipKind
from protocols.ports import ConfigError
from rigs.emulated.fault_catalogue import CATALOGUE, Target

RIGS = Path(__file__).parents[3] / "rigs"
DESK = (RIGS / "desk-esme.toml").read_text().replace('"devices/', f'"{RIGS}/devices/')
VIRTUAL = '\n[bench]\ntime = "virtual"\n\n[keys]'
LATENCY_S = 0.01


def opened(rig, folder):
    rig = rig.in_run(folder)
    clock = clock_of(rig)
    journal = Journal.open(folder / "journal.sqlite", clock, reproducible=True)
    return Bench.open(rig, journal, clock=clock), journal


def desk_rig(tmp_path, *changes):
    text = DESK.replace("\n[keys]", VIRTUAL)
    for driver in ("serial", "console", "power-emulated", "stimulus-emulated"):
        text = text.replace(f'driver = "{driver}"', 'driver = "memory"')
    text = text.replace('url = "emulated:"\n', "")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "rig.toml").write_text(text)
    return load_rig(tmp_path / "rig.toml", {"SMETS_HIL_STATE": str(tmp_path / "state")})


@pytest.fixture
def bench(tmp_path):
    bench, journal = opened(desk_rig(tmp_path), tmp_path / "run")
    with journal, bench:
        yield bench


@pytest.fixture(scope="module")
def premises(tmp_path_factory):
    """Hub, electricity meter and PPMID on the HAN; the meter is commissioned."""
    rig = load_rig(RIGS / "emulated.toml", {})
    bench, journal = opened(rig, tmp_path_factory.mktemp("premises"))
    with journal, bench:
        steps = Steps(bench, CredentialSet.of_bench(bench), answer_s=2.0)
        steps.add(bench.devices["esme"])
        steps.commission(bench.devices["esme"])
        yield bench


class Desk:
    """The meter, and what tests ask it."""

    def __init__(self, bench):
        self.bench = bench
        self.esme = bench.devices["esme"]
        self.acb, self.supplier = bench.users["acb"], bench.users["supplier"]

    def given(self, name, **values):
        return self.bench.faults.given(name, "esme", **values)

    def read(self, **options):
        return self.acb.request("ECS52", self.esme, **options)

    def answers(self, timeout_s=5.0):
        try:
            return self.read(timeout_s=timeout_s).mac == "ok"
        except NoResponseError:
            return False

    def seconds(self):
        """How long a read takes."""
        before = self.bench.clock.monotonic()
        self.read(timeout_s=60.0)
        return self.bench.clock.monotonic() - before

    def set_mpan(self, mpan):
        return self.supplier.request("ECS39a", self.esme, mpan=mpan)

    def alert(self):
        """An alert that the meter sends now."""
        mark = self.bench.alerts.mark()
        self.esme.stimulus.apply("cover-open")
        alert = self.bench.alerts.expect(self.esme, since=mark)
        self.esme.stimulus.apply("cover-close")
        self.bench.wait(1)  # what is said about that
        return alert

    def version(self):
        return bytes(self.read().values["firmware_version"])

    def runs(self, version):
        """Have the meter run an image of this version; its octets."""
        image = FirmwareImages(self.bench).make(self.esme, version)
        self.bench.send_image(self.esme, image.octets)
        self.supplier.request("CS06", self.esme, image_hash=image.hash)
        return image.version

    def counter(self):
        """The counter of an alert that the meter sends now."""
        return self.alert().message.header.originator_counter

    def ahead(self):
        """How far the meter's clock is ahead of the bench's."""
        before = self.bench.clock.now()
        return self.alert().values["time"] - before


@pytest.fixture
def desk(bench):
    return Desk(bench)


# Wires -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["in", "out", "both"])
def test_drop(desk, direction):
    with desk.given("drop", direction=direction):
        assert not desk.answers()
    assert desk.answers()


def test_drop_of_some(desk):
    with desk.given("drop", direction="out", skip=1, count=2):
        assert [desk.answers() for _ in range(5)] == [True, False, False, True, True]


def test_chance_is_the_seeds(desk):
    courses = []
    for seed in ("one", "one", "two"):
        with desk.given("drop", direction="in", probability=0.5, seed=seed):
            courses.append([desk.answers() for _ in range(12)])
    assert courses[0] == courses[1] != courses[2]
    assert set(courses[0]) == {True, False}


def test_duplicate(desk):
    with desk.given("duplicate", direction="out"):
        desk.read()
        desk.bench.wait(1)
    assert desk.bench.counts["duplicate"] == 1


def test_duplicate_of_a_command_is_a_replay(desk):
    with desk.given("duplicate", direction="in"):
        assert desk.set_mpan("1234567890123").results == [0]
    assert "(replay)" in desk.esme.console.text()


def test_delay(desk):
    usual = desk.seconds()
    with desk.given("delay", direction="out", seconds=7):
        assert desk.seconds() == pytest.approx(usual + 7)


def test_reorder(desk):
    with desk.given("reorder", direction="in", count=1, seconds=30):
        first = desk.acb.send("ECS52", desk.esme)
        second = desk.acb.send("ECS52", desk.esme)
        later = desk.acb.expect_response(second)
        earlier = desk.acb.expect_response(first)
    assert later.record < earlier.record


def test_reorder_of_a_single_message_is_a_delay(desk):
    with desk.given("reorder", direction="in", count=1, seconds=4):
        assert desk.seconds() == pytest.approx(4 + 2 * LATENCY_S, abs=0.1)


def test_corrupt(desk):
    with desk.given("corrupt", direction="out"):
        assert not desk.answers()
    assert desk.answers()
    assert desk.bench.counts["line-fault"] == 1


def test_corrupt_on_the_way_in(desk):
    with desk.given("corrupt", direction="in"):
        assert not desk.answers()
    assert desk.answers()


def test_alter(desk):
    """The message arrives; what protects it tells."""
    with desk.given("alter", direction="out", count=3, seed="x"):
        assert not all(desk.answers(1.0) for _ in range(3))
    assert desk.answers()


def test_wires_of_the_han(premises):
    esme, acb = premises.devices["esme"], premises.users["acb"]
    with premises.faults.given("drop", "esme", "han"), pytest.raises(NoResponseError):
        acb.request("ECS52", esme, timeout_s=5)
    premises.wait(60)
    assert acb.request("ECS52", esme, timeout_s=60).mac == "ok"
    for name in ("duplicate", "delay", "reorder", "corrupt", "alter"):
        rate = 0.02 if name in {"corrupt", "alter"} else 0.2
        values = {"seconds": 0.002} if name in {"delay", "reorder"} else {}
        with premises.faults.given(name, "esme", "han", probability=rate, **values):
            assert acb.request("ECS52", esme, timeout_s=60).mac == "ok"


# Nodes -----------------------------------------------------------------------------------------------------


def test_slow_responses(desk):
    usual = desk.seconds()
    with desk.given("slow-responses", seconds=20):
        assert desk.seconds() == pytest.approx(usual + 20)
        mark, before = desk.bench.alerts.mark(), desk.bench.clock.monotonic()
        desk.esme.stimulus.apply("cover-open")
        desk.bench.alerts.expect(desk.esme, since=mark)
        assert desk.bench.clock.monotonic() - before < 1
    assert desk.seconds() == pytest.approx(usual)


def test_full_buffers(desk):
    with desk.given("full-buffers", messages=1, seconds=10):
        assert [desk.answers(1.0) for _ in range(2)] == [True, False]
        desk.bench.wait(10)
        assert desk.answers(1.0)
    assert [desk.answers(1.0) for _ in range(2)] == [True, True]


def test_refuse(desk):
    with desk.given("refuse", element="1/00005E2C220B/2", result=3):
        assert desk.set_mpan("1111111111111").results == [3]
    assert desk.set_mpan("1111111111111").results == [0]


@pytest.mark.parametrize("at", ["now", "write", "kept", "counter"])
def test_cut_power(desk, at):
    assert desk.set_mpan("1111111111111").results == [0]
    mark = desk.esme.console.mark()
    with desk.given("cut-power", at=at, seconds=5):
        try:
            desk.supplier.request("ECS39a", desk.esme, mpan="2222222222222", timeout_s=2)
            answered = True
        except NoResponseError:
            answered = False
        if at == "counter":
            assert answered  # a response takes none
            desk.esme.stimulus.apply("cover-open")
            desk.bench.wait(0.1)
        assert desk.esme.power.is_on() is False
        desk.bench.wait(5)
        assert desk.esme.power.is_on() is True
    assert answered == (at == "counter")
    assert "emulated ESME" in desk.esme.console.text(mark)
    assert desk.answers()
    replayed = desk.supplier.send("ECS39a", desk.esme, counter=2, mpan="2222222222222")
    if at in {"kept", "counter"}:  # executed: its counter is used up
        desk.supplier.expect_silence(replayed, 2)
    else:
        assert desk.supplier.expect_response(replayed).results == [0]


def test_cut_power_until_lifted(desk):
    with desk.given("cut-power", seconds=0):
        desk.bench.wait(3600)
        assert desk.esme.power.is_on() is False
    desk.bench.wait(1)
    assert desk.answers()


def test_clock_jump(desk):
    assert abs(desk.ahead()) < timedelta(seconds=2)
    with desk.given("clock-jump", seconds=-3600, status="unreliable"):
        assert abs(desk.ahead() + timedelta(hours=1)) < timedelta(seconds=2)
    assert abs(desk.ahead()) < timedelta(seconds=2)


def test_counter_rollback_of_its_own(desk):
    highest = max(desk.counter() for _ in range(3))
    with desk.given("counter-rollback", by=20):
        assert desk.counter() <= highest
    assert desk.counter() > highest


def test_counter_rollback_of_parties(desk):
    desk.set_mpan("1111111111111")
    last = desk.supplier.send("ECS39a", desk.esme, mpan="2222222222222")
    desk.supplier.expect_response(last)
    with desk.given("counter-rollback", by=1, counter="parties"):
        again = desk.supplier.send("ECS39a", desk.esme, counter=last.counter, mpan="2222222222222")
        assert desk.supplier.expect_response(again).results == [0]
    again = desk.supplier.send("ECS39a", desk.esme, counter=last.counter, mpan="2222222222222")
    desk.supplier.expect_silence(again, 2)


def test_certificate_expiry(desk):
    with desk.given("certificate-expiry", role="supplier"):
        sent = desk.supplier.send("ECS39a", desk.esme, mpan="1111111111111")
        desk.supplier.expect_silence(sent, 2)
        assert desk.answers()  # the broker's are another's
    assert desk.set_mpan("1111111111111").results == [0]


QUIRKS = {
    "silent": lambda desk: not desk.answers(),
    "responses-twice": lambda desk: (
        desk.answers() and not desk.bench.wait(1) and desk.bench.counts["duplicate"]
    ),
    "wrong-protection": lambda desk: desk.read().mac == "bad",
    "other-counter": lambda desk: not desk.answers(),
    "octet-too-many": lambda desk: not desk.answers(),
    "octet-missing": lambda desk: not desk.answers(),
    "payload-cut": lambda desk: desk.read().mac == "bad",
}


@pytest.mark.parametrize("behaviour", QUIRKS)
def test_quirk(desk, behaviour):
    with desk.given("quirk", behaviour=behaviour):
        assert QUIRKS[behaviour](desk)
    assert desk.answers()


def test_quirk_without_alerts(desk):
    mark = desk.bench.alerts.mark()
    with desk.given("quirk", behaviour="no-alerts"):
        desk.esme.stimulus.apply("cover-open")
        desk.bench.alerts.none(desk.esme, since=mark, within_s=2)
        assert desk.answers()


def test_damaged_firmware(tmp_path):
    port = (
        "[nodes.esme.ports.console]",
        '[nodes.esme.ports.firmware]\ndriver = "memory"\n\n[nodes.esme.ports.console]',
    )
    bench, journal = opened(desk_rig(tmp_path, port), tmp_path / "run")
    with journal, bench:
        desk = Desk(bench)
        with pytest.raises(ConfigError, match="factory's firmware"):
            bench.faults.begin("damaged-firmware", "esme")
        versions = [desk.runs(version) for version in (0x02000101, 0x02000102)]
        with desk.given("damaged-firmware"):
            assert desk.version() == versions[1]
            mark = bench.alerts.mark()
            desk.esme.power.off()
            desk.esme.power.on()
            bench.alerts.expect(desk.esme, 0x8F1B, since=mark)
        assert desk.version() == versions[0]


@pytest.mark.parametrize("name", ["wrong-issuer", "wrong-private-key"])
def test_faults_of_the_han_side(premises, name):
    steps = Steps(premises, CredentialSet.of_bench(premises), answer_s=2.0, join_s=10.0)
    ppmid = premises.devices["ppmid"]
    with premises.faults.given(name, "ppmid"):
        ppmid.power.off()
        ppmid.power.on()
        mark = ppmid.console.mark()
        with pytest.raises(Exception, match="ppmid"):
            steps.add(ppmid)
        assert "joining failed" in ppmid.console.text(mark)
    steps.remove(ppmid)


def test_old_counters(premises):
    esme, acb = premises.devices["esme"], premises.users["acb"]
    with premises.faults.given("old-counters", "esme"):
        esme.power.off()
        esme.power.on()
        with pytest.raises(NoResponseError):
            acb.request("ECS52", esme, timeout_s=5)
    esme.power.off()
    esme.power.on()
    premises.wait(30)
    assert acb.request("ECS52", esme, timeout_s=30).mac == "ok"


# Orders ----------------------------------------------------------------------------------------------------


def test_every_fault_has_a_test_here():
    text = Path(__file__).read_text()
    # Those of sticks take real time: tests/system/test_stick_faults.py.
    elsewhere = {Target.COMMAND, Target.STICK}
    named = {name for name, kind in CATALOGUE.items() if kind.target not in elsewhere}
    assert {name for name in named if f'given("{name}"' not in text} == {"wrong-issuer", "wrong-private-key"}


def test_command_faults_are_those_of_the_exchange():
    named = {name for name, kind in CATALOGUE.items() if kind.target is Target.COMMAND}
    assert named == {name.replace("_", "-") for name in Faults.__slots__}


def test_faults_outlive_a_kill_of_the_devices(desk):
    with desk.given("slow-responses", seconds=9), desk.given("drop", direction="in", count=1):
        desk.bench.kill_emulated()
        assert not desk.answers()
        assert desk.seconds() > 9
    assert desk.seconds() < 1


def test_faults_stand_in_the_journal(tmp_path):
    bench, journal = opened(desk_rig(tmp_path), tmp_path / "run")
    with journal, bench, bench.faults.given("drop", "esme", count=1):
        pass
    with JournalReader(tmp_path / "run" / "journal.sqlite") as reader:
        found = [(r.kind, r.node, r.body["fault"]) for r in reader.records() if r.kind.startswith("fault.")]
    assert found == [(f"fault.{word}", "esme", "drop:esme,count=1") for word in ("begun", "ended")]


def test_faults_in_the_rig_file(tmp_path):
    change = ('device = "', 'faults = ["slow-responses,seconds=8", "drop:serial,count=1"]\ndevice = "')
    bench, journal = opened(desk_rig(tmp_path, change), tmp_path / "run")
    with journal, bench:
        desk = Desk(bench)
        assert not desk.answers()
        assert desk.seconds() > 8


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("slow-response", ["slow-responses", "nodes.esme.faults.0"]),
        ("drop,probability=2", ["probability = '2'", "from 0 to 1"]),
        ("drop,often=yes", ["takes no often", "direction"]),
        ("refuse,result=1", ["refuse needs element"]),
        ("unsigned", ["single command"]),
        ("drop,count", ["no key=value"]),
    ],
)
def test_what_is_wrong_with_an_order_is_told(tmp_path, text, told):
    with pytest.raises(ConfigError) as caught:
        desk_rig(tmp_path, ('device = "', f'faults = ["{text}"]\ndevice = "'))
    for part in told:
        assert part in str(caught.value)


def test_a_real_device_has_no_faults(tmp_path):
    rig = ("emulated = true", 'emulated = false\nfaults = ["drop"]')
    with pytest.raises(ConfigError, match="a real device cannot be given faults"):
        desk_rig(tmp_path, rig, ('time = "virtual"', 'time = "real"'))


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (("drop", "esme", "han"), "no han on this rig"),
        (("drop", "esme", "wan"), "no wan on this rig"),
        (("old-counters", "esme"), "no HAN side"),
        (("drop", "gsme"), "no device node gsme"),
        (("stick-silent", "esme"), "no emulated stick"),
        (("stick-silent",), "no node is emulated that can have stick-silent"),
    ],
)
def test_what_a_rig_cannot_have_is_refused(bench, order, told):
    with pytest.raises(ConfigError, match=told):
        bench.faults.begin(*order)


def test_a_real_device_makes_a_marked_test_skipped(tmp_path):
    rig = desk_rig(tmp_path, ("emulated = true", "emulated = false"), ('time = "virtual"', 'time = "real"'))
    faults = BenchFaults(rig, None, None, control=None, endpoints={})
    spec = SimpleNamespace(faults=["slow-responses:esme"])
    devices = {"esme": SimpleNamespace(name="esme", type="esme")}
    with pytest.raises(NotRunError, match="esme is real") as caught:
        refuse_if_fault_impossible(spec, SimpleNamespace(devices=devices, faults=faults))
    assert caught.value.kind is SkipKind.NOT_APPLICABLE

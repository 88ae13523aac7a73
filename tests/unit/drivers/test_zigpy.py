"""The zigpy driver without zigpy: what it says when that is missing, and the service over a stick of ours."""

from __future__ import annotations

import ast
import asyncio
import json
from pathlib import Path

import pytest

from drivers import zigpy_han, zigpy_recovery
from drivers.zigpy_fragments import Reassembly, blocks_of
from drivers.zigpy_service import ZigpyHan
from drivers.zigpy_stick import Heard
from protocols.eui64 import Eui64
from protocols.han import (
    DataConfirmed,
    DataReceived,
    DataStatus,
    DeviceAuthorised,
    DeviceJoined,
    DeviceLeft,
    DeviceState,
    FrameRefused,
    HanService,
    JoinFailure,
    JoinKind,
    JoinRefusal,
    JoinRefused,
    KeySource,
    LinkKeyRefused,
    Network,
    NetworkDown,
    NetworkUp,
    StateChanged,
)
from protocols.ports import BenchError, DriverContext

DEVICE = Eui64("90-B3-D5-1F-30-00-00-10")
STRANGER = Eui64("90-B3-D5-1F-30-00-00-66")
NETWORK = Network(15, 0x1234, Eui64("00-11-22-33-44-55-66-77"), 0)
SHORT = 0x6F26
KEY = bytes(range(16))


class Clock:
    def now(self):
        return None


class Stick:
    """Does nothing and keeps what was asked of it."""

    eui64 = Eui64("90-B3-D5-1F-30-00-00-01")

    def __init__(self):
        self.asked = []
        self.fails = set()
        self.outcome = DataStatus.DONE

    def __getattr__(self, name):
        async def asked(*values, **more):
            if name in self.fails:
                raise RuntimeError(f"no {name}")
            self.asked.append((name, *values))
            if name in ("form", "resume"):
                return NETWORK
            if name == "submit":
                done = asyncio.get_running_loop().create_future()
                done.set_result(self.outcome)
                return done
            return None

        return asked

    def names(self):
        return [entry[0] for entry in self.asked]


class Bench:
    def __init__(self, timeout_s):
        context = DriverContext(Clock(), "chf", "han", Path())
        self.han = ZigpyHan("here", context, timeout_s)
        self.stick = Stick()
        self.han.attach(self.stick)
        self.events = []
        self.han.listen(self)

    def han_event(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def join(self, kind=JoinKind.ASSOCIATION):
        self.han.stick_joined(DEVICE, SHORT, 0, kind)
        self.hear(cluster=0x0800)

    def hear(self, payload=b"x", cluster=0x0704, *, encrypted=False, short=SHORT):
        self.han.stick_heard(Heard(short, None, 0x0109, cluster, 1, 1, payload, encrypted, False, 255, -50))

    def send(self, to=DEVICE, cluster=0x0704, **more):
        return self.han.send(
            to,
            profile=0x0109,
            cluster=cluster,
            source_endpoint=1,
            destination_endpoint=1,
            payload=b"x",
            **more,
        )


def with_bench(run, timeout_s=1200.0):
    async def main():
        bench = Bench(timeout_s)
        bench.han.form((15,))
        await bench.settle()
        try:
            await run(bench)
        finally:
            await bench.han.close()
            await bench.han.close()

    asyncio.run(main())


@pytest.mark.parametrize("probed", [False, True], ids=["opened", "probed"])
@pytest.mark.parametrize(("radio", "named"), [("ezsp", "smets-hil[zigbee]"), ("znp", "zigpy-znp")])
def test_without_zigpy_it_says_what_to_install(monkeypatch, tmp_path, radio, named, probed):
    monkeypatch.setattr(zigpy_han, "find_spec", lambda _: None)
    context = DriverContext(Clock(), "chf", "han", tmp_path)
    config = zigpy_han.DRIVER.config(radio=radio, url="/dev/null")
    opening = zigpy_han.DRIVER.probe if probed else zigpy_han.DRIVER.open
    with pytest.raises(BenchError) as caught:
        asyncio.run(opening(config, context))
    assert "chf" in caught.value.cause
    assert named in caught.value.next_step
    assert "GPL-3.0" in caught.value.next_step


def test_no_other_module_imports_zigpy_or_bellows():
    root = Path(__file__).parents[3]
    importers = set()
    for room in ("protocols", "drivers", "hil", "rigs", "fixtures"):
        for path in (root / room).rglob("*.py"):
            if "suites" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if {name.split(".")[0] for name in names} & {"zigpy", "bellows"}:
                    importers.add(path.name)
    allowed = {"zigpy_app.py", "zigpy_clusters.py", "zigpy_plain.py", "zigpy_words.py"}
    assert importers <= allowed | {name for name in importers if name.startswith("zigpy_ezsp")}


def test_it_is_a_han_service_and_tells_of_its_network():
    async def run(bench):
        assert isinstance(bench.han, HanService)
        assert bench.events == [StateChanged(), NetworkUp(NETWORK)]
        assert bench.han.network == NETWORK
        for wrong in (lambda: bench.han.join(KEY, (15,)), bench.han.rejoin):
            with pytest.raises(ValueError, match="network"):
                wrong()
        bench.han.request_link_key(DEVICE)
        await bench.settle()
        assert LinkKeyRefused(DEVICE) in bench.events
        bench.han.leave()
        await bench.settle()
        assert bench.events[-1] == NetworkDown(JoinFailure.LEFT)
        bench.send(SHORT)
        await bench.settle()
        assert bench.of(DataConfirmed)[-1].status is DataStatus.NO_NETWORK

    with_bench(run)


def test_a_stick_that_cannot_form_is_told():
    async def run(bench):
        bench.stick.fails.add("form")
        bench.han.form((15,))
        await bench.settle()
        assert bench.events[-1].reason is JoinFailure.FORMATION_FAILED
        assert "no form" in bench.han.faults[0].problem

    with_bench(run)


def test_a_device_joins_establishes_its_key_and_is_removed():
    async def run(bench):
        bench.han.allow_device(DEVICE, KEY, 60)
        await bench.settle()
        assert bench.stick.asked[-2] == ("allow", DEVICE, KEY)
        assert bench.stick.asked[-1] in (("open_joining", 60), ("open_joining", 61))
        await bench.join()
        assert bench.of(DeviceJoined) == [DeviceJoined(DEVICE, SHORT, 0, JoinKind.ASSOCIATION)]
        assert bench.han.device_state(DEVICE) is DeviceState.JOINED
        bench.send()
        await bench.settle()
        assert bench.of(DataConfirmed)[-1].status is DataStatus.NO_KEY
        bench.hear(encrypted=True)
        assert bench.of(FrameRefused)[-1].reason == "not-authorised"
        bench.han.install_link_key(DEVICE, KEY)
        token = bench.send()
        await bench.settle()
        # The key is in place before what needs it is sent.
        assert bench.stick.names()[-2:] == ["import_key", "submit"]
        assert DataConfirmed(token, DataStatus.DONE) in bench.events
        assert DeviceAuthorised(DEVICE) in bench.events
        bench.hear(encrypted=True)
        assert bench.of(DataReceived)[-1].source == DEVICE
        bench.hear()
        assert bench.of(FrameRefused)[-1].reason == "needs-link-key"
        bench.han.remove_device(DEVICE)
        await bench.settle()
        assert ("remove", DEVICE, SHORT, 0) in bench.stick.asked
        assert DeviceLeft(DEVICE) in bench.events
        assert bench.han.device_state(DEVICE) is None

    with_bench(run)


def test_who_is_on_no_list_is_sent_away():
    async def run(bench):
        bench.han.stick_joined(STRANGER, 0x1111, 0, JoinKind.ASSOCIATION)
        await bench.settle()
        assert bench.of(JoinRefused) == [JoinRefused(STRANGER, JoinRefusal.UNKNOWN_EUI64)]
        assert ("remove", STRANGER, 0x1111, 0) in bench.stick.asked
        bench.han.allow_device(DEVICE, KEY, 60)
        bench.han.stick_joined(DEVICE, SHORT, 0, JoinKind.TRUST_CENTRE_REJOIN)
        assert bench.of(JoinRefused)[-1].reason is JoinRefusal.NO_LINK_KEY
        bench.han.stick_denied(DEVICE, JoinKind.ASSOCIATION)
        assert bench.of(JoinRefused)[-1].reason is JoinRefusal.JOINING_CLOSED

    with_bench(run)


def test_windows_and_key_establishment_have_their_time():
    async def run(bench):
        bench.han.allow_device(DEVICE, KEY, 0.05)
        await asyncio.sleep(0.1)
        assert bench.of(JoinRefused) == [JoinRefused(DEVICE, JoinRefusal.WINDOW_EXPIRED)]
        assert bench.stick.asked[-1] == ("open_joining", 0)
        bench.han.stick_joined(DEVICE, SHORT, 0, JoinKind.ASSOCIATION)
        assert bench.of(JoinRefused)[-1].reason is JoinRefusal.WINDOW_EXPIRED
        bench.han.allow_device(DEVICE, KEY, 60)
        await bench.join()
        await asyncio.sleep(0.1)
        assert bench.of(JoinRefused)[-1].reason is JoinRefusal.KEY_ESTABLISHMENT_TIMEOUT
        assert bench.han.device_state(DEVICE) is DeviceState.LISTED
        await bench.join()
        bench.han.key_establishment_failed(DEVICE)
        assert bench.of(JoinRefused)[-1].reason is JoinRefusal.KEY_ESTABLISHMENT_FAILED

    with_bench(run, timeout_s=0.05)


def test_a_device_that_joins_again_has_to_establish_a_key_again():
    async def run(bench):
        bench.han.allow_device(DEVICE, KEY, 60)
        await bench.join()
        bench.han.install_link_key(DEVICE, KEY)
        await bench.settle()
        await bench.join(JoinKind.SECURED_REJOIN)
        assert bench.han.device_state(DEVICE) is DeviceState.AUTHORISED
        await bench.join()
        await bench.settle()
        assert bench.stick.asked[-1] == ("forget_key", DEVICE)
        assert bench.han.device_state(DEVICE) is DeviceState.JOINED
        bench.han.stick_left(DEVICE)
        assert bench.events[-1] == DeviceLeft(DEVICE)

    with_bench(run)


def test_what_the_stick_refuses_is_a_fault_and_work_goes_on():
    async def run(bench):
        bench.stick.fails.add("submit")
        token = bench.send(SHORT, cluster=0x0800)
        await bench.settle()
        assert DataConfirmed(token, DataStatus.NOT_DELIVERED) in bench.events
        assert len(bench.han.faults) == 1
        bench.stick.fails.clear()
        bench.stick.outcome = DataStatus.NO_ACK
        token = bench.send(SHORT, cluster=0x0800)
        await bench.settle()
        assert DataConfirmed(token, DataStatus.NO_ACK) in bench.events
        bench.send(DEVICE, cluster=0x0800)
        await bench.settle()
        assert bench.of(DataConfirmed)[-1].status is DataStatus.UNKNOWN_ADDRESS
        bench.han.stick_lost("unplugged")
        assert isinstance(bench.events[-1], NetworkDown)
        assert "unplugged" in bench.han.faults[-1].problem

    with_bench(run)


def test_a_lost_stick_is_taken_up_again(monkeypatch):
    monkeypatch.setattr(zigpy_recovery, "PAUSES_S", (0.0, 0.0, 0.0))

    async def run(bench):
        bench.han.form((15,))
        await bench.settle()
        bench.han.allow_device(DEVICE, KEY, 60)
        await bench.settle()
        bench.stick.asked.clear()
        bench.stick.fails.add("resume")
        bench.han.stick_lost("a crash")
        bench.han.stick_lost("the same crash")
        assert bench.han.network is None
        await asyncio.sleep(0)
        token = bench.send(SHORT, cluster=0x0800)  # waits for it
        bench.stick.fails.clear()
        await bench.settle()
        assert bench.stick.names() == ["resume", "submit", "allow", "open_joining"]
        assert bench.of(NetworkUp)[-1] == NetworkUp(NETWORK, rejoined=True)
        assert len(bench.of(NetworkDown)) == 1
        assert DataConfirmed(token, DataStatus.DONE) in bench.events
        assert bench.han.network == NETWORK

    with_bench(run)


def test_a_stick_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(zigpy_recovery, "PAUSES_S", (0.0, 0.0))

    async def run(bench):
        bench.han.form((15,))
        await bench.settle()
        bench.stick.fails.add("resume")
        bench.han.stick_lost("unplugged")
        await bench.settle()
        assert bench.han.network is None
        assert [fault.problem[:14] for fault in bench.han.faults] == [
            "the stick was ",
            *["resume after a"] * 2,
        ]
        bench.stick.fails.clear()
        bench.han.resume()
        await bench.settle()
        bench.han.stick_lost("once more")  # it is not too proud to begin again
        await bench.settle()
        assert bench.han.network == NETWORK

    with_bench(run)


def test_blocks_are_put_together_in_any_order_and_acknowledged():
    now = [0.0]
    reassembly = Reassembly(lambda: now[0])
    message = bytes(range(150))
    blocks = blocks_of(message, 64)
    assert [len(block) for block in blocks] == [64, 64, 22]
    aps = {"sequence": 7, "source_endpoint": 1, "destination_endpoint": 1, "cluster": 0x0704}
    for _ in range(3):  # the counter comes round
        whole = None
        for number, block in enumerate(blocks):
            group = len(blocks) << 8 if number == 0 else number
            for _repeat in range(2):
                answer, done = reassembly.take(SHORT, aps | {"group": group}, block)
                assert answer == 0xFF00 | number
                whole = done or whole
        assert whole == message
        now[0] += 60
    assert blocks_of(bytes(256 * 10), 10) is None
    assert blocks_of(b"x", 0) is None


def test_the_whitelist_outlives_a_power_cut():
    async def run(bench):
        bench.stick.network_keys = {3: KEY}
        bench.stick.eui64 = DEVICE
        bench.han.allow_device(DEVICE, KEY, 60)
        await bench.join()
        bench.han.install_link_key(DEVICE, KEY[::-1])
        await bench.settle()
        kept = bench.han.state()
        assert kept["active_key"] == 3
        assert [entry["source"] for entry in kept["link_keys"]] == ["install-code", "established"]
        bench.han.suspend()
        await bench.settle()
        assert bench.stick.names()[-1] == "suspend"
        assert (bench.han.network, bench.han.device_state(DEVICE)) == (None, None)
        bench.han.listen(bench)
        bench.han.restore(json.loads(json.dumps(kept)))
        bench.han.resume()
        await bench.settle()
        assert bench.han.device_state(DEVICE) is DeviceState.AUTHORISED
        assert bench.events[-1] == NetworkUp(NETWORK, rejoined=True)
        with pytest.raises(ValueError, match="this state is of"):
            bench.han.restore(kept | {"eui64": "00"})

    with_bench(run)


def test_a_historic_key_is_in_the_stick_before_the_device_comes_back():
    async def run(bench):
        bench.han.allow_device(DEVICE, KEY, 60, KeySource.ESTABLISHED)
        await bench.settle()
        assert ("import_key", DEVICE, KEY) in bench.stick.asked
        await bench.join(JoinKind.TRUST_CENTRE_REJOIN)
        assert bench.han.device_state(DEVICE) is DeviceState.AUTHORISED

    with_bench(run)


def test_a_second_association_tells_that_the_first_was_of_no_use():
    async def run(bench):
        bench.han.allow_device(DEVICE, KEY, 60)
        for _ in range(2):
            bench.han.stick_joined(DEVICE, SHORT, 0, JoinKind.ASSOCIATION)
        assert bench.of(JoinRefused) == [JoinRefused(DEVICE, JoinRefusal.NOT_ANNOUNCED)]

    with_bench(run)

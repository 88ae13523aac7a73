"""HANs on radios that somebody opened: a stick for the hub, one for a device, or a service with its own stack."""

from __future__ import annotations

import asyncio
import random
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import fixtures.premises_by_hand as by_hand
from drivers.spinel_radio import SpinelConfig, open_spinel_radio
from fixtures.emulated_premises import EUI64S, Users, describe, install_code, premises_config
from fixtures.premises_by_hand import ACB, PremisesByHand
from hil.clock import RealClock
from hil.emulated import emulator_config
from hil.han_radios import open_radios
from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.han import HanRole
from protocols.ports import BenchError, ConfigError, DriverContext
from protocols.radio import FrameRadio
from protocols.smki import Hierarchy
from protocols.zigbee.stack.node import Node
from rigs.emulated.air import EmulatedRadio, Medium
from rigs.emulated.config import EmulatorConfig, NodeConfig, WireConfig, WireKind
from rigs.emulated.han.air import Air, make_air
from rigs.emulated.han.pump import Pump
from rigs.emulated.han.settings import HanSettings
from rigs.emulated.han.stick import StickService, StickStation
from rigs.emulated.ncp import EmulatedNcp, KeptTokens
from rigs.emulated.ncp.kept import tokens_document, tokens_from
from rigs.emulated.ncp.state import KeyEntry, Tokens
from rigs.emulated.premises import Premises
from rigs.emulated.rcp import EmulatedRcp
from rigs.emulated.rcp_wires import RcpPty
from rigs.emulated.storage import Storage
from tests.loops import in_loop

ROOT = Path(__file__).parents[3]
ECS52 = 0x0059
STICKS = {"chf": Eui64("00-12-4B-00-25-1A-6B-10"), "esme": Eui64("00-12-4B-00-25-1A-6B-11")}


# The bench on both sides of a desk, a stick each ------------------------------------------------------------


class Side:
    """Premises in real time, whose one radio is a stick on somebody else's air."""

    def __init__(self, config: EmulatorConfig, air: Air) -> None:
        self.out: list[bytes] = []
        self.premises = Premises(
            config,
            RealClock(),
            on_message=lambda _, octets: self.out.append(octets),
            on_console=lambda *_: None,
            air=air,
            on_work=lambda: None,
        )


async def stick(stack: AsyncExitStack, medium: Medium, folder: Path, name: str) -> FrameRadio:
    line = RcpPty(folder / f"{name}.stick", EmulatedRcp(EmulatedRadio(medium, name, STICKS[name])))
    path = await line.start()
    stack.push_async_callback(line.close)
    context = DriverContext(RealClock(), name, "han", folder)
    radio = await open_spinel_radio(SpinelConfig(url=path), context)
    stack.push_async_callback(radio.close)
    return radio


async def until(condition, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.02)


class Seen:
    """Who records a HAN, without keeping it."""

    def __init__(self) -> None:
        self.frames: list[object] = []

    def frame(self, frame: object) -> None:
        self.frames.append(frame)

    def message(self, octets: bytes, *, node: str, outbound: bool) -> None:
        pass

    def expect_hostile(self, octets: bytes, why: str) -> None:
        pass

    def key(self, key: bytes, label: str) -> None:
        pass


@in_loop
async def test_hub_and_meter_of_two_benches_meet_on_the_air(tmp_path):
    hierarchy, loop = Hierarchy("two benches"), asyncio.get_running_loop()
    users, medium, seen = Users(hierarchy), Medium(loop, seed=4), Seen()
    settings = HanSettings(channels=(11, 20), seed="two benches")
    hub_config = premises_config(tmp_path / "hub", hierarchy, ("chf", "gpf"))
    meter = NodeConfig(describe("esme", hierarchy), via="chf", radio=True)
    async with AsyncExitStack() as stack:
        airs = [make_air(loop, settings), make_air(loop, settings)]
        for name, air in zip(STICKS, airs, strict=True):
            radio = await stick(stack, medium, tmp_path, name)
            wanted = EUI64S["gpf" if name == "chf" else name]
            air.radios[name] = Renamed(radio, wanted)
        hub = Side(hub_config, airs[0])
        desk = Side(EmulatorConfig("meter", tmp_path / "meter", [meter], han=settings), airs[1])
        airs[0].access.record(seen)
        for side in (hub, desk):
            stack.callback(side.premises.close)
            side.premises.begin()
        values = {"install_code": install_code("esme"), "join_time_s": 60, "device_type": "esme"}
        await until(lambda: hub.premises.hub.han._application is not None)
        hub.premises.receive("chf", users.command(ACB, "CCS01", "chf", device_id=EUI64S["esme"], **values))
        desk.premises.on_han["esme"].look()
        await until(lambda: hub.premises.hub.han.is_present(EUI64S["esme"]))
        await until(lambda: hub.premises.hub.chf.log.entries[EUI64S["esme"]].joined)
        hub.premises.receive("chf", users.command("supplier", "ECS52", "esme"))

        def answered() -> bool:
            read = [users.read(octets) for octets in hub.out]
            assert all(each.authentic for each in read)
            return any(each.message.header.message_code == ECS52 for each in read)

        await until(answered)
    assert len(seen.frames) > 20  # of the hub's stick: nothing was sent on the premises' own medium


class Renamed:
    """As hil names a radio on the air."""

    def __init__(self, radio: FrameRadio, eui64: Eui64) -> None:
        self._radio, self.eui64 = radio, eui64

    def __getattr__(self, name: str) -> object:
        return getattr(self._radio, name)


# A service with a stack of its own --------------------------------------------------------------------------


class NodeAsStick:
    """Our own stack, as if it were a stick's: it keeps its network, and forgets its endpoints."""

    role = HanRole.COORDINATOR

    def __init__(self, air: Air, eui64: Eui64) -> None:
        self._air, self.eui64 = air, eui64
        self._radio = EmulatedRadio(air.medium, "stick", eui64)
        self._flash: dict | None = None
        self.restored = 0
        self.suspended = 0
        self._fresh()

    def _fresh(self) -> None:
        air = self._air
        self.node = Node(self.role, self._radio, air.scheduler.time, random.Random(1))
        self._pump = Pump(air.scheduler, self.node)
        self._known: dict = {}

    def __getattr__(self, name: str) -> object:
        return getattr(self.node, name)

    def add_endpoint(self, endpoint) -> None:
        if self._known.get(endpoint.number) == endpoint:
            return
        assert self.node.network is None, "a stick takes endpoints before there is a network only"
        self._known[endpoint.number] = endpoint
        self.node.add_endpoint(endpoint)

    def restore(self, state) -> None:
        assert state["eui64"] == self.eui64.hex()
        self.restored += 1

    def resume(self) -> None:
        self.node.restore(self._flash)
        self.node.resume()

    def suspend(self) -> None:
        self.suspended += 1
        self._flash = self.node.state()
        self._pump.stop()
        self.node.close()
        self._radio.stop()
        self._fresh()

    async def close(self) -> None:
        pass


@pytest.fixture
def on_a_stick(tmp_path, monkeypatch):
    sticks: list[NodeAsStick] = []

    def air_with_stick(scheduler, settings):
        air = make_air(scheduler, settings)
        sticks.append(NodeAsStick(air, EUI64S["gpf"]))
        air.services["chf"] = sticks[-1]
        return air

    monkeypatch.setattr(by_hand, "make_air", air_with_stick)
    with PremisesByHand(tmp_path, ("chf", "gpf", "esme", "gsme")) as premises:
        premises.sticks = sticks
        yield premises


def version(premises: PremisesByHand, name: str) -> list[bool]:
    use_case = "GCS38" if name == "gsme" else "ECS52"
    return [each.authentic for each in premises.request("supplier", use_case, name, wait_s=40)]


def test_a_hub_on_a_service_that_is_given(on_a_stick):
    (given,) = on_a_stick.sticks
    assert isinstance(given, StickService)
    assert isinstance(on_a_stick.premises.hub.han._station, StickStation)
    assert on_a_stick.premises.hub.han.radio is None
    for name in ("esme", "gsme"):
        on_a_stick.join(name)
        on_a_stick.after(30)
        assert version(on_a_stick, name) == [True]


def test_a_power_cut_of_a_hub_on_a_service(on_a_stick):
    (given,) = on_a_stick.sticks
    on_a_stick.join("esme")
    on_a_stick.power("chf", on=False)
    assert given.suspended == 1
    assert given.node.network is None
    on_a_stick.power("chf", on=True)
    assert given.restored == 1
    on_a_stick.after(60)
    assert version(on_a_stick, "esme") == [True]


# The flash of an emulated NCP -------------------------------------------------------------------------------

TOKENS = Tokens(
    network={"channel": 11},
    parameters={"extended_pan_id": EUI64S["gpf"], "channel": 11, "key": b"\x01\x02"},
    link_key=bytes(range(16)),
    security_bits=0x84,
    keys={3: KeyEntry(EUI64S["esme"], bytes(16))},
    written={1: b"\xff"},
    manufacturing={2: b""},
)


def test_tokens_outlive_the_process(tmp_path):
    assert tokens_from(tokens_document(TOKENS)) == TOKENS
    path = tmp_path / "flash.db"
    for turn in range(2):
        loop = by_hand.HeapScheduler()
        ncp = EmulatedNcp(EmulatedRadio(Medium(loop, seed=1), "ncp", EUI64S["gpf"]))
        storage = Storage(path)
        KeptTokens(ncp, storage)
        if turn:
            assert ncp.tokens == TOKENS
        else:
            assert ncp.tokens == Tokens()
            ncp.tokens = TOKENS
            ncp.on_tokens()
        storage.close()


# Rigs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), [("spinel", WireKind.RCP), ("ezsp", WireKind.NCP)])
def test_the_rigs_have_the_nodes_of_the_others(name, kind):
    rig = load_rig(ROOT / "rigs" / f"emulated-{name}.toml", {})
    config = emulator_config(rig)
    assert [wire for wire in config.wires if wire.port == "han"] == [WireConfig("chf", "han", kind)]
    text = re.sub(
        r"(?m)^(#.*|minimum_tests = .*|name = .*|description = .*|url = .*|baud = .*|)\n",
        "",
        rig.path.read_text(),
    )
    serial = (ROOT / "rigs" / "serial.toml").read_text()
    serial = re.sub(
        r"(?m)^(#.*|minimum_tests = .*|name = .*|description = .*|url = .*|baud = .*|)\n", "", serial
    )
    driver = rig.devices["chf"].ports["han"].driver
    assert text == serial.replace(
        "[nodes.chf.ports.console]",
        f'[nodes.chf.ports.han]\ndriver = "{driver}"\n[nodes.chf.ports.console]',
        1,
    )


DRIVER_FILE = """
from pydantic import BaseModel
from protocols.eui64 import Eui64
from protocols.ports import Driver

closed = []


class Config(BaseModel):
    pass


class Nothing:
    eui64 = Eui64("00-12-4B-00-25-1A-6B-10")

    async def close(self):
        closed.append(self)


class Coordinator(Nothing):
    role = network = None

    def _(self, *_, **__):
        raise AssertionError

    listen = add_endpoint = form = allow_device = permit_joining = remove_device = device_state = join = _
    rejoin = leave = send = install_link_key = key_establishment_failed = request_link_key = _
    refresh_network_key = state = restore = resume = suspend = _


NOTHING = Driver(name="nothing", config=Config, open=lambda *_: Nothing(), capabilities=frozenset())
COORDINATOR = Driver(name="coordinator", config=Config, open=lambda *_: Coordinator(), capabilities=frozenset())
"""


@pytest.mark.parametrize(
    ("node", "driver", "problem"),
    [
        ("chf", "NOTHING", "carries no 802.15.4 frames"),
        ("chf", "COORDINATOR", "the stick's EUI-64 is 00-12-4B-00-25-1A-6B-10"),
        ("esme", "COORDINATOR", "esme is no hub"),
    ],
)
@in_loop
async def test_ports_that_do_not_fit(tmp_path, node, driver, problem):
    (tmp_path / "other.py").write_text(DRIVER_FILE)
    text = (ROOT / "rigs" / "serial.toml").read_text().replace("devices/", f"{ROOT}/rigs/devices/")
    text += f'\n[nodes.{node}.ports.han]\ndriver = "other.py:{driver}"\n'
    (tmp_path / "rig.toml").write_text(text)
    rig = load_rig(tmp_path / "rig.toml", {})
    with pytest.raises((BenchError, ConfigError), match=problem):
        await open_radios(rig, RealClock(), {})

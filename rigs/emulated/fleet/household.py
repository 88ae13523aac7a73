"""One household: hub, meters and a PPMID, with wires in memory where others have a HAN (`wires`).

Each device is made when it is first needed: from the factory, or from the octets that it was parked as.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.header import GENERAL_CIPHERING, parse_grouping_header, parse_mac_header
from rigs.emulated.chf import Chf
from rigs.emulated.fleet.model import KINDS
from rigs.emulated.fleet.wires import WiredBox, Wires
from rigs.emulated.gpf import Gpf
from rigs.emulated.kinds import KINDS as CLASSES
from rigs.emulated.memory_storage import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from protocols.eui64 import Eui64
    from protocols.gbcs.header import GroupingHeader
    from protocols.ports import Clock
    from rigs.emulated.device import Device
    from rigs.emulated.fleet.model import Model
    from rigs.emulated.fleet.parking import Presses


def header_of(octets: bytes) -> GroupingHeader | None:
    """A message's Grouping Header, the rest unseen; None where it cannot be read."""
    try:
        start = parse_mac_header(octets)[1] if octets[:1] == bytes((GENERAL_CIPHERING,)) else 0
        return parse_grouping_header(octets, start)[0]
    except DecodeError:
        return None


class Household:
    """The devices of one household; ``send`` takes every message that leaves its hub for the WAN.

    ``parked`` has the octets of devices that are not new (`park`).
    """

    def __init__(
        self,
        model: Model,
        number: int,
        clock: Clock,
        send: Callable[[bytes], None],
        *,
        presses: Presses,
        parked: Mapping[str, bytes] | None = None,
    ) -> None:
        self.number = number
        self._model = model
        self._clock = clock
        self._send = send
        self._presses = presses
        self._parked = dict(parked or {})
        self._awake: dict[str, Device] = {}
        self._eui64s = {kind: model.eui64(number, kind) for kind in KINDS}
        # What the hub's functions say while they start, before there is a way for it.
        self._waiting: list[bytes] = []
        self._box: WiredBox | None = None
        self._wires: Wires | None = None

    def eui64(self, kind: str) -> Eui64:
        """Identifier of the device of a kind."""
        return self._eui64s[kind]

    # Devices ----------------------------------------------------------------------------------------------

    @property
    def hub(self) -> WiredBox:
        """The hub, woken where it is not awake."""
        return self._box or self._wake_hub()

    def _wake_hub(self) -> WiredBox:
        chf, gpf = self._wake("chf"), self._wake("gpf")
        assert isinstance(chf, Chf)
        assert isinstance(gpf, Gpf)
        box = self._box = WiredBox(chf, gpf, self._clock, self._send, partial(self._make_wires, chf))
        waiting, self._waiting = self._waiting, []
        for octets in waiting:
            box.from_function(octets)
        return box

    def _make_wires(self, chf: Chf, arrive: Callable[[Eui64, bytes], None]) -> Wires:
        made = self._wires = Wires(chf, self.eui64("gpf"), arrive, self._find, self._link_key)
        return made

    def _find(self, device_id: Eui64) -> Device | None:
        found = self._model.locate(device_id)
        at_home = found is not None and found[0] == self.number and found[1] not in {"chf", "gpf"}
        return self.device(found[1]) if found is not None and at_home else None

    def _link_key(self, device_id: Eui64) -> bytes:
        return self._model.secret(f"link key/{device_id}")

    @property
    def chf(self) -> Chf:
        """The Communications Hub Function."""
        return self.hub.chf

    def device(self, kind: str) -> Device:
        """The device of a kind, woken or made where it is not awake yet."""
        if self._box is None:
            self._wake_hub()
        device = self._awake.get(kind)
        return self._wake(kind) if device is None else device

    def _wake(self, kind: str) -> Device:
        octets = self._parked.pop(kind, None)
        contents = None if octets is None else self._presses[kind].unpack(octets)
        description = self._model.describe(self.number, kind)
        device = self._awake[kind] = CLASSES[kind](
            description,
            MemoryStorage(contents, path=description.name),
            self._clock,
            partial(self._leave, kind),
            catalogue=self._model.catalogue,
            woken=contents is not None,
        )
        if kind == "gsme" and self._wires is not None:
            device.worked = self._wires.meter_worked
        return device

    def start(self) -> None:
        """Wake everybody, and let new devices start."""
        for kind in KINDS:
            self.device(kind)

    def awake(self) -> list[Device]:
        """The devices that are not octets at present."""
        return list(self._awake.values())

    @property
    def idle(self) -> bool:
        """Whether nothing would be forgotten by parking: faults put into a device are in no memory."""
        return not any(device.faults.results for device in self._awake.values())

    def park(self) -> dict[str, bytes]:
        """Everybody as octets; this household is not to be used any more. RuntimeError unless ``idle``."""
        if not self.idle:
            raise RuntimeError(f"household {self.number} has a device with faults in it")
        if self._box is not None:
            self._box.chf.keep_traffic()
        for kind, device in self._awake.items():
            self._parked[kind] = self._presses[kind].pack(device.storage.dump())
        self._awake.clear()
        self._box = self._wires = None
        return self._parked

    # Messages ---------------------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> None:
        """Take one message from the WAN; nothing is raised for what it holds."""
        hub, wires = self.hub, self._wires
        if wires is not None and wires.to_mirror and self._is_gas_read(octets):
            wires.mirror(self.device("gsme"), self.device("gpf"))
        hub.from_wan(octets)

    def _is_gas_read(self, octets: bytes) -> bool:
        """Whether a message is one that the GPF answers from what its meter has told it."""
        header = header_of(octets) if octets.find(self.eui64("gpf")) >= 0 else None
        if header is None or header.business_target_id != self.eui64("gpf"):
            return False
        use_case = self._model.catalogue.by_message_code(header.message_code, header.cra_flag)
        return use_case is not None and use_case.payload_kind == "gbz"

    def _leave(self, kind: str, octets: bytes) -> None:
        """A device has sent a message."""
        if self._box is None:
            self._waiting.append(octets)
        elif kind in {"chf", "gpf"}:
            self._box.from_function(octets)
        elif self._wires is not None:
            self._wires.arrive(self.eui64(kind), octets)

    # Time -------------------------------------------------------------------------------------------------

    def due_times(self) -> dict[str, datetime | None]:
        """When those who are awake have something to do, by kind; None for never."""
        return {kind: device.next_due() for kind, device in self._awake.items()}

    def next_due(self) -> datetime | None:
        """The first of these times."""
        return min((time for time in self.due_times().values() if time is not None), default=None)

    def run_due(self) -> None:
        """Let everybody who is awake do what has become due."""
        for device in list(self._awake.values()):
            device.run_due()

"""The steps between states, done over the wire, and the detection of a device's state.

Commands go as any user's commands do, so every step stands in the journal with its messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hil import payment_mode
from hil.credentials import ACB_CELL, CredentialSet, foreign_roles
from hil.exchange import NoResponseError
from hil.states import State
from hil.verdicts import StateNotReachedError
from protocols.dlms.date_time import decode_date_time
from protocols.errors import DecodeError
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

HUB_TYPES = frozenset({"chf", "gpf"})
# How far a device's clock may be from ours and still count as set; devices correct at 10 s (A10).
CLOCK_LIMIT_S = 60.0
# Around the present, for the commands that set a clock.
_VALIDITY = timedelta(minutes=5)
_SET_CLOCK = {"esme": "ECS70", "gsme": "GCS28"}
# Which other devices of the rig, as far as it has them, a commissioned one is paired with.
PARTNERS = {
    "gsme": ("gpf",),
    "ppmid": ("esme",),
    "hcalcs": ("esme",),
    "ihd": ("esme", "gpf"),
    "cad": ("esme", "gpf"),
}
# Of these pairs both devices keep an entry (method A, devices.md 3); of the others only one does.
_BOTH_SIDES = frozenset({"ppmid", "hcalcs"})
# Type 2 devices have no part in messages: what is known of them is what others say.
TYPE_2 = frozenset({"ihd", "cad"})
_SHOW_CLOCK = {"esme": "ECS17b", "gsme": "GCS13a"}  # their responses carry the device's time in the header
SET_MPXN = {"esme": ("ECS39a", "mpan"), "gsme": ("GCS41", "mprn")}


class Steps:
    """Detects states and makes single steps; one object a run."""

    def __init__(
        self, bench: Bench, credentials: CredentialSet, *, join_s: float = 20.0, answer_s: float = 5.0
    ) -> None:
        self._bench = bench
        self.credentials = credentials
        self._join_s = join_s  # as long as the hub lets a device join
        self.answer_s = answer_s

    # Parties --------------------------------------------------------------------------------------------

    def user(self, role: str) -> UserNode:
        """The rig's user of that role, the first one named after it when there are several."""
        users: Mapping[str, UserNode] = self._bench.users
        if role in users and users[role].role == role:
            return users[role]
        for user in users.values():
            if user.role == role:
                return user
        raise ConfigError(
            f"the rig has no user of role {role}, needed to bring devices to their states",
            next_step=f'add [nodes.<name>] with kind = "user" and role = "{role}" to the rig file',
        )

    @property
    def acb(self) -> UserNode:
        """The Access Control Broker."""
        return self.user("access_control_broker")

    @property
    def hub(self) -> DeviceNode | None:
        """The CHF of the rig, if it has one."""
        return self._of_type("chf")

    def _of_type(self, device_type: str) -> DeviceNode | None:
        devices: Mapping[str, DeviceNode] = self._bench.devices
        return next((device for device in devices.values() if device.type == device_type), None)

    # Detection ------------------------------------------------------------------------------------------

    def find(self, device: DeviceNode) -> State:
        """State of ``device``, read over the wire."""
        if device.type in HUB_TYPES:
            return State.COMMISSIONED if self.parties(device) is not None else State.SILENT
        if self.hub is not None and not self.in_device_log(device):
            return State.FACTORY
        if device.type in TYPE_2:
            return State.COMMISSIONED if self._paired(device) else State.JOINED
        parties = self.parties(device)
        if parties is None:
            return State.SILENT
        if foreign_roles(parties, self.credentials):
            return State.JOINED
        return self._commissioned(device)

    def _commissioned(self, device: DeviceNode) -> State:
        """How far a device is that has the rig's credentials."""
        if not (self._clock_is_set(device) and self._paired(device)):
            return State.JOINED
        prepays = payment_mode.is_prepayment(self.user, device, self.answer_s)
        return State.PREPAYMENT if prepays else State.COMMISSIONED

    def in_device_log(self, device: DeviceNode) -> bool:
        """Whether the hub's device log holds the device (CCS06)."""
        if self.hub is None:
            return True
        response = self.acb.request("CCS06", self.hub)
        entries = response.values.get("devices", [])
        return any(entry.get("device_id") == device.eui64 for entry in entries)

    def parties(self, device: DeviceNode, timeout_s: float = 0.0) -> list[dict[str, Any]] | None:
        """Trust anchor cells of the supplier and the network operator (CS02a); None: no answer."""
        try:
            response = self.acb.request(
                "CS02a",
                device,
                timeout_s=timeout_s or self.answer_s,
                authorising_cell=ACB_CELL,
                roles=["supplier", "network_operator"],
            )
        except NoResponseError:
            return None
        parties: list[dict[str, Any]] = response.values.get("parties", [])
        return parties

    def _clock_is_set(self, device: DeviceNode) -> bool:
        use_case = _SHOW_CLOCK.get(device.type)
        if use_case is None:
            return True
        try:
            response = self.user("supplier").request(use_case, device, timeout_s=self.answer_s)
        except NoResponseError:
            return False
        shown = _header_time(response)
        return shown is not None and abs((shown - self._bench.clock.now()).total_seconds()) <= CLOCK_LIMIT_S

    def _paired(self, device: DeviceNode) -> bool:
        return all(self._knows(device, other) for other in self._partners(device))

    def _knows(self, device: DeviceNode, other: DeviceNode) -> bool:
        """Whether the pair is whole: each side that keeps an entry of the other has it."""
        if device.type in TYPE_2:
            device, other = other, device
        if other.eui64 not in self._device_log(device):
            return False
        return device.type not in _BOTH_SIDES or device.eui64 in self._device_log(other)

    def _partners(self, device: DeviceNode) -> list[DeviceNode]:
        wanted = PARTNERS.get(device.type, ()) if self.hub is not None else ()
        partners = [self._of_type(each) for each in wanted]
        return [each for each in partners if each is not None]

    def _device_log(self, device: DeviceNode) -> set[bytes]:
        try:
            response = self.acb.request("CS07", device, timeout_s=self.answer_s)
        except NoResponseError:
            return set()
        return {bytes(entry["device_id"]) for entry in response.values.get("devices", [])}

    # Steps ----------------------------------------------------------------------------------------------

    def add(self, device: DeviceNode) -> None:
        """CCS01, then wait until the device answers through the hub."""
        hub = self._hub_or_refuse(device)
        response = self.acb.request(
            "CCS01",
            hub,
            device_id=device.eui64,
            install_code=device.device_file.install_code,
            device_type=device.type,
            join_time_s=int(self._join_s),
        )
        _refuse_bad_results(response, "CCS01", device)
        if device.type in TYPE_2:
            self._bench.wait(self._join_s)
            return
        deadline = self._bench.clock.monotonic() + self._join_s
        while self.parties(device, timeout_s=2.0) is None:
            if self._bench.clock.monotonic() > deadline:
                raise StateNotReachedError(
                    f"{device.name} did not join within {self._join_s:g} s after CCS01"
                )

    def remove(self, device: DeviceNode) -> None:
        """CCS02."""
        response = self.acb.request("CCS02", self._hub_or_refuse(device), device_id=device.eui64)
        _refuse_bad_results(response, "CCS02", device)

    def wake(self, device: DeviceNode) -> None:
        """Supply on, where that is why it is silent; otherwise, or if that does not help, join it again."""
        if "power" in device.capabilities and device.power.is_on() is False:
            device.power.on()
            if self.parties(device) is not None:
                return
        if self.hub is not None:
            self.remove(device)
            self.add(device)

    def commission(self, device: DeviceNode) -> None:
        """Clock, pairing, MPAN or MPRN. Credentials that are not the rig's are put back before (`Keeper`)."""
        self.set_clock(device)
        for partner in self._partners(device):
            if not self._knows(device, partner):
                self._pair(device, partner)
        self.set_mpxn(device)

    def set_clock(self, device: DeviceNode) -> None:
        """ECS70 or GCS28 with an interval around the present; StateNotReachedError unless then reliable."""
        use_case = _SET_CLOCK.get(device.type)
        if use_case is None:
            return
        now = self._bench.clock.now().replace(microsecond=0)
        response = self.user("supplier").request(
            use_case, device, validity_start=now - _VALIDITY, validity_end=now + _VALIDITY
        )
        status = response.values.get("status_name")
        if status != "reliable":
            raise StateNotReachedError(
                f"{use_case}: the clock of {device.name} is {status or 'unknown'}, not reliable"
            )

    def to_prepayment(self, device: DeviceNode) -> None:
        """ECS03 or GCS03, with credit and without debts."""
        payment_mode.set_prepayment(self.user("supplier"), device)

    def to_credit(self, device: DeviceNode) -> None:
        """ECS02 or GCS02."""
        payment_mode.set_credit(self.user("supplier"), device)

    def set_mpxn(self, device: DeviceNode) -> None:
        """ECS39a or GCS41 with the number that the device file declares, if it declares one."""
        if device.type not in SET_MPXN or not device.device_file.mpxn:
            return
        use_case, name = SET_MPXN[device.type]
        number = device.device_file.mpxn
        values: dict[str, Any] = {name: number}
        if name == "mpan" and len(number) == 26:  # twin element: two MPANs
            values = {"mpan": number[:13], "second_mpan": number[13:]}
        response = self.user("supplier").request(use_case, device, **values)
        _refuse_bad_results(response, use_case, device)

    def cancel_activation(self, device: DeviceNode) -> bool:
        """Cancel a firmware activation that may be pending (CS06); whether this device has such a thing.

        Without anything pending the device has nothing to cancel, and its answer does not matter.
        """
        if device.type not in _SET_CLOCK:
            return False
        self.user("supplier").request("CS06", device, image_hash=bytes(32), execution_time="cancel")
        return True

    def _pair(self, device: DeviceNode, partner: DeviceNode) -> None:
        if device.type == "gsme":
            self._join("CS03B", device, partner, self.acb)
            return
        if device.type in TYPE_2:
            self._join("CS03B", partner, device, self.user("supplier"))
            return
        # PPMID or HCALCS with ESME: the meter initiates, so it must have the other in its log first.
        self._join("CS03A1", partner, device, self.user("supplier"))
        self._join("CS03A2", device, partner, self.acb)

    def _join(self, use_case: str, device: DeviceNode, other: DeviceNode, user: UserNode) -> None:
        values: dict[str, Any] = {"other_device_id": other.eui64, "other_device_type": other.type}
        if user is self.acb:
            values["on_behalf_of"] = self.user("supplier")
        response = user.request(use_case, device, **values)
        outcome = response.values.get("outcome")
        if outcome not in {0, 3}:  # 3: incompatible with an existing entry, as when it is there already
            name = response.values.get("outcome_name", "no outcome")
            raise StateNotReachedError(
                f"{use_case}: {device.name} answered {outcome} ({name}) for {other.name}"
            )

    def _hub_or_refuse(self, device: DeviceNode) -> DeviceNode:
        if self.hub is None:
            raise StateNotReachedError(
                f"{device.name} is on a line of its own: no hub has a device log for it"
            )
        return self.hub


def _refuse_bad_results(response: Response, use_case: str, device: DeviceNode) -> None:
    bad = [result for result in response.results if int(result) != 0]
    if bad:
        raise StateNotReachedError(f"{use_case} for {device.name}: access results {bad}")


def _header_time(response: Response) -> datetime | None:
    """Device time in the Grouping Header; None where there is none or it is not a whole time."""
    octets = response.message.header.date_time if response.message is not None else b""
    if not octets:
        return None
    try:
        return decode_date_time(octets).to_datetime()
    except (DecodeError, ValueError):
        return None

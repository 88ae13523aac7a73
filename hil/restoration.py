"""Brings devices to the states that tests need, and puts back what tests changed, even after a kill.

What a test may change is written to ``restore.json`` in the rig's state folder before the test begins and is
taken out when it has been put back. A run that was killed leaves the note behind, and the next run clears it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.credentials import restore_credentials
from hil.exchange import NoResponseError
from hil.payment_mode import METERS
from hil.state_steps import HUB_TYPES, PARTNERS, SET_MPXN, TYPE_2, Steps
from hil.states import State, satisfies, shortest_way
from hil.verdicts import NotRunError, SkipKind, StateNotReachedError
from protocols.ports import BenchError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.checks import Recorder
    from hil.nodes import DeviceNode

# What has to be put back after a use case was sent, whether it succeeded or not.
RESTORES = {"ECS39a": "mpxn", "GCS41": "mpxn", "CS02b": "credentials", "CS06": "activation"}
ALL_KINDS = ("credentials", "mpxn", "activation")
# After these the state is detected anew; power, stimuli, images and failures do the same.
_JOINING = {"CCS01", "CCS02", "CS03A1", "CS03A2", "CS03B", "CS03C", "CS04AC", "CS04B"}
_PAYMENT_MODES = {"ECS02", "ECS03", "GCS02", "GCS03"}
MOVES = frozenset(_JOINING | _PAYMENT_MODES | {"CS02b", "ECS70", "GCS28"})
_TRIES = 3
# They are paired with a meter that has to be there first.
_WITH_METER = frozenset({"ppmid", "hcalcs"}) | TYPE_2


class Keeper:
    """Knows the states of the devices and what still has to be put back."""

    def __init__(self, bench: Bench, steps: Steps, journal: Recorder, note: Path) -> None:
        self._bench = bench
        self._steps = steps
        self._journal = journal
        self._note = note
        self._found: dict[str, State] = {}
        self._pending: dict[str, set[str]] = _read_note(note)
        self._carried: dict[str, set[str]] = {}  # what was already pending when the running test began
        if self._pending:
            self._write("restore.left", {"devices": self._pending_body()})

    # States ---------------------------------------------------------------------------------------------

    def reach(self, wanted: State, devices: Sequence[DeviceNode]) -> None:
        """Bring every device to ``wanted`` by the shortest way.

        NotRunError: no way is known. StateNotReachedError: a step did not lead where it should.
        """
        for device in sorted(devices, key=lambda d: _JOIN_ORDER.get(d.type, 9)):
            # Only meters have payment modes; whatever else a test of prepayment needs is commissioned.
            goal = wanted if wanted is not State.PREPAYMENT or device.type in METERS else State.COMMISSIONED
            if device.type in _WITH_METER and goal is State.COMMISSIONED:
                self._reach_partner("esme")  # it initiates the pairing, so it has to be there
            self._reach(goal, device)
            if wanted is not State.FACTORY:
                self._restore(device)

    def _reach_partner(self, device_type: str) -> None:
        for device in self._bench.devices.values():
            if device.type == device_type:
                self._reach(State.JOINED, device)
                return

    def _reach(self, wanted: State, device: DeviceNode) -> None:
        for _ in range(_TRIES):
            found = self.find(device)
            if wanted is State.FACTORY and device.type in HUB_TYPES:
                wanted = found if found is not State.SILENT else State.COMMISSIONED
            if satisfies(found, wanted):
                return
            if self._pending_credentials(device, found):
                continue
            way = shortest_way(found, wanted)
            if way is None or (self._steps.hub is None and wanted is State.FACTORY):
                raise NotRunError(
                    f"no way from {found} to {wanted} is known for {device.name}", SkipKind.NO_WAY
                )
            for step in way:
                if step is not way[0]:
                    # Where it was silent, or not there, its credentials show only now.
                    self._pending_credentials(device, step.source)
                self._write("state.step", {"device": device.name, "step": step.step, "to": str(step.target)})
                self.forget([device.name])
                if step.target in {State.FACTORY, State.JOINED}:  # what has left the HAN knows nobody
                    self.forget(self._paired_with(device.name))
                getattr(self._steps, step.step)(device)
        found = self.find(device)
        if not satisfies(found, wanted):
            raise StateNotReachedError(f"{device.name} is {found} after the steps that lead to {wanted}")

    def _pending_credentials(self, device: DeviceNode, found: State) -> bool:
        """Put credentials back that are not the rig's, whoever changed them; whether there were any."""
        if found is not State.JOINED or device.type in TYPE_2:
            return False
        done = restore_credentials(self._bench, self._steps, device)
        if done:
            self._write("restore.done", {"device": device.name, "what": "credentials", "roles": done})
            self._found.pop(device.name, None)
        return bool(done)

    def find(self, device: DeviceNode) -> State:
        """State of the device: detected now, or still known since nothing could have changed it."""
        if device.name not in self._found:
            state = self._steps.find(device)
            self._found[device.name] = state
            self._write("state.found", {"device": device.name, "state": str(state)})
        return self._found[device.name]

    def forget(self, names: Iterable[str] | None = None) -> None:
        """Assume nothing any more of these devices, by default of all; the hub's concern all."""
        devices = self._bench.devices
        for name in list(self._found) if names is None else names:
            if name in devices and devices[name].type in HUB_TYPES:
                self._found.clear()
                return
            self._found.pop(name, None)

    def _paired_with(self, name: str) -> list[str]:
        """Devices whose pair is broken when this one forgets them."""
        device = self._bench.devices.get(name)
        partners = self._bench.devices.items()
        return [each for each, other in partners if device and device.type in PARTNERS.get(other.type, ())]

    # Restoration ----------------------------------------------------------------------------------------

    def before_test(self, leaves: str, devices: Iterable[str]) -> None:
        """Note down, durably, that a test which changes things is about to start."""
        self._carried = {name: set(kinds) for name, kinds in self._pending.items()}
        if leaves != "nothing":
            for name in devices:
                self._pending.setdefault(name, set()).update(ALL_KINDS)
            self._save()

    def after_test(
        self, sent: Iterable[tuple[str, str]], disturbed: Collection[str] = (), *, failed: bool = False
    ) -> None:
        """Put back what the commands ``sent`` (use case, device) may have changed, and supplies left off.

        ``disturbed`` devices had their supply, cover or firmware worked on; after a ``failed`` test
        anything may be. StateNotReachedError: a device refused or did not answer; the note stays for the next
        test.
        """
        commands = set(sent)
        moved = {name for use_case, name in commands if use_case in MOVES}
        joined = {name for use_case, name in commands if use_case in _JOINING}
        paired = {other for name in joined for other in self._paired_with(name)}
        self.forget(None if failed else {*disturbed, *moved, *paired})
        for name in sorted(disturbed):
            self._supply_on(name)
        touched = {name: set(kinds) for name, kinds in self._carried.items()}
        for use_case, name in commands:
            if use_case in RESTORES:
                touched.setdefault(name, set()).add(RESTORES[use_case])
        self._pending = touched
        self._save()
        own = {name for use_case, name in commands if use_case in RESTORES}
        for name in sorted(touched):
            device = self._bench.devices.get(name)
            # What an earlier test left on a device that is away does not cost a search after each test.
            if device is None or (name not in own and name not in self._found):
                continue
            if self.find(device) not in {State.FACTORY, State.SILENT}:
                self._restore(device)

    def _supply_on(self, name: str) -> None:
        device = self._bench.devices.get(name)
        if device is not None and "power" in device.capabilities and device.power.is_on() is False:
            device.power.on()
            self._write("restore.done", {"device": name, "what": "supply"})

    def at_end(self) -> None:
        """Put back what could not be put back when it was touched, joining devices again for it."""
        for name in sorted(self._pending):
            device = self._bench.devices.get(name)
            if device is not None:
                self._reach(State.JOINED, device)
                self._restore(device)

    def _restore(self, device: DeviceNode) -> None:
        kinds = self._pending.get(device.name, set())
        if device.type in TYPE_2:
            kinds.clear()  # it has nothing of the kind
        for kind in [kind for kind in ALL_KINDS if kind in kinds]:
            try:
                self._restore_kind(kind, device)
            except NoResponseError as error:
                self.forget()
                raise StateNotReachedError(
                    f"{kind} of {device.name} could not be put back: {error}"
                ) from error
            kinds.discard(kind)
        if device.name in self._pending and not kinds:
            del self._pending[device.name]
            self._save()

    def _restore_kind(self, kind: str, device: DeviceNode) -> None:
        done: Any = True
        if kind == "credentials":
            done = restore_credentials(self._bench, self._steps, device)
        elif kind == "mpxn" and device.type in SET_MPXN and device.device_file.mpxn:
            self._steps.set_mpxn(device)
        elif kind == "activation":
            done = self._steps.cancel_activation(device)
        else:
            done = False
        if done:
            self._write("restore.done", {"device": device.name, "what": kind})

    # The note -------------------------------------------------------------------------------------------

    def _pending_body(self) -> dict[str, list[str]]:
        return {name: sorted(kinds) for name, kinds in sorted(self._pending.items()) if kinds}

    def _save(self) -> None:
        """Replace the note in one step; it is on disk when this returns."""
        temporary = self._note.with_suffix(f".{os.getpid()}")
        try:
            self._note.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(self._pending_body(), file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._note)
        except OSError as error:
            raise BenchError(
                f"{self._note} cannot be written: {error}", next_step="make the rig's state folder writable"
            ) from error

    def _write(self, kind: str, body: dict[str, Any]) -> None:
        self._journal.append(kind, test=self._bench.current_test, body=body)


_JOIN_ORDER = {"chf": 0, "gpf": 1, "esme": 2, "gsme": 3}


def _read_note(note: Path) -> dict[str, set[str]]:
    """What an earlier run did not put back; a note that cannot be read counts as none, the wire decides."""
    try:
        data = json.loads(note.read_text(encoding="utf-8"))
        return {str(name): {str(kind) for kind in kinds} for name, kinds in data.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}

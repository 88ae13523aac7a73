"""What somebody beside the devices does on the emulated air: record everything, and be an attacker.

The attacker is one more radio. It exists from its first use on, hears everything on the HAN's channel, and
puts frames on the air octet for octet. It is told what the stacks keep, keys included, so that it can forge
frames that pass one layer after the other.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from protocols.capture import (
    HOSTILE,
    CapturedFrame,
    CapturingRadio,
    HanRecorder,
    keys_of_state,
)
from protocols.eui64 import Eui64
from protocols.radio import FrameRadio, RadioSettings, ReceivedFrame, TransmitResult
from rigs.emulated.air.medium import AirFrame, Medium
from rigs.emulated.air.radio import EmulatedRadio

ATTACKER = "attacker"
ATTACKER_EUI64 = Eui64("02BAD00000000001")  # locally administered: no manufacturer's
OPERATIONS = ("air-state", "air-heard", "air-inject")
_HEARD_LIMIT = 1_000
_Answer = tuple[str, str]


class AirAccess:
    """Recorder and attacker of one medium; all methods belong on the medium's event loop."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._recorder: HanRecorder | None = None
        self._untap: Callable[[], None] = _nothing
        self._states: dict[str, dict[str, Any]] = {}
        self._keys: dict[bytes, str] = {}
        self._wrapped: list[CapturingRadio] = []
        self._attacker: _Attacker | None = None

    # Recording

    def record(self, recorder: HanRecorder | None) -> None:
        """Have everything told to this recorder from now on, the keys known first; None: to nobody."""
        self._untap()
        self._untap = _nothing
        self._recorder = recorder
        for radio in self._wrapped:
            radio.recorder = None if recorder is None else _Elsewhere(self._medium, recorder)
        if recorder is not None:
            self._untap = self._medium.tap(lambda frame: recorder.frame(_captured(frame)))
            for key, label in self._keys.items():
                recorder.key(key, label)

    def spoilt(self, octets: bytes, why: str) -> None:
        """A message that is malformed on purpose is about to leave."""
        if self._recorder is not None:
            self._recorder.expect_hostile(octets, why)

    def wrap(self, name: str, radio: FrameRadio) -> FrameRadio:
        """A radio whose frames the recorder is to hear, unless its far end is on this medium."""
        wrapped = CapturingRadio(radio, None, self._medium.now, name)
        self._wrapped.append(wrapped)
        if self._recorder is not None:
            wrapped.recorder = _Elsewhere(self._medium, self._recorder)
        return wrapped

    def stack_state(self, name: str, state: dict[str, Any]) -> None:
        """Take note of what a node's stack keeps (`protocols.zigbee.stack.node.Node.state`)."""
        self._states[name] = state
        for key, label in keys_of_state(state):
            self.key(key, f"{name}: {label}")

    def key(self, key: bytes, label: str) -> None:
        """Take note of a key that stands in no state."""
        if key not in self._keys:
            self._keys[key] = label
            if self._recorder is not None:
                self._recorder.key(key, label)

    # The attacker

    def request(self, op: str, argument: str) -> _Answer:
        """What the control channel asks for: outcome and answer.

        ``air-state``: JSON of network, nodes and keys. ``air-heard``: JSON list of the last frames heard,
        hexadecimal without FCS (``argument``: how many). ``air-inject``: ``{"psdu": hex, "comment": text}``.
        """
        if op == "air-state":
            return "done", json.dumps(self._state())
        if op == "air-heard":
            return "done", json.dumps(
                [octets.hex() for octets in self._on_air().last(int(argument or "100"))]
            )
        if op == "air-inject":
            order = json.loads(argument)
            comment = str(order["comment"])
            if not comment.startswith(HOSTILE):
                comment = f"{HOSTILE} {comment}"
            self._on_air().radio.inject(bytes.fromhex(order["psdu"]), comment=comment)
            return "done", ""
        return "refused", f"no operation {op}; there are: {', '.join(OPERATIONS)}"

    def _state(self) -> dict[str, Any]:
        self._on_air()
        nodes = {
            name: {
                key: state[key]
                for key in (
                    "eui64",
                    "role",
                    "channel",
                    "pan_id",
                    "short_address",
                    "extended_pan_id",
                    "parent",
                )
            }
            | {"network_keys": state["network_keys"], "link_keys": state["link_keys"]}
            | {"active_key": state["active_key"], "nwk_counter": state["nwk_counter"]}
            for name, state in self._states.items()
        }
        return {"attacker": ATTACKER_EUI64.hex(), "nodes": nodes}

    def _on_air(self) -> _Attacker:
        if self._attacker is None:
            self._attacker = _Attacker(self._medium)
        channels = [state["channel"] for state in self._states.values() if state["role"] == "coordinator"]
        if channels:
            self._attacker.tune(channels[0])
        return self._attacker


class _Elsewhere:
    """A recorder of frames on another air: where this medium carries any, its tap has them already."""

    def __init__(self, medium: Medium, recorder: HanRecorder) -> None:
        self._medium = medium
        self._recorder = recorder

    def frame(self, frame: CapturedFrame) -> None:
        if self._medium.sent == 0:
            self._recorder.frame(frame)

    def message(self, octets: bytes, *, node: str, outbound: bool) -> None:
        self._recorder.message(octets, node=node, outbound=outbound)

    def expect_hostile(self, octets: bytes, why: str) -> None:
        self._recorder.expect_hostile(octets, why)

    def key(self, key: bytes, label: str) -> None:
        self._recorder.key(key, label)


class _Attacker:
    """A radio that hears everything and acknowledges nothing."""

    def __init__(self, medium: Medium) -> None:
        self.radio = EmulatedRadio(medium, ATTACKER, ATTACKER_EUI64)
        self.radio.listen(self)
        self._heard: deque[bytes] = deque(maxlen=_HEARD_LIMIT)
        self._channel = 0

    def tune(self, channel: int) -> None:
        if channel != self._channel:
            self._channel = channel
            self.radio.configure(RadioSettings(channel, 0xFFFF, 0xFFFF, ATTACKER_EUI64, promiscuous=True))

    def last(self, count: int) -> list[bytes]:
        return list(self._heard)[-count:] if count > 0 else []

    def frame_received(self, frame: ReceivedFrame) -> None:
        self._heard.append(frame.octets)

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        pass

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        pass

    def radio_reset(self, cause: str) -> None:
        pass


def _captured(frame: AirFrame) -> CapturedFrame:
    level = frame.heard_by[0] if frame.heard_by else None
    return CapturedFrame(
        frame.start_ns / 1e9,
        frame.psdu,
        frame.channel,
        frame.sender,
        None if level is None else level.rssi_dbm,
        None if level is None else level.lqi,
        comment=frame.comment,
    )


def _nothing() -> None:
    """No tap to be ended."""

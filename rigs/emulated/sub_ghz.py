"""The sub GHz side of a dual band hub: DBCH01 to DBCH11, and what the air does to it (GBCS 10.6.2).

There is no sub GHz radio here. What would be heard on it comes by the knob ``sub-ghz``:

- ``duty:N`` or ``duty:N:EUI``: the hub has used N of its air time, mostly for this device;
- ``noise:N``: the channel is N dB noisier than the quietest one;
- ``lost:EUI``: a gas meter does not answer, and three searches for it have failed;
- ``join:EUI``: a device asks to join by sub GHz. ``capacity:N``: how many the hub takes.

Nobody's text on what follows was found but the register's rows; figures that they leave open are ours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, bit_string, long_unsigned, octet_string, structure, unsigned
from protocols.eui64 import Eui64
from rigs.emulated import knobs
from rigs.emulated.event_rules import EventCode as Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gbcs.header import GroupingHeader
    from rigs.emulated.chf import Chf
    from rigs.emulated.dlms_server import StoredData

_SECTION = "sub-ghz"
_DATA, _VALUE = 1, 2
_CHANNEL, _CONFIGURATION, _SCAN = "00005E2C0A02", "00005E2C0A00", "00005E2C0A01"
_PAGES = (28, 29, 30, 31)
_FIRST_PAGE = 5  # bits of a channel mask that name its page
# As manufactured: six channels of each page, then the settings in the order of DBCH03.
_MASK = 0x3F
_SETTINGS = (1000, 5000, 4, 12, 10, 20, 5000, 4, 60, 2000, 2000)
_SETTING_OCTETS = (2, 2, 1, 2, 1, 1, 2, 1, 2, 2, 2)
# Places in the configuration.
_LIMITED, _CRITICAL, _CHANGES, _NOISIER = 4, 5, 6, 9
# The law's own limit, which DBCH04 cannot set, in the thresholds' unit: here 1/100,000 of the time.
_REGULATED = 10_000
_RISING = (Code.DUTY_CYCLE_LIMITED, Code.DUTY_CYCLE_CRITICAL, Code.DUTY_CYCLE_REGULATED)
_FALLING = (Code.DUTY_CYCLE_NORMAL_AGAIN, Code.DUTY_CYCLE_LIMITED_AGAIN, Code.DUTY_CYCLE_CRITICAL_AGAIN)
_BY_NOISE, _BY_REQUEST = 1, 2
_NO_SCAN, _SCANNED = 0, 1
_CAPACITY = 4


class SubGhz:
    """Channel, configuration and duty cycle of a hub. Alerts go to the ACB with a MAC."""

    def __init__(self, chf: Chf) -> None:
        self._chf, self._storage = chf, chf.storage
        cosem = chf.cosem
        self.configuration: StoredData = cosem.stored(_DATA, _CONFIGURATION, _VALUE, _as_manufactured())
        cosem.attribute(_DATA, _CONFIGURATION, _VALUE, write=self._configure)
        cosem.attribute(_DATA, _CHANNEL, _VALUE, read=lambda: bit_string(self.channel))
        cosem.attribute(_DATA, _SCAN, _VALUE, write=self._scan_asked)
        chf.knobs["sub-ghz"] = self._turn

    # ------------------------------------------------------------------ state

    @property
    def channel(self) -> bytes:
        """The channel in use as a mask: five bits of page, 27 of channel."""
        return bytes.fromhex(self._kept("channel", _mask(_PAGES[0], 1).hex()))

    def is_suspended(self, device_id: Eui64) -> bool:
        """Whether nothing is sent to a device just now, to keep the duty cycle down."""
        return str(device_id) in self._kept("suspended", [])

    def _kept(self, key: str, default: Any) -> Any:
        return self._storage.get_json(_SECTION, key, default=default)

    def _keep(self, key: str, value: Any) -> None:
        self._storage.put_json(_SECTION, key, value)

    def _setting(self, place: int) -> int:
        return int(self.configuration.read().value[place].value)

    # ------------------------------------------------------------------ what the ACB asks

    def _configure(self, value: Data) -> AccessResult:
        """DBCH04; thresholds in the wrong order are not taken. DBCH09 tells what it is now."""
        tags = [each.tag for each in _as_manufactured().value]
        if not isinstance(value.value, list) or [each.tag for each in value.value] != tags:
            return AccessResult.TYPE_UNMATCHED
        limited, critical = (value.value[place].value for place in (_LIMITED, _CRITICAL))
        if limited > critical:
            return AccessResult.OTHER_REASON
        self.configuration.put(value)
        self._chf.events.record(Code.SUB_GHZ_CONFIGURATION_CHANGED, values={"further": [value]})
        return AccessResult.SUCCESS

    def _scan_asked(self, _value: Data) -> AccessResult:
        """DBCH05: look whether another channel is worth it, say so, and go there if it is."""
        is_noisy = self._kept("noise", 0) >= self._setting(_NOISIER)
        outcome = unsigned(_SCANNED if is_noisy else _NO_SCAN)
        self._chf.events.record(Code.SUB_GHZ_SCAN_ASSESSED, values={"further": [outcome]})
        if is_noisy:
            self._scan(_BY_REQUEST)
        return AccessResult.SUCCESS

    # ------------------------------------------------------------------ what the air does

    def _turn(self, text: str) -> knobs.Answer:
        what, _, argument = text.partition(":")
        actions: dict[str, Callable[[str], str]] = {
            "duty": self._duty,
            "noise": self._noise,
            "lost": self._lost,
            "join": self._join,
            "capacity": partial(self._put_number, "capacity"),
        }
        if what not in actions:
            raise ValueError(f"not one of {', '.join(actions)}")
        return knobs.done(actions[what](argument))

    def _put_number(self, key: str, argument: str) -> str:
        self._keep(key, int(argument))
        return argument

    def _duty(self, argument: str) -> str:
        """Every threshold on the way is an event; above the first the device is suspended."""
        number, _, device_id = argument.partition(":")
        used, before = int(number), self._kept("level", 0)
        limits = (self._setting(_LIMITED), self._setting(_CRITICAL), _REGULATED)
        level = sum(used >= limit for limit in limits)
        self._keep("level", level)
        if device_id:
            entity = Eui64(device_id)
            self._keep("suspended", [str(entity)] if level else [])
        elif not level:
            self._keep("suspended", [])
        for step in range(before, level):
            values = {"entity": Eui64(device_id) if device_id else self._chf.eui64}
            self._chf.events.record(_RISING[step], f"duty cycle {used}", values=values)
        for step in range(before - 1, level - 1, -1):
            self._chf.events.record(_FALLING[step], f"duty cycle {used}")
        return f"level {level}"

    def _noise(self, argument: str) -> str:
        """Noise above the threshold makes the hub look for another channel."""
        decibels = int(argument)
        self._keep("noise", decibels)
        if decibels < self._setting(_NOISIER):
            return "quiet enough"
        return self._scan(_BY_NOISE)

    def _scan(self, reason: int) -> str:
        """Scan all channels and change, unless that was done often enough within a week."""
        now = self._chf.device_clock.now()
        self._chf.events.record(Code.SUB_GHZ_SCAN_STARTED)
        week_ago = now - timedelta(days=7)
        week = [at for at in self._kept("changes", []) if datetime.fromisoformat(at) > week_ago]
        if len(week) >= self._setting(_CHANGES) or not self._channels_allowed():
            self._chf.events.record(Code.SUB_GHZ_CHANNEL_KEPT, f"{len(week)} changes within a week")
            return "channel kept"
        self._keep("changes", [*week, now.isoformat()])
        self._change(reason)
        return "channel changed"

    def _channels_allowed(self) -> list[bytes]:
        """Masks of one channel each, as the configuration has them."""
        pages = zip(_PAGES, self.configuration.read().value, strict=False)
        return [_mask(page, 1 << channel) for page, mask in pages for channel in _channels(mask)]

    def _change(self, reason: int) -> None:
        masks = self._channels_allowed()
        now_at = masks.index(self.channel) if self.channel in masks else -1
        new = masks[(now_at + 1) % len(masks)]
        self._keep("channel", new.hex())
        self._keep("noise", 0)
        why = octet_string(bytes((reason,)))
        further = [structure(bit_string(new), why)]
        # The log's other information is the mask and the reason as it is encoded, by the reference reply.
        other = new + bytes((0x09, 1, reason))
        self._chf.events.record(Code.SUB_GHZ_CHANNEL_CHANGED, other=other, values={"further": further})

    def _lost(self, argument: str) -> str:
        entity = Eui64(argument)
        self._chf.events.record(Code.LOST_GSME_SEARCHES_FAILED, f"{entity}", other=entity)
        return str(entity)

    def _join(self, argument: str) -> str:
        """A device wants in; without room it is refused (DBCH11)."""
        entity = Eui64(argument)
        members = [each for each in self._kept("members", []) if each != str(entity)]
        if len(members) >= self._kept("capacity", _CAPACITY):
            reason = f"{entity}: no sub GHz capacity"
            self._chf.events.record(Code.JOINING_FAILED, reason, other=entity)
            self._chf.events.record(Code.NO_SUB_GHZ_CAPACITY, reason, values={"entity": entity})
            return "refused"
        self._keep("members", [*members, str(entity)])
        return "taken"

    def discarded(self, header: GroupingHeader) -> None:
        """A message for a suspended device goes nowhere (DBCH10)."""
        values = {
            "originator_id": header.business_originator_id,
            "target_id": header.business_target_id,
            "cra_flag": int(header.cra_flag),
            "undelivered_originator_counter": header.originator_counter,
        }
        self._chf.events.record(
            Code.MESSAGE_DISCARDED, f"{header.business_target_id} is suspended", values=values
        )


def _mask(page: int, channels: int) -> bytes:
    return (page << 32 - _FIRST_PAGE | channels).to_bytes(4, "big")


def _channels(mask: Data) -> list[int]:
    number = int.from_bytes(mask.value.octets, "big")
    return [channel for channel in range(32 - _FIRST_PAGE) if number >> channel & 1]


def _as_manufactured() -> Data:
    makers = {1: unsigned, 2: long_unsigned}
    settings = zip(_SETTINGS, _SETTING_OCTETS, strict=True)
    masks = [bit_string(_mask(page, _MASK)) for page in _PAGES]
    return structure(*masks, *(makers[octets](value) for value, octets in settings))

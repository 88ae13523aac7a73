"""The CHF's device log and historic device log as values (devices.md 2; COSEM class 104 in GBCS)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from protocols.eui64 import Eui64
from rigs.emulated.link_keys import hashed_link_key

CAPACITY = 16
HISTORIC_CAPACITY = 15


@dataclass(slots=True)
class LogEntry:
    """One whitelisted device. ``link_key`` is empty until it has joined; ``install_code`` has 16 octets.

    ``restored_hash`` is that of the link key with the hub before, for an entry of CCS03, which has no install
    code and no type.
    """

    device_id: Eui64
    device_type: str
    install_code: bytes
    added_at: datetime
    join_time_s: int
    link_key: bytes = b""
    last_communication: datetime | None = None
    transmission_failures: int = 0
    transmission_successes: int = 0
    restored_hash: bytes = b""

    @property
    def joined(self) -> bool:
        """Whether a link key has been established since the entry was added."""
        return bool(self.link_key)

    @property
    def window_ends(self) -> datetime:
        """Last moment at which the device may join."""
        return self.added_at + timedelta(seconds=self.join_time_s)

    @property
    def historic_window_ends(self) -> datetime:
        """End of the half of the join period in which only a historic key counts (A21: floor)."""
        return self.added_at + timedelta(seconds=self.join_time_s // 2)

    @property
    def hashed_link_key(self) -> bytes:
        """16 octets, or none before the device has joined."""
        return hashed_link_key(self.link_key) if self.link_key else self.restored_hash


@dataclass(slots=True)
class HubDeviceLog:
    """Current and historic log. ``historic`` maps EUI-64 to link key, oldest first."""

    entries: dict[Eui64, LogEntry] = field(default_factory=dict)
    historic: dict[Eui64, bytes] = field(default_factory=dict)
    join_time_s: int = 0
    joining_enabled: bool = False

    @property
    def is_full(self) -> bool:
        """Whether no further device can be added."""
        return len(self.entries) >= CAPACITY

    def remove(self, device_id: Eui64) -> LogEntry | None:
        """Remove a device; its link key, if one was established, goes to the historic log first."""
        entry = self.entries.pop(device_id, None)
        if entry is not None and entry.link_key:
            self.historic.pop(device_id, None)
            self.historic[device_id] = entry.link_key
            while len(self.historic) > HISTORIC_CAPACITY:
                del self.historic[next(iter(self.historic))]
        return entry

    def backup(self) -> list[dict[str, Any]]:
        """The log as CS14 and CCS07 carry it: EUI-64 and hashed link key of every device."""
        return [
            {"device_id": entry.device_id, "hashed_link_key": entry.hashed_link_key}
            for entry in self.entries.values()
        ]

    def historic_backup(self) -> list[dict[str, Any]]:
        """The historic log in the same form."""
        return [
            {"device_id": device_id, "hashed_link_key": hashed_link_key(key)}
            for device_id, key in self.historic.items()
        ]

    def copy(self) -> HubDeviceLog:
        """Another log that holds the same; what is changed in it stays there."""
        return HubDeviceLog(
            {device_id: copy(entry) for device_id, entry in self.entries.items()},
            dict(self.historic),
            self.join_time_s,
            self.joining_enabled,
        )

    def to_json(self) -> dict[str, Any]:
        """For the CHF's storage."""
        return {
            "entries": [_entry_to_json(entry) for entry in self.entries.values()],
            "historic": [[str(device_id), key.hex()] for device_id, key in self.historic.items()],
            "join_time_s": self.join_time_s,
            "joining_enabled": self.joining_enabled,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> HubDeviceLog:
        """Inverse of ``to_json``; an empty document is an empty log."""
        entries = [_entry_from_json(item) for item in document.get("entries", [])]
        return cls(
            entries={entry.device_id: entry for entry in entries},
            historic={Eui64(text): bytes.fromhex(key) for text, key in document.get("historic", [])},
            join_time_s=document.get("join_time_s", 0),
            joining_enabled=document.get("joining_enabled", False),
        )


def _entry_to_json(entry: LogEntry) -> dict[str, Any]:
    heard = entry.last_communication
    return {
        "device_id": str(entry.device_id),
        "device_type": entry.device_type,
        "install_code": entry.install_code.hex(),
        "added_at": entry.added_at.isoformat(),
        "join_time_s": entry.join_time_s,
        "link_key": entry.link_key.hex(),
        "last_communication": heard.isoformat() if heard else None,
        "transmission_failures": entry.transmission_failures,
        "transmission_successes": entry.transmission_successes,
        "restored_hash": entry.restored_hash.hex(),
    }


def _entry_from_json(item: dict[str, Any]) -> LogEntry:
    heard = item["last_communication"]
    return LogEntry(
        device_id=Eui64(item["device_id"]),
        device_type=item["device_type"],
        install_code=bytes.fromhex(item["install_code"]),
        added_at=datetime.fromisoformat(item["added_at"]),
        join_time_s=item["join_time_s"],
        link_key=bytes.fromhex(item["link_key"]),
        last_communication=datetime.fromisoformat(heard) if heard else None,
        transmission_failures=item["transmission_failures"],
        transmission_successes=item["transmission_successes"],
        restored_hash=bytes.fromhex(item.get("restored_hash", "")),
    )

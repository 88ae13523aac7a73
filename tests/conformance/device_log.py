"""Commands to the device log of a Communications Hub, and what its backup alert says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.eui64 import Eui64

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.exchange import Alert, Faults, Response, Sent
    from hil.nodes import DeviceNode, UserNode

BACKUP = 0x0018  # message code of CS14
DEVICE_LOG_CHANGED = 0x8F12
NOBODY = Eui64("00-DB-12-34-56-78-9F-01")  # no rig has this device: added to a log, it never joins
NOBODYS_CODE = bytes.fromhex("0F1E2D3C4B5A69788796A5B4C3D2E1F0")
JOIN_TIME_S = 60
# A device that looks with its install code while only its historic key counts waits as long as the stack does for a
# key that it can read (apsSecurityTimeOutPeriod), and then tries what it remembers.
BACK_S = 60.0


def add(
    acb: UserNode,
    chf: DeviceNode,
    device: DeviceNode,
    *,
    install_code: bytes | None = None,
    join_time_s: int = JOIN_TIME_S,
) -> Response:
    """CCS01 for a device of the rig, with the install code of its device file unless another is given."""
    return acb.request(
        "CCS01",
        chf,
        device_id=device.eui64,
        install_code=install_code or device.device_file.install_code,
        device_type=device.type,
        join_time_s=join_time_s,
    )


def add_nobody(acb: UserNode, chf: DeviceNode) -> Response:
    """CCS01 for a device that does not exist."""
    return acb.request(
        "CCS01",
        chf,
        device_id=NOBODY,
        install_code=NOBODYS_CODE,
        device_type="ppmid",
        join_time_s=JOIN_TIME_S,
    )


def remove(acb: UserNode, chf: DeviceNode, device_id: Eui64) -> Response:
    """CCS02."""
    return acb.request("CCS02", chf, device_id=device_id)


def backup(bench: Bench, chf: DeviceNode, since: int, *, timeout_s: float = 10.0) -> Alert:
    """The first CS14 after a mark."""
    return bench.alerts.expect(chf, DEVICE_LOG_CHANGED, message_code=BACKUP, since=since, timeout_s=timeout_s)


def hashes(alert: Alert) -> dict[Eui64, bytes]:
    """Hashed link key of every device in a CS14; empty where there is no key yet."""
    return {Eui64(entry["device_id"]): bytes(entry["hashed_link_key"]) for entry in alert.values["devices"]}


def listed(acb: UserNode, chf: DeviceNode) -> set[Eui64]:
    """The devices that CCS06 names."""
    return {Eui64(entry["device_id"]) for entry in acb.request("CCS06", chf).values["devices"]}


def backup_with_key(
    bench: Bench, chf: DeviceNode, device_id: Eui64, since: int, *, timeout_s: float = BACK_S
) -> Alert:
    """The first CS14 after a mark in which the device has a hashed link key, that is: it has joined."""
    while True:
        alert = backup(bench, chf, since, timeout_s=timeout_s)
        if hashes(alert).get(device_id):
            return alert
        since = alert.number


def send_nobody(acb: UserNode, chf: DeviceNode, faults: Faults) -> Sent:
    """CCS01 for a device that does not exist, with faults, and no waiting for an answer."""
    return acb.send(
        "CCS01",
        chf,
        faults=faults,
        device_id=NOBODY,
        install_code=NOBODYS_CODE,
        device_type="ppmid",
        join_time_s=JOIN_TIME_S,
    )

"""Reads that every device answers, and the proof that a command has drawn no answer.

Messages to one device keep their order on the wire. So a refused command is followed by a read: once that is
answered, the device has seen the command, and silence means refusal rather than a slow line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.exchange import NoAlertError, NoResponseError

if TYPE_CHECKING:
    from collections.abc import Collection

    from hil.api import Verify
    from hil.bench import Bench
    from hil.exchange import Alert, Response, Sent
    from hil.nodes import DeviceNode, UserNode

BOOT_S = 90.0
SILENCE_S = 0.05  # after the read behind the command has been answered

# Per device type: a use case that changes nothing, asked for by the broker, whose credentials no test changes.
_READS = {
    "chf": "ECS52",
    "esme": "ECS52",
    "gpf": "GCS38",
    "gsme": "CS07",
    "ppmid": "CS07",
    "hcalcs": "CS07",
    "sapc": "ECS52",
}
# And how each tells its firmware version; a gas meter answers its supplier alone (GBCS-GPF-READ).
_VERSIONS = {
    "chf": ("ECS52", "access_control_broker"),
    "esme": ("ECS52", "access_control_broker"),
    "gsme": ("GCS38", "supplier"),
    "ppmid": ("CS08", "access_control_broker"),
}


def by_role(bench: Bench, role: str) -> UserNode:
    """The first user node of this role in the rig."""
    return next(user for user in bench.users.values() if user.role == role)


def read(bench: Bench, device: DeviceNode, *, timeout_s: float = 10.0) -> Response:
    """A read without any effect: firmware version, or join details."""
    broker = by_role(bench, "access_control_broker")
    return broker.request(_READS[device.type], device, timeout_s=timeout_s)


def restart(bench: Bench, device: DeviceNode) -> None:
    """Take a device's supply away and give it back, then wait until it answers: hardware needs time to boot."""
    device.power.off()
    device.power.on()
    until_it_answers(bench, device)


def until_it_answers(bench: Bench, device: DeviceNode) -> None:
    """Read until there is an answer; NoResponseError when a minute and a half has brought none."""
    deadline = bench.clock.monotonic() + BOOT_S
    while True:
        try:
            read(bench, device, timeout_s=2.0)
        except NoResponseError:
            if bench.clock.monotonic() > deadline:
                raise
        else:
            return


def firmware_version(bench: Bench, device: DeviceNode) -> bytes:
    """Four octets of running firmware."""
    use_case, role = _VERSIONS[device.type]
    return bytes(by_role(bench, role).request(use_case, device).values["firmware_version"])


def answer_or_none(bench: Bench, sent: Sent, *, seen_by: DeviceNode | None = None) -> Response | None:
    """The response to ``sent``, or None when there is none although a later read has been answered.

    ``seen_by`` is the device that the command reached, where that is not the one it was made for.
    """
    read(bench, seen_by or bench.devices[sent.device])
    return answer_so_far(bench, sent)


def answer_so_far(bench: Bench, sent: Sent) -> Response | None:
    """The response to ``sent`` where a later read has been answered already, or None."""
    try:
        return bench.users[sent.user].expect_response(sent, timeout_s=SILENCE_S)
    except NoResponseError:
        return None


def refused(check: Verify, bench: Bench, sent: Sent, *rows: str, seen_by: DeviceNode | None = None) -> None:
    """Check against each row that ``sent`` has drawn no response."""
    response = answer_or_none(bench, sent, seen_by=seen_by)
    for row in rows:
        check.that(
            row,
            response is None,
            expected="no response to this command",
            observed="no response" if response is None else f"a response: {response.values}",
            octets=sent.octets if response is None else response.octets,
        )


def raised(
    check: Verify, bench: Bench, device: DeviceNode, codes: Collection[int], *, since: int, row: str
) -> Alert:
    """The first alert of a device with one of these codes; ``row``, which demands it, judges its absence.

    Without the alert the test is over: failed if the row can fail a device, otherwise undecided.
    """
    seen = since
    try:
        while True:
            alert = bench.alerts.expect(device, since=seen)
            if alert.alert_code in codes:
                check.that(row, True, expected="such an alert", observed=f"{alert.alert_code:#06x}")
                return alert
            seen = alert.number
    except NoAlertError as error:
        wanted = " or ".join(f"{code:#06x}" for code in sorted(codes))
        check.that(row, False, expected=f"alert {wanted}", observed=str(error), fatal=True)
        raise


def recipients(bench: Bench, device: DeviceNode, codes: Collection[int], since: int) -> set[str]:
    """To whom a device has sent alerts with these codes; whatever it sends before its next answer counts."""
    read(bench, device)
    found = bench.alerts.since(since)
    return {alert.to for alert in found if alert.device == device.name and alert.alert_code in codes}

"""The alerts of a bench, in the order they came, and waiting for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from hil.exchange import Alert, NoAlertError, UnexpectedAlertError
from hil.waiting import first_of

if TYPE_CHECKING:
    from hil.nodes import DeviceNode
    from hil.portal import Portal
    from hil.router import Router
    from protocols.ports import Clock


class AlertLog:
    """All alerts since the bench was opened; lives on the portal's loop."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self._more = asyncio.Event()

    def add(self, alert: Alert) -> None:
        """Number and keep an alert, and wake whoever waits."""
        self.alerts.append(alert)
        self._more.set()

    async def find(self, wanted: Callable[[Alert], bool], since: int) -> Alert:
        """The first wanted alert numbered above ``since``, waiting for it without limit."""
        at = since
        while True:
            for alert in self.alerts[at:]:
                if wanted(alert):
                    return alert
            at = len(self.alerts)
            self._more.clear()
            await self._more.wait()


class Alerts:
    """Alerts as tests use them. `mark` before what should cause one, then `expect` or `none` since then."""

    def __init__(self, log: AlertLog, portal: Portal, clock: Clock, router: Router) -> None:
        self._log = log
        self._portal = portal
        self._clock = clock
        self._router = router

    def mark(self) -> int:
        """Number of the latest alert so far: what comes later is numbered above it."""
        return len(self._log.alerts)

    def since(self, number: int = 0) -> list[Alert]:
        """All alerts numbered above ``number``."""
        return self._log.alerts[number:]

    def expect(
        self,
        device: DeviceNode,
        alert_code: int | None = None,
        *,
        message_code: int | None = None,
        since: int = 0,
        timeout_s: float = 10.0,
    ) -> Alert:
        """The first alert of ``device`` with these codes after ``since``.

        NoAlertError lists what came instead; PortClosedError when the wire went away meanwhile.
        """
        found = self._wait(device, alert_code, message_code, since, timeout_s)
        if found is None:
            others = [_short(alert) for alert in self.since(since)]
            raise NoAlertError(
                f"no alert {_codes(alert_code, message_code)} of {device.name} within {timeout_s:g} s; "
                f"alerts since then: {', '.join(others) or 'none'}"
            )
        return found

    def none(
        self,
        device: DeviceNode,
        alert_code: int | None = None,
        *,
        message_code: int | None = None,
        since: int = 0,
        within_s: float = 1.0,
    ) -> None:
        """Wait ``within_s`` and raise UnexpectedAlertError when such an alert has come since ``since``."""
        found = self._wait(device, alert_code, message_code, since, within_s)
        if found is not None:
            raise UnexpectedAlertError(f"{device.name} sent an alert it should not: {_short(found)}", found)

    def _wait(
        self, device: DeviceNode, alert_code: int | None, message_code: int | None, since: int, limit_s: float
    ) -> Alert | None:
        def wanted(alert: Alert) -> bool:
            return (
                alert.device == device.name
                and alert_code in {None, alert.alert_code}
                and message_code in {None, alert.message_code}
            )

        async def wait() -> Alert | None:
            carrier = self._router.link_of(device.name)
            return await first_of(self._log.find(wanted, since), carrier.lost, self._clock, limit_s)

        return self._portal.call(wait())


def _codes(alert_code: int | None, message_code: int | None) -> str:
    shown = "" if alert_code is None else f"{alert_code:#06x}"
    return shown if message_code is None else f"{shown} (message code {message_code:#06x})".strip()


def _short(alert: Alert) -> str:
    code = "undecoded" if alert.alert_code is None else f"{alert.alert_code:#06x}"
    return f"{alert.device} {code} (message code {alert.message_code:#06x})"

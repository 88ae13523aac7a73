"""Information for displays: what a meter or the gas proxy answers and publishes, and a display's side of it.

Price, messaging, calendar, prepayment and device management clusters of ZSE 1.4. A server publishes by
itself when something changed (``Publisher.tell``), and when it is asked; of several commands that answer one
question the first is the answer, and the others follow with its sequence number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import DataStatus
from protocols.zigbee.smart_energy.settings import (
    CALENDAR,
    DEVICE_MANAGEMENT,
    MESSAGING,
    METERING,
    PREPAYMENT,
    PRICE,
)
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Incoming, Reply, Result
from protocols.zigbee.zcl.foundation import Status, attribute_record

ATTRIBUTES = "attributes"
"""Name under which `Heard` gets values of attributes, by number."""
SHOWN = (PRICE, METERING, MESSAGING, PREPAYMENT, CALENDAR, DEVICE_MANAGEMENT)
"""Clusters that a display takes information of."""
# What answers a question, where a display waits for it.
_ANSWERS = {
    "Get Current Price": "Publish Price",
    "Get Last Message": "Display Message",
    "Get Change Of Supplier": "Publish Change of Supplier",
    "Get Tariff Information": "Publish Tariff Information",
    "Get Price Matrix": "Publish Price Matrix",
    "Get Block Thresholds": "Publish Block Thresholds",
    "Get Block Period(s)": "Publish Block Period",
    "Get Billing Period": "Publish Billing Period",
    "Get Conversion Factor": "Publish Conversion Factor",
    "Get Calorific Value": "Publish Calorific Value",
    "Get Calendar": "Publish Calendar",
    "Get Day Profiles": "Publish Day Profile",
    "Get Week Profiles": "Publish Week Profile",
    "Get Seasons": "Publish Seasons",
    "Get Special Days": "Publish Special Days",
}
Heard = Callable[[Address, int, str, dict[Any, Any]], None]
"""Told of a published command: whence, cluster, name, values; `ATTRIBUTES` with values by number."""


@dataclass(slots=True)
class Said:
    """A command that publishes something, or (``name`` is `ATTRIBUTES`) attributes by number as a report."""

    cluster: int
    name: str
    values: dict[Any, Any] = field(default_factory=dict)


Done = Callable[[bool], None]
Answering = Callable[[Incoming], "list[Said] | int | None"]
"""What a command is answered with: published commands, a status, or None where it is not ours to answer."""


class Publisher:
    """The server's side on one endpoint."""

    def __init__(self, zcl: ZclLayer, endpoint: int, answer: Answering) -> None:
        self._zcl, self._endpoint, self._answer = zcl, endpoint, answer

    def serve(self, cluster: int, permits: Callable[[Eui64], bool]) -> None:
        """Answer on a cluster; what is not ours goes to whoever served it before."""
        side = self._zcl.side(self._endpoint, cluster)
        before = side.commands
        side.permits = permits

        def commands(incoming: Incoming) -> Result:
            found = self._answer(incoming)
            if found is None:
                return Status.UNSUPPORTED_CLUSTER_COMMAND if before is None else before(incoming)
            if isinstance(found, int):
                return found
            return self._answered(incoming, found)

        side.commands = commands

    def _answered(self, incoming: Incoming, found: list[Said]) -> Result:
        """Send the answers in their order."""
        sequence = incoming.message.frame.sequence
        for each in found:
            self._zcl.tell(
                incoming.address, each.cluster, each.name, each.values, from_server=True, sequence=sequence
            )
        return None if found else Status.NOT_FOUND

    def tell(self, display: Address, said: Said, done: Callable[[DataStatus], None]) -> None:
        """Publish something to one display, unasked; ``done`` hears whether it arrived."""
        name, values, general = said.name, said.values, said.name == ATTRIBUTES
        if general:
            name, values = "Report Attributes", {"Records": report_records(said.cluster, said.values)}
        self._zcl.tell(display, said.cluster, name, values, done, from_server=True, general=general)


def report_records(cluster: int, values: Mapping[int, Any]) -> list[dict[str, Any]]:
    """Records of a report; EncodeError for an attribute that the cluster's table does not have."""
    return [attribute_record(cluster, number, value) for number, value in values.items()]


class Reader:
    """A display's side: takes what is published, and asks. ``permits`` says whose word counts."""

    def __init__(self, zcl: ZclLayer, endpoint: int, heard: Heard, permits: Callable[[Eui64], bool]) -> None:
        self._zcl, self._heard = zcl, heard
        for cluster in SHOWN:
            side = zcl.side(endpoint, cluster, client=True)
            side.commands, side.reports, side.permits = self._published, self._reported, permits

    def _published(self, incoming: Incoming) -> Result:
        self._heard(incoming.address, incoming.message.cluster, incoming.name, incoming.values)
        return Status.SUCCESS

    def _reported(self, incoming: Incoming, values: dict[int, Any]) -> Result:
        self._heard(incoming.address, incoming.message.cluster, ATTRIBUTES, dict(values))
        return Status.SUCCESS

    def ask(
        self,
        address: Address,
        cluster: int,
        name: str,
        values: Mapping[str, Any] | None = None,
        *,
        none: Callable[[], None] | None = None,
        done: Done | None = None,
    ) -> None:
        """Ask for something; ``none`` hears that the server says it has nothing of the kind.

        ``done`` hears whether there was an answer at all, as in `read`.
        """

        def answered(reply: Reply) -> None:
            if reply.name == _ANSWERS.get(name):
                self._heard(address, cluster, reply.name, reply.values)
            elif reply.name and reply.status == Status.NOT_FOUND and none is not None:
                none()
            if done is not None:
                done(bool(reply.name))

        expects = (_ANSWERS[name],) if name in _ANSWERS else ()
        self._zcl.request(address, cluster, name, values or {}, answered, expects=expects)

    def read(self, address: Address, cluster: int, attributes: Iterable[int], done: Done) -> None:
        """Read attributes; ``done`` hears whether some have come."""

        def answered(reply: Reply) -> None:
            found = reply.attributes()
            if found:
                self._heard(address, cluster, ATTRIBUTES, dict(found))
            done(bool(found))

        self._zcl.read(address, cluster, attributes, answered)

"""The use case catalogue: what every message code is, who may send it, to which device, how protected.

Facts live beside this file as JSON, one row per line, and are read on first use. Where the public sources are
silent a cell was filled from the nearest sibling and the reference messages, and its name stands in the row's
``inferred``. ``versions.json`` says which files make up which version of GBCS, so that several can stand side
by side; ``check`` compares the tables with each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.catalogue.elements import (
    CosemObject,
    DlmsElement,
    DlmsNode,
    GbzElement,
    cosem_object,
    dlms_element,
    dlms_node,
    gbz_element,
    read_json,
    read_octets,
    read_one,
)
from protocols.gbcs.header import CraFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from protocols.eui64 import Eui64
    from protocols.gbcs.message import Message


@dataclass(slots=True)
class UseCase:
    """One use case.

    ``devices`` are lower-case device types (``"esme"``). ``roles`` are the remote parties with authority on
    the device: supplier, network_operator, access_control_broker, transitional_cos, load_controller,
    wan_provider, recovery, root, other; han_device is a device on the same network. For alerts they are the
    parties told. ``payload_kind`` is dlms, gbz, asn1 or None (no GBCS payload). ``eligible_user_roles`` maps
    service request variants to DCC user roles. ``replay_protected`` is about commands, so False for
    alerts. ``inferred`` names the cells that no public source gives (``elements`` is the payload's table).
    On the devices in ``supplier_only_on`` the supplier alone has authority.
    """

    code: str
    title: str
    message_codes: list[int]
    message_type: str | None
    devices: list[str]
    critical: bool
    future_datable: bool
    encrypted: bool
    replay_protected: bool
    roles: list[str]
    payload_kind: str | None
    service_references: list[str] = field(default_factory=list)
    eligible_user_roles: dict[str, list[str]] = field(default_factory=dict)
    inferred: list[str] = field(default_factory=list)
    supplier_only_on: list[str] = field(default_factory=list)

    def roles_on(self, device_type: str) -> list[str]:
        """The roles with authority on a type of device: a gas meter with a proxy leaves some reads to it."""
        return ["supplier"] if device_type in self.supplier_only_on else self.roles

    @property
    def is_alert(self) -> bool:
        """Whether devices send it on their own account."""
        return (self.message_type or "").startswith("SME.A") or self.code.split("-")[0] in _ALERT_CODES

    def command(
        self,
        originator: Eui64,
        target: Eui64,
        counter: int,
        values: Mapping[str, Any] | None = None,
        *,
        message_code: int | None = None,
        strict: bool = True,
        sender_role: str | None = None,
    ) -> Message:
        """A command without protection from ``values`` by the specification's names (or their places).

        Values that the use case fixes are filled in; ``message_code`` chooses where there are several.
        EncodeError names a missing, surplus or out-of-range value, and its clause; with ``sender_role`` (one
        of ``roles``) also the originator where that role has no authority.
        """
        from protocols.gbcs.named.commands import build_command

        parties = (originator, target)
        return build_command(
            self,
            parties,
            counter,
            values or {},
            message_code=message_code,
            strict=strict,
            sender_role=sender_role,
        )

    def values(self, message: Message, decrypt: Callable[[bytes], bytes] | None = None) -> dict[str, Any]:
        """Named values of one of this use case's messages; DecodeError for another's."""
        from protocols.gbcs.named.commands import values_of

        return values_of(self, message, decrypt)

    def elements(
        self, message: Message, decrypt: Callable[[bytes], bytes] | None = None
    ) -> list[dict[str, Any]]:
        """Elements of one of this use case's messages: name, clause, unit, scaling, value, place."""
        from protocols.gbcs.named.commands import elements_of

        return elements_of(self, message, decrypt)


# Alerts whose rows name no message type.
_ALERT_CODES = frozenset(("CCS08", "ECS100", "FDRA", "GCA", "GNCA", "MIIWA"))
# Alert codes the public list has no name for are told by their range.
_ALERT_RANGES = {0x80: "network operator alert", 0x81: "supplier alert", 0x8F: "mandated alert"}


class Catalogue:
    """All use cases, alert codes and COSEM object names of one GBCS version; each part is read on first use.

    EncodeError for a version that is not there; without one, the newest.
    """

    def __init__(self, version: str = "") -> None:
        known = read_json("versions.json")
        self.version: str = version or known["default"]
        try:
            self._files: dict[str, str] = known["versions"][self.version]
        except KeyError:
            there = ", ".join(known["versions"])
            raise EncodeError(f"no catalogue of GBCS {version}, only of {there}", element="version") from None

    def _read(self, part: str) -> dict[str, Any]:
        return read_json(self._files[part])

    @cached_property
    def _use_cases(self) -> dict[str, UseCase]:
        return {code: UseCase(code, **row) for code, row in self._read("use_cases").items()}

    @cached_property
    def _by_message_code(self) -> dict[tuple[int, bool], UseCase]:
        """The first use case of each message code, commands and alerts apart."""
        index: dict[tuple[int, bool], UseCase] = {}
        for use_case in self:
            for code in use_case.message_codes:
                index.setdefault((code, use_case.is_alert), use_case)
        return index

    @cached_property
    def _alert_messages(self) -> dict[int, str]:
        return {int(code, 16): title for code, title in self._read("alert_messages").items()}

    @cached_property
    def _alerts(self) -> dict[int, str]:
        return {int(code, 16): name for code, name in self._read("alerts").items()}

    @cached_property
    def _objects(self) -> dict[str, list[Any]]:
        return self._read("cosem_objects")

    @cached_property
    def _dlms_elements(self) -> dict[str, list[dict[str, Any]]]:
        return self._read("dlms_elements")

    @cached_property
    def _dlms_octets(self) -> bytes:
        return read_octets(self._files["dlms_elements"])

    @cached_property
    def _dlms_messages(self) -> dict[str, list[DlmsElement]]:
        return {}

    @cached_property
    def _dlms_alerts(self) -> dict[str, list[dict[str, Any]]]:
        return self._read("dlms_alerts")

    @cached_property
    def _gbz_elements(self) -> dict[str, dict[str, list[list[Any]]]]:
        return self._read("gbz_elements")

    def __getitem__(self, code: str) -> UseCase:
        try:
            return self._use_cases[code]
        except KeyError:
            raise EncodeError(f"no use case {code!r} in the catalogue", element="use_case") from None

    def __contains__(self, code: object) -> bool:
        return code in self._use_cases

    def __iter__(self) -> Iterator[UseCase]:
        return iter(self._use_cases.values())

    def __len__(self) -> int:
        return len(self._use_cases)

    def by_message_code(self, message_code: int, cra: CraFlag) -> UseCase | None:
        """The use case of a message, or None.

        The generic and future dated alert codes belong to no single use case; see ``alert_message``.
        """
        alert = cra == CraFlag.ALERT
        if alert and message_code in self._alert_messages:
            return None
        return self._by_message_code.get((message_code, alert))

    def alert_message(self, message_code: int) -> str:
        """Title of an alert's message code; empty when unknown."""
        title = self._alert_messages.get(message_code)
        if title is not None:
            return title
        found = self.by_message_code(message_code, CraFlag.ALERT)
        return found.title if found else ""

    def alert_name(self, alert_code: int) -> str:
        """Name of an alert or event code such as 0x8F1C; told by its range where it is unknown."""
        known = self._alerts.get(alert_code)
        return known or _ALERT_RANGES.get(alert_code >> 8, "unknown alert")

    def alert_codes(self) -> dict[int, str]:
        """All known alert and event codes with their names."""
        return dict(self._alerts)

    def cosem_object(self, class_id: int, obis: bytes) -> CosemObject | None:
        """Names of a COSEM object by class and OBIS code, or None."""
        row = self._objects.get(f"{class_id:04X}{obis.hex().upper()}")
        return None if row is None else cosem_object(row)

    def cosem_objects(self) -> Iterator[tuple[int, bytes, CosemObject]]:
        """Class, OBIS code and names of every COSEM object."""
        for key, row in self._objects.items():
            yield int(key[:4], 16), bytes.fromhex(key[4:]), cosem_object(row)

    def dlms_elements(self, code: str) -> list[DlmsElement]:
        """Attributes and methods of a DLMS use case in payload order; empty where none are tabulated.

        What a Data Protection object reads follows it, as well as standing in its ``protected``.
        """
        return [each for element in self.dlms_message(code) for each in (element, *element.protected)]

    def dlms_message(self, code: str) -> list[DlmsElement]:
        """Items of a DLMS use case's command and response, in order; empty where none are tabulated.

        Every call gives the same list, which is not to be changed.
        """
        found = self._dlms_messages.get(code)
        if found is None:
            found = [dlms_element(row) for row in read_one(self._dlms_octets, code) or ()]
            self._dlms_messages[code] = found
        return found

    def dlms_alert(self, message_code: int) -> list[DlmsNode] | None:
        """What follows alert code and time in a DLMS alert; None for an unknown message code."""
        rows = self._dlms_alerts.get(f"{message_code:04X}")
        return None if rows is None else [dlms_node(row) for row in rows]

    def element_tables(self, kind: str) -> list[str]:
        """Use cases whose ``dlms`` or ``gbz`` elements are tabulated."""
        return list(self._dlms_elements if kind == "dlms" else self._gbz_elements)

    def gbz_messages(self, code: str) -> dict[str, list[GbzElement]]:
        """Components of a GBZ use case by message (``"Command"``, ``"Normal response"``, other answers)."""
        messages = self._gbz_elements.get(code, {})
        return {name: [gbz_element(row) for row in rows] for name, rows in messages.items()}


@cache
def load_catalogue(version: str = "") -> Catalogue:
    """The catalogue of a GBCS version; one instance is enough, since nothing in it changes."""
    return Catalogue(version)

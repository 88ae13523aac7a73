"""The use case catalogue: what every message code is, who may send it, to which device, how protected.

Facts live beside this file as JSON, one row per line, and are read on first use. Where the public sources are
silent a flag is None; a few rows (credentials, joining, firmware, clock) were completed from reference
messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.catalogue.elements import (
    CosemObject,
    DlmsElement,
    GbzElement,
    cosem_object,
    dlms_element,
    gbz_element,
    read_json,
)
from protocols.gbcs.header import CraFlag

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class UseCase:
    """One use case.

    ``devices`` are lower-case device types (``"esme"``). ``roles`` are the remote parties with authority on
    the device: supplier, network_operator, access_control_broker, transitional_cos, load_controller,
    wan_provider, recovery, root, other. ``payload_kind`` is dlms, gbz, asn1 or None (no GBCS payload).
    ``eligible_user_roles`` maps service request variants to DCC user roles. None for ``critical`` and
    ``replay_protected`` means that it depends (CS02a) or that no public source says.
    """

    code: str
    title: str
    message_codes: list[int]
    message_type: str | None
    devices: list[str]
    critical: bool | None
    future_datable: bool
    encrypted: bool
    replay_protected: bool | None
    roles: list[str]
    payload_kind: str | None
    service_references: list[str] = field(default_factory=list)
    eligible_user_roles: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_alert(self) -> bool:
        """Whether devices send it on their own account."""
        return (self.message_type or "").startswith("SME.A") or self.code.split("-")[0] in _ALERT_CODES


# Alerts whose rows name no message type.
_ALERT_CODES = frozenset(("CCS08", "ECS100", "FDRA", "GCA", "GNCA", "MIIWA"))
# Alert codes the public list has no name for are told by their range.
_ALERT_RANGES = {0x80: "network operator alert", 0x81: "supplier alert", 0x8F: "mandated alert"}


class Catalogue:
    """All use cases, alert codes and COSEM object names; each part is read when first asked for."""

    @cached_property
    def _use_cases(self) -> dict[str, UseCase]:
        return {code: UseCase(code, **row) for code, row in read_json("use_cases.json").items()}

    @cached_property
    def _by_message_code(self) -> dict[int, list[UseCase]]:
        index: dict[int, list[UseCase]] = {}
        for use_case in self:
            for code in use_case.message_codes:
                index.setdefault(code, []).append(use_case)
        return index

    @cached_property
    def _alert_messages(self) -> dict[int, str]:
        return {int(code, 16): title for code, title in read_json("alert_messages.json").items()}

    @cached_property
    def _alerts(self) -> dict[int, str]:
        return {int(code, 16): name for code, name in read_json("alerts.json").items()}

    @cached_property
    def _objects(self) -> dict[str, list[Any]]:
        return read_json("cosem_objects.json")

    @cached_property
    def _dlms_elements(self) -> dict[str, list[list[Any]]]:
        return read_json("dlms_elements.json")

    @cached_property
    def _gbz_elements(self) -> dict[str, dict[str, list[list[Any]]]]:
        return read_json("gbz_elements.json")

    @cached_property
    def _zcl_commands(self) -> dict[str, str]:
        return read_json("zcl_commands.json")

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
        found = self._by_message_code.get(message_code, ())
        return next((use_case for use_case in found if use_case.is_alert == alert), None)

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

    def dlms_elements(self, code: str) -> list[DlmsElement]:
        """Attributes and methods of a DLMS use case in payload order; empty where none are tabulated."""
        return [dlms_element(row) for row in self._dlms_elements.get(code, ())]

    def gbz_messages(self, code: str) -> dict[str, list[GbzElement]]:
        """Components of a GBZ use case by message (``"Command"``, ``"Normal response"``, other answers)."""
        messages = self._gbz_elements.get(code, {})
        return {name: [gbz_element(row) for row in rows] for name, rows in messages.items()}

    def zcl_command(self, cluster: int, command: int, *, from_server: bool) -> str:
        """Name of a cluster command; empty when unknown."""
        return self._zcl_commands.get(f"{cluster:04X}{'<' if from_server else '>'}{command:02X}", "")


@cache
def load_catalogue() -> Catalogue:
    """The catalogue; one instance is enough, since nothing in it changes."""
    return Catalogue()

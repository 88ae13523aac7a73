"""Which COSEM objects a type of device has: one definition per type, built once from the catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from protocols.gbcs.catalogue import load_catalogue
from rigs.emulated.objects.defaults import default_data

if TYPE_CHECKING:
    from protocols.dlms.axdr import Data
    from protocols.gbcs.catalogue import Catalogue, UseCase
    from protocols.gbcs.catalogue.elements import DlmsElement, DlmsNode


class Place(NamedTuple):
    """One attribute or method: class, OBIS code (6 octets), number."""

    class_id: int
    obis: bytes
    number: int
    is_method: bool = False

    def __str__(self) -> str:
        mark = "m" if self.is_method else ""
        return f"{self.class_id}/{self.obis.hex().upper()}/{mark}{self.number}"

    @property
    def key(self) -> str:
        """Key of its value in a device's storage."""
        mark = "m" if self.is_method else ""
        return f"{self.class_id:04x}/{self.obis.hex()}/{mark}{self.number}"


@dataclass(slots=True)
class Member:
    """One attribute or method of a device type.

    ``node`` is the catalogue's type of the value (of a method: of its parameter), None where it says none.
    ``readers``, ``writers`` and ``callers`` are remote party roles by the names of ``UseCase.roles``;
    ``protected_readers`` get the value through a Data Protection object only. ``uses`` maps use case codes to
    the kinds of access (get, set, action, select, protected) that they make of it, ``given`` to the type that
    they write: some objects take another with another use case.
    """

    place: Place
    name: str = ""
    node: DlmsNode | None = None
    clause: str = ""
    readers: set[str] = field(default_factory=set)
    writers: set[str] = field(default_factory=set)
    callers: set[str] = field(default_factory=set)
    protected_readers: set[str] = field(default_factory=set)
    uses: dict[str, set[str]] = field(default_factory=dict)
    given: dict[str, DlmsNode] = field(default_factory=dict)

    def default(self) -> Data:
        """The value that it has from manufacture: the least of its type."""
        return default_data(self.node)


class DeviceObjects:
    """COSEM members of a device type, and what each use case may touch. Nothing here changes once built."""

    def __init__(self, device_type: str, catalogue: Catalogue) -> None:
        self.device_type = device_type
        self.members: dict[Place, Member] = {}
        self.scopes: dict[str, list[DlmsElement]] = {}
        for use_case in catalogue:
            if use_case.payload_kind != "dlms" or use_case.is_alert:
                continue
            elements = catalogue.dlms_message(use_case.code)
            if device_type in use_case.devices or (device_type == "sapc" and _is_of_sapc(elements)):
                self.scopes[use_case.code] = elements
                for element in elements:
                    self._add(element, use_case, element.access)
        self._add_names(catalogue)

    def _add(self, element: DlmsElement, use_case: UseCase, access: str) -> None:
        place = Place(element.class_id, element.obis, element.number, element.is_method)
        member = self.members.setdefault(place, Member(place))
        member.uses.setdefault(use_case.code, set()).add(access)
        if element.given is not None and access in {"set", "action"}:
            member.given[use_case.code] = element.given
        node = element.answer if access in {"get", "select", "protected"} else element.given
        if node is not None and (member.node is None or access in {"get", "select", "protected"}):
            member.node = node
        member.name = member.name or element.key
        member.clause = member.clause or next((leaf.clause for leaf in element.leaves if leaf.clause), "")
        roles = {
            "get": member.readers,
            "select": member.readers,
            "set": member.writers,
            "action": member.callers,
            "protected": member.protected_readers,
        }
        roles[access].update(use_case.roles)
        for inner in element.protected:
            self._add(inner, use_case, "protected")

    def _add_names(self, catalogue: Catalogue) -> None:
        """The other attributes and methods that the catalogue names of these objects: nobody's to reach."""
        objects = {(place.class_id, place.obis) for place in self.members}
        for class_id, obis, names in catalogue.cosem_objects():
            if (class_id, obis) not in objects and not _only_in_alerts(class_id, obis, self.device_type):
                continue
            for is_method, numbers in ((False, names.attributes), (True, names.methods)):
                for number, name in numbers.items():
                    place = Place(class_id, obis, number, is_method)
                    self.members.setdefault(place, Member(place, name))


def _is_of_sapc(elements: list[DlmsElement]) -> bool:
    """Whether the mapping names SMETS section 9 for a use case.

    Its column of devices has the SAPC for few use cases only; but those clauses are about nothing else.
    """
    return any(
        re.search(r"\b9\.\d", leaf.clause)
        for element in elements
        for each in (element, *element.protected)
        for leaf in each.leaves
    )


# The Data Protection object of the billing data log alert (ECS68): no command names it.
_BILLING_ALERT_OBJECT = (30, bytes.fromhex("00002B020BFF"))


def _only_in_alerts(class_id: int, obis: bytes, device_type: str) -> bool:
    return device_type == "esme" and (class_id, obis) == _BILLING_ALERT_OBJECT


@cache
def device_objects(device_type: str, version: str = "") -> DeviceObjects:
    """The definition of a device type in a version of the catalogue; all devices of a type share it."""
    return DeviceObjects(device_type, load_catalogue(version))

"""Access-requests on a device's COSEM objects, executed item by item (dlms.md 1 to 5).

Which objects there are, and which of them a use case may touch, comes from the catalogue
(``objects.definition``). What is registered here is what a device computes or does; everything else is a
value in the device's storage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.dlms.access import (
    AccessResponse,
    AccessResult,
    SpecKind,
    build_access_response,
    parse_access_request,
)
from protocols.dlms.axdr import Data, encode_data, null_data, parse_data
from protocols.errors import DecodeError
from rigs.emulated.objects import behaviour, dated, one_date
from rigs.emulated.objects.definition import DeviceObjects, Place, device_objects
from rigs.emulated.objects.passive import is_activation
from rigs.emulated.objects.selection import select
from rigs.emulated.objects.typing import fits

if TYPE_CHECKING:
    from protocols.dlms.access import AccessRequest, AccessSpecification
    from protocols.gbcs.catalogue.elements import DlmsElement
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

Read = Callable[[], Data]
Write = Callable[[Data], AccessResult]
Method = Callable[["Command", Data], "tuple[AccessResult, Data]"]
Check = Callable[[Data], bool]
"""Whether a value may be written, beyond having the right type."""

_LOW_24_BITS = 0xFFFFFF
_OVERLAY = "cosem"
# Results that say the device is broken, not the request: nothing after them is tried.
_FAULTS = frozenset((AccessResult.HARDWARE_FAULT, AccessResult.TEMPORARY_FAILURE))
_ACCESS = {
    SpecKind.GET: "get",
    SpecKind.SET: "set",
    SpecKind.ACTION: "action",
    SpecKind.GET_WITH_SELECTION: "select",
}


@dataclass(slots=True)
class Behaviour:
    """What a device does where an attribute is not just a stored value."""

    read: Read | None = None
    write: Write | None = None
    check: Check | None = None
    default: Data | None = None


class CosemServer:
    """The objects of one device: definition of its type, overlay of changed values, behaviour.

    ``changes`` is another number whenever a stored value may be another: for who keeps what it made of them.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.changes = 0
        self._behaviours: dict[Place, Behaviour] = {}
        self._methods: dict[Place, Method] = {}
        self.activated: list[Callable[[Place], None]] = []  # told of each activation date that was reached

    @property
    def objects(self) -> DeviceObjects:
        """The definition that the device shares with all of its type."""
        return device_objects(self._device.description.device_type, self._device.catalogue.version)

    # ------------------------------------------------------------------ building a device

    def attribute(
        self, class_id: int, obis: str, number: int, *, read: Read | None = None, write: Write | None = None
    ) -> None:
        """An attribute computed by the device (``read``), or written in a way of its own (``write``)."""
        self._at(class_id, obis, number).read = read
        self._at(class_id, obis, number).write = write

    def stored(
        self, class_id: int, obis: str, number: int, default: Data, *, check: Check | None = None
    ) -> StoredData:
        """An attribute that keeps its value, with another default than its type's least."""
        own = self._at(class_id, obis, number)
        own.default, own.check = default, check
        return StoredData(self, Place(class_id, bytes.fromhex(obis), number), own)

    def method(self, class_id: int, obis: str, number: int, call: Method) -> None:
        """A method; gets the command and its parameter, gives a result and what it returns (or null-data)."""
        self._methods[Place(class_id, bytes.fromhex(obis), number, is_method=True)] = call

    def _at(self, class_id: int, obis: str, number: int) -> Behaviour:
        return self._behaviours.setdefault(Place(class_id, bytes.fromhex(obis), number), Behaviour())

    def serves(self, code: str) -> bool:
        """Whether a use case is one of those that the catalogue has for these objects."""
        return code in self.objects.scopes

    # ------------------------------------------------------------------ values

    def value(self, place: Place) -> Data | None:
        """An attribute's present value, None where the device has no such attribute.

        What was put there, else what the device computes, else the default.
        """
        octets = self._device.storage.get(_OVERLAY, place.key)
        if octets is not None:
            return parse_data(octets)[0]
        own = self._behaviours.get(place)
        if own is not None and own.read is not None:
            return own.read()
        if own is not None and own.default is not None:
            return own.default
        member = self.objects.members.get(place)
        return None if member is None else member.default()

    def put(self, place: Place, value: Data) -> None:
        """Put a value into the device's store, as the device itself does."""
        self._device.storage.put(_OVERLAY, place.key, encode_data(value))
        self.changes += 1

    def is_new(self, key: str) -> bool:
        """Whether nothing was ever put where an attribute has this key (`Place.key`)."""
        return self._device.storage.get(_OVERLAY, key) is None

    def was_put(self, place: Place) -> bool:
        """Whether an attribute was ever set, by whomever."""
        return not self.is_new(place.key)

    def forget(self, place: Place) -> None:
        """Go back to the default."""
        self._device.storage.delete(_OVERLAY, place.key)
        self.changes += 1

    def write(self, command: Command, place: Place, value: Data) -> AccessResult:
        """Set an attribute as a remote party does."""
        member, own = self.objects.members.get(place), self._behaviours.get(place)
        if own is not None and own.write is not None:
            result = own.write(value)
        else:
            if member is not None and not fits(member.given.get(command.use_case.code, member.node), value):
                return AccessResult.TYPE_UNMATCHED
            if own is not None and own.check is not None and not own.check(value):
                return AccessResult.OTHER_REASON
            self.put(place, value)
            result = AccessResult.SUCCESS
        if result == AccessResult.SUCCESS and is_activation(place):
            dated.date_set(self._device, command, place, value)
        return result

    # ------------------------------------------------------------------ answering

    def execute(self, _device: Device, command: Command) -> bytes:
        """Check that the request is the use case's, then do its items in order."""
        request = parse_access_request(command.payload)
        if request.invoke_id != command.counter & _LOW_24_BITS:
            raise DecodeError("not the low 24 bits of the counter", offset=1, path="long_invoke_id")
        self._check_scope(command.use_case.code, request)
        one_date.check_cosem(request)
        return build_access_response(self._answer(command, request))

    def _check_scope(self, code: str, request: AccessRequest) -> None:
        """The items have to be those of the use case, in its order; optional ones may be absent."""
        expected = iter(self.objects.scopes[code])
        for each in request.specifications:
            for element in expected:
                if _is(each, element):
                    break
                if not element.optional:
                    raise _unexpected(each, code)
            else:
                raise _unexpected(each, code)
        missing = next((element for element in expected if not element.optional), None)
        if missing is not None:
            raise DecodeError(f"{missing.key} is missing in {code}", offset=0, path="specifications")

    def _answer(self, command: Command, request: AccessRequest) -> AccessResponse:
        data: list[Data] = []
        results: list[tuple[SpecKind, int]] = []
        broken = False
        for specification, item in zip(request.specifications, request.data, strict=True):
            result: int = AccessResult.OTHER_REASON
            answer = null_data()
            if not broken:
                result, answer = self._item(command, specification, item)
            selecting = specification.kind is SpecKind.GET_WITH_SELECTION
            results.append((SpecKind.GET if selecting else specification.kind, int(result)))
            data.append(answer if result == AccessResult.SUCCESS else null_data())
            broken = broken or result in _FAULTS
            if result != AccessResult.SUCCESS:
                self._device.command_log.failed()
                where = f"class {specification.class_id} {specification.obis.hex()} {specification.member}"
                self._device.note(f"{specification.kind.name.lower()} {where}: result {result}")
        return AccessResponse(request.invoke_id, data, results)

    def _item(self, command: Command, specification: AccessSpecification, data: Data) -> tuple[int, Data]:
        is_method = specification.kind is SpecKind.ACTION
        place = Place(specification.class_id, specification.obis, specification.member, is_method)
        fault = self._device.faults.take(str(place))
        if fault is not None:
            return fault, null_data()
        if is_method:
            return self._call(command, place, data)
        if specification.kind is SpecKind.SET:
            return self.write(command, place, data), null_data()
        value = self.value(place)
        if value is None:
            return AccessResult.OBJECT_UNDEFINED, null_data()
        if specification.kind is SpecKind.GET_WITH_SELECTION:
            value = select(value, specification.selector, specification.selection)
        return AccessResult.SUCCESS, value

    def _call(self, command: Command, place: Place, parameter: Data) -> tuple[int, Data]:
        given = self._device.storage.get(_OVERLAY, place.key)
        if given is not None:
            return AccessResult.SUCCESS, parse_data(given)[0]
        call = self._methods.get(place)
        if call is not None:
            return call(command, parameter)
        member = self.objects.members.get(place)
        if member is None:
            return AccessResult.OBJECT_UNDEFINED, null_data()
        usual = behaviour.method(place)
        if usual is not None:
            return usual(self._device, command, place, parameter)
        node = member.given.get(command.use_case.code, member.node)
        result = AccessResult.SUCCESS if fits(node, parameter) else AccessResult.TYPE_UNMATCHED
        return result, null_data()


class StoredData:
    """An attribute's value for the code beside it."""

    def __init__(self, server: CosemServer, place: Place, own: Behaviour) -> None:
        self._server = server
        self._place = place
        self._key = place.key
        self._own = own

    def read(self) -> Data:
        """The present value."""
        if self._own.read is None and self._own.default is not None and self._server.is_new(self._key):
            return self._own.default
        value = self._server.value(self._place)
        return null_data() if value is None else value

    def put(self, value: Data) -> None:
        """Set the value from inside the device."""
        self._server.put(self._place, value)


def _is(asked: AccessSpecification, element: DlmsElement) -> bool:
    place = (asked.class_id, asked.obis, asked.member, _ACCESS[asked.kind])
    return place == (element.class_id, element.obis, element.number, element.access)


def _unexpected(asked: AccessSpecification, code: str) -> DecodeError:
    return DecodeError(f"not what {code} is for", offset=asked.offset, path="specifications")

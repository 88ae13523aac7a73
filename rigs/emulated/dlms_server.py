"""COSEM objects of a device, and access-requests on them executed item by item (dlms.md 1 to 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from protocols.dlms.access import (
    AccessResponse,
    AccessResult,
    SpecKind,
    build_access_response,
    parse_access_request,
)
from protocols.dlms.axdr import Data, Tag, encode_data, null_data, octet_string, structure
from protocols.dlms.protection import (
    DATA_PROTECTION_CLASS,
    GET_PROTECTED_ATTRIBUTES,
    ProtectionParameters,
    protection_parameters,
    read_protection_parameters,
)
from protocols.errors import DecodeError
from protocols.gbcs.use_cases import codecs, decode_command
from rigs.emulated import replies
from rigs.emulated.object_store import Check, StoredData

if TYPE_CHECKING:
    from protocols.dlms.access import AccessRequest, AccessSpecification
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

Read = Callable[[], Data]
Write = Callable[[Data], AccessResult]
Method = Callable[["Command", Data], "tuple[AccessResult, Data]"]
_LOW_24_BITS = 0xFFFFFF


@dataclass(slots=True)
class Attribute:
    """One COSEM attribute; without ``read`` or ``write`` that access is denied."""

    read: Read | None = None
    write: Write | None = None
    select: Callable[[Data], Data] | None = None


class CosemServer:
    """The objects by class, OBIS code (12 hexadecimal digits) and attribute or method number."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._attributes: dict[tuple[int, bytes, int], Attribute] = {}
        self._methods: dict[tuple[int, bytes, int], Method] = {}
        self._scopes: dict[str, frozenset[tuple[int, bytes, int]]] = {}

    # ------------------------------------------------------------------ building a device

    def attribute(
        self,
        class_id: int,
        obis: str,
        member: int,
        *,
        read: Read | None = None,
        write: Write | None = None,
        select: Callable[[Data], Data] | None = None,
    ) -> None:
        """An attribute computed by the device; ``select`` answers a get with selection."""
        self._attributes[class_id, bytes.fromhex(obis), member] = Attribute(read, write, select)

    def stored(
        self,
        class_id: int,
        obis: str,
        member: int,
        default: Data,
        *,
        writable: bool = False,
        check: Check | None = None,
    ) -> StoredData:
        """An attribute that keeps its value."""
        store = StoredData(self._device.storage, f"{class_id:04x}/{obis.lower()}/{member}", default, check)
        self.attribute(class_id, obis, member, read=store.read, write=store.write if writable else None)
        return store

    def method(self, class_id: int, obis: str, member: int, call: Method) -> None:
        """A method; gets the command and its parameter, gives a result and what it returns (or null-data)."""
        self._methods[class_id, bytes.fromhex(obis), member] = call

    def protected(self, obis: str, *readable: tuple[int, str, int]) -> None:
        """A data protection object through which these attributes leave encrypted (dlms.md 4)."""
        allowed = frozenset((class_id, bytes.fromhex(of), member) for class_id, of, member in readable)
        self.method(
            DATA_PROTECTION_CLASS, obis, GET_PROTECTED_ATTRIBUTES, partial(self._read_protected, allowed)
        )

    def serve(self, *use_cases: str, only: tuple[tuple[int, str, int], ...] | None = None) -> None:
        """Let the objects answer these use cases.

        ``only`` names what a use case may touch where no codec knows its content.
        """
        for code in use_cases:
            self._device.handlers[code] = self.execute
            if only is not None:
                self._scopes[code] = frozenset((each[0], bytes.fromhex(each[1]), each[2]) for each in only)

    # ------------------------------------------------------------------ answering

    def execute(self, _device: Device, command: Command) -> bytes:
        """Check that the request is the use case's, then do its items in order; one that fails stops none."""
        request = parse_access_request(command.payload)
        self._check_content(command, request)
        if request.invoke_id != command.counter & _LOW_24_BITS:
            raise DecodeError("not the low 24 bits of the counter", offset=1, path="long_invoke_id")
        return build_access_response(self._answer(command, request))

    def _check_content(self, command: Command, request: AccessRequest) -> None:
        code = command.use_case.code
        if code in codecs():
            decode_command(code, command.payload)
        scope = self._scopes.get(code)
        for each in request.specifications if scope is not None else ():
            if scope is not None and (each.class_id, each.obis, each.member) not in scope:
                raise DecodeError(f"not what {code} is for", offset=each.offset, path="specifications")

    def _answer(self, command: Command, request: AccessRequest) -> AccessResponse:
        data, results = [], []
        for specification, item in zip(request.specifications, request.data, strict=True):
            result, answer = self._item(command, specification, item)
            selecting = specification.kind is SpecKind.GET_WITH_SELECTION
            results.append((SpecKind.GET if selecting else specification.kind, int(result)))
            data.append(answer if result == AccessResult.SUCCESS else null_data())
            if result != AccessResult.SUCCESS:
                where = f"class {specification.class_id} {specification.obis.hex()} {specification.member}"
                self._device.note(f"{specification.kind.name.lower()} {where}: {result.name.lower()}")
        return AccessResponse(request.invoke_id, data, results)

    def _item(
        self, command: Command, specification: AccessSpecification, data: Data
    ) -> tuple[AccessResult, Data]:
        where = (specification.class_id, specification.obis, specification.member)
        if specification.kind is SpecKind.ACTION:
            method = self._methods.get(where)
            return method(command, data) if method else (AccessResult.OBJECT_UNDEFINED, data)
        attribute = self._attributes.get(where)
        if attribute is None:
            return AccessResult.OBJECT_UNDEFINED, data
        return _access(attribute, specification, data)

    def _read_protected(
        self, allowed: frozenset[tuple[int, bytes, int]], command: Command, parameter: Data
    ) -> tuple[AccessResult, Data]:
        """get_protected_attributes: a structure of the values asked for, encrypted for the reader."""
        failed = AccessResult.OTHER_REASON, parameter
        if parameter.tag != Tag.STRUCTURE or len(parameter.value) != 2:
            return failed
        asked, parties = parameter.value[0], read_protection_parameters(parameter.value[1])
        reader = command.header.supplementary_remote_party_id or command.originator
        if parties != ProtectionParameters(command.counter, reader, self._device.eui64):
            return failed
        values = []
        for where in map(_attribute_asked, asked.value):
            attribute = self._attributes.get(where) if where in allowed else None
            if attribute is None or attribute.read is None:
                return AccessResult.OBJECT_UNDEFINED, parameter
            values.append(attribute.read())
        block = replies.encrypt(self._device, command, encode_data(structure(*values)))
        protection = protection_parameters(ProtectionParameters(command.counter, self._device.eui64, reader))
        return AccessResult.SUCCESS, structure(protection, octet_string(block))


def _attribute_asked(entry: Data) -> tuple[int, bytes, int]:
    """Class, OBIS code and attribute of one entry of the list of protected attributes."""
    if entry.tag != Tag.STRUCTURE or len(entry.value) != 5:
        raise DecodeError("not an attribute's description", offset=entry.offset, path="attributes")
    class_id, obis, member = (element.value for element in entry.value[:3])
    if not isinstance(class_id, int) or not isinstance(obis, bytes) or not isinstance(member, int):
        raise DecodeError("not class, OBIS code and number", offset=entry.offset, path="attributes")
    return class_id, obis, member


def _access(
    attribute: Attribute, specification: AccessSpecification, data: Data
) -> tuple[AccessResult, Data]:
    """Set, get or get with selection on an attribute that there is."""
    if specification.kind is SpecKind.SET:
        result = AccessResult.READ_WRITE_DENIED if attribute.write is None else attribute.write(data)
        return result, null_data()
    if specification.kind is SpecKind.GET_WITH_SELECTION:
        if attribute.select is None or specification.selection is None:
            return AccessResult.SCOPE_OF_ACCESS_VIOLATED, data
        return AccessResult.SUCCESS, attribute.select(specification.selection)
    if attribute.read is None:
        return AccessResult.READ_WRITE_DENIED, data
    return AccessResult.SUCCESS, attribute.read()

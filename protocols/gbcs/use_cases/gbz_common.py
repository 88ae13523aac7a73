"""What the GBZ use cases share: payloads of one component, default responses, statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import zcl
from protocols.gbcs.gbz import (
    SECURITY_HEADER,
    Component,
    GbzPayload,
    build_gbz,
    decrypted,
    parse_gbz,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.gbcs.use_cases import Decrypt
    from protocols.gbcs.use_cases.values import Fields


def build_component(component: Component) -> bytes:
    """A payload of this one component."""
    return build_gbz(GbzPayload([component]))


def parse_component(payload: bytes, cluster: int) -> Component:
    """The one component of a payload, which has to be of this cluster."""
    components = parse_gbz(payload).components
    if len(components) != 1:
        problem = f"{len(components)} components, the use case has 1"
        raise DecodeError(problem, offset=2, path="gbz.number_of_components")
    component = components[0]
    if component.cluster != cluster:
        problem = f"cluster {component.cluster:04X} instead of {cluster:04X}"
        raise DecodeError(problem, offset=component.offset + 1, path="gbz.components[0].cluster")
    return component


def expect_command(component: Component, frame_controls: Sequence[int], command: int) -> None:
    """DecodeError unless the component is this command with one of these frame controls."""
    found = (component.frame_control, component.command)
    if component.command != command or component.frame_control not in frame_controls:
        wanted = " or ".join(f"{each:02X}" for each in frame_controls)
        problem = f"frame control and command {found[0]:02X} {found[1]:02X} instead of {wanted} {command:02X}"
        raise DecodeError(problem, offset=component.offset, path="gbz.components[0].command")


def open_component(component: Component, decrypt: Decrypt | None) -> bytes | None:
    """The ZCL payload; None where it is encrypted and there is no ``decrypt``."""
    if component.encrypted and decrypt is None:
        return None
    return decrypted(component, decrypt) if decrypt else component.payload


def read_command(cluster: int, attributes: list[int]) -> bytes:
    """Payload of a Read Attributes command."""
    payload = zcl.encode_read_attributes(attributes)
    return build_component(Component(cluster, zcl.READ_ATTRIBUTES, payload))


def check_read_command(payload: bytes, cluster: int, attributes: list[int]) -> None:
    """DecodeError unless the payload reads exactly these attributes in this order."""
    component = parse_component(payload, cluster)
    expect_command(component, [zcl.PROFILE_TO_SERVER], zcl.READ_ATTRIBUTES)
    try:
        found = zcl.decode_read_attributes(component.payload)
    except DecodeError as error:
        raise error.moved(component.payload_offset, "gbz.components[0]") from None
    if found != attributes:
        names = " ".join(f"{each:04X}" for each in found)
        raise DecodeError(
            f"attributes {names} are not those of the use case",
            offset=component.payload_offset,
            path="gbz.components[0].attributes",
        )


def read_records(
    component: Component, attributes: list[int], decrypt: Decrypt | None
) -> list[zcl.AttributeRecord] | None:
    """Records of a Read Attributes Response; None where they stay encrypted.

    A Default Response in place of records gives its status for every attribute.
    """
    payload = open_component(component, decrypt)
    if payload is None:
        return None
    try:
        if component.command == zcl.DEFAULT_RESPONSE:
            status = zcl.decode_default_response(payload)[1]
            return [zcl.AttributeRecord(attribute, status) for attribute in attributes]
        records = zcl.decode_attribute_records(payload)
    except DecodeError as error:
        # Ciphertext octets stand for plaintext octets one by one, behind the security header.
        hidden = len(SECURITY_HEADER) if component.encrypted else 0
        raise error.moved(component.payload_offset + hidden, "gbz.components[0]") from None
    if [record.attribute for record in records] != attributes:
        names = " ".join(f"{record.attribute:04X}" for record in records)
        raise DecodeError(
            f"attributes {names} are not those of the use case",
            offset=component.payload_offset,
            path="gbz.components[0].records",
        )
    return records


def take_results(fields: Fields, count: int) -> list[int]:
    """The optional ``results``: a ZCL status for each item, all success without."""
    results = fields.any("results", None)
    if results is None:
        return [0] * count
    if not isinstance(results, list | tuple) or len(results) != count:
        raise EncodeError(f"{results!r} is no list of {count} statuses", element="results")
    for index, each in enumerate(results):
        if not isinstance(each, int) or not 0 <= each <= 0xFF:
            raise EncodeError(f"{each!r} is no status", element=f"results.{index}")
    return list(results)

"""GCS41 Set MPRN Value on the GSME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.fixed_layout import Numbers
from protocols.gbcs import zcl
from protocols.gbcs.gbz import Component
from protocols.gbcs.use_cases import UseCaseCodec
from protocols.gbcs.use_cases import gbz_common as common
from protocols.gbcs.use_cases.values import Fields
from protocols.gbcs.zcl import Cluster

if TYPE_CHECKING:
    from protocols.gbcs.use_cases import Context, Decrypt, Values

_UINT32 = 0xFFFF_FFFF
_UPDATE_SITE_ID = 0x03
_MPRN_DIGITS = range(6, 11)
_SITE_ID_HEAD = Numbers("<", issuer_event_id=4, site_id_time=4, provider_id=4)


def _encode_set_mprn(context: Context, values: Values) -> bytes:
    """Values: ``mprn`` (6 to 10 digits).

    ``issuer_event_id`` orders updates; without it the low 32 bits of the Originator Counter are taken.
    ``site_id_time`` 0 (now) and ``provider_id`` 0 are what the use case prescribes.
    """
    fields = Fields(values)
    mprn = fields.text("mprn")
    if len(mprn) not in _MPRN_DIGITS or not (mprn.isascii() and mprn.isdigit()):
        raise EncodeError(f"{mprn!r} is not 6 to 10 digits", element="mprn")
    head = _SITE_ID_HEAD.write(
        "",
        fields.integer("issuer_event_id", 0, _UINT32, context.originator_counter & _UINT32),
        fields.integer("site_id_time", 0, _UINT32, 0),
        fields.integer("provider_id", 0, _UINT32, 0),
    )
    fields.done()
    payload = head + zcl.encode_string(mprn.encode("ascii"), "mprn")
    return common.build_component(
        Component(Cluster.DEVICE_MANAGEMENT, _UPDATE_SITE_ID, payload, frame_control=zcl.CLUSTER_TO_CLIENT)
    )


def _decode_set_mprn(payload: bytes) -> dict[str, Any]:
    component = common.parse_component(payload, Cluster.DEVICE_MANAGEMENT)
    common.expect_command(component, [zcl.CLUSTER_TO_CLIENT], _UPDATE_SITE_ID)
    try:
        return _read_site_id(component.payload)
    except DecodeError as error:
        raise error.moved(component.payload_offset, "gbz.components[0]") from None


def _read_site_id(payload: bytes) -> dict[str, Any]:
    head = _SITE_ID_HEAD.read_named(payload)
    site_id, end = zcl.decode_string(payload, _SITE_ID_HEAD.size, "site_id")
    if end != len(payload):
        raise DecodeError("octets after the SiteID", offset=end, path="site_id")
    if site_id is None or not site_id.isdigit():
        raise DecodeError(f"{site_id!r} is not digits", offset=_SITE_ID_HEAD.size, path="site_id")
    return {"mprn": site_id.decode("ascii"), **head}


def _encode_outcome(_context: Context, values: Values) -> bytes:
    """Values: ``results`` [status], success without."""
    fields = Fields(values)
    (status,) = common.take_results(fields, 1)
    fields.done()
    payload = zcl.encode_default_response(_UPDATE_SITE_ID, status)
    return common.build_component(Component(Cluster.DEVICE_MANAGEMENT, zcl.DEFAULT_RESPONSE, payload))


def _decode_outcome(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    component = common.parse_component(payload, Cluster.DEVICE_MANAGEMENT)
    common.expect_command(component, [zcl.PROFILE_TO_SERVER], zcl.DEFAULT_RESPONSE)
    try:
        command, status = zcl.decode_default_response(component.payload)
    except DecodeError as error:
        raise error.moved(component.payload_offset, "gbz.components[0]") from None
    if command != _UPDATE_SITE_ID:
        problem = f"answers command {command:02X} instead of {_UPDATE_SITE_ID:02X}"
        raise DecodeError(problem, offset=component.payload_offset, path="gbz.components[0].command")
    return {"results": [status]}


CODECS = [UseCaseCodec("GCS41", 0x0087, _encode_set_mprn, _decode_set_mprn, _encode_outcome, _decode_outcome)]

"""All activation times inside one command have to be the same (GBCS 9.2.2.7, register GBCS-FD-01).

A command that breaks this is no command of its use case: it fails the content check and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from protocols.dlms.access import SpecKind
from protocols.errors import DecodeError
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.zcl_fields import read_fields
from rigs.emulated.objects import zse_settings
from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.passive import is_activation

if TYPE_CHECKING:
    from protocols.dlms.access import AccessRequest
    from protocols.gbcs.gbz import Component

_CLUSTER_SPECIFIC, _FROM_SERVER = 0x01, 0x08
# A reference command that cancels has the last but one second for calendar and prices beside "never".
_NEVER = 0xFFFF_FFFE


def check_cosem(request: AccessRequest) -> None:
    """DecodeError for activation dates that differ."""
    _check(
        (bytes(data.value), each.offset)
        for each, data in zip(request.specifications, request.data, strict=True)
        if each.kind is SpecKind.SET
        and is_activation(Place(each.class_id, each.obis, each.member))
        and isinstance(data.value, bytes)
    )


def check_zse(components: Iterable[Component]) -> None:
    """DecodeError for components of a dated command that are to apply at different times.

    What cannot be read is left to whoever carries it out.
    """
    found = []
    for each in components:
        moment = _moment(each)
        if moment is not None:
            found.append((moment, each.offset))
    _check(found)


def _moment(component: Component) -> int | None:
    """When a component is to be carried out; None where it has no time."""
    if not component.frame_control & _CLUSTER_SPECIFIC:
        return None
    from_server = bool(component.frame_control & _FROM_SERVER)
    definition = zcl_tables().command(component.cluster, component.command, from_server=from_server)
    if definition is None:
        return None
    try:
        values = read_fields(definition.fields, component.payload)
    except DecodeError:
        return None
    dated = component.from_date_time
    if not zse_settings.has_moment(values) and not dated:
        return None
    return min(zse_settings.moment_of(values, dated), _NEVER)


def _check(moments: Iterable[tuple[object, int]]) -> None:
    first: object = None
    for moment, offset in moments:
        if first is None:
            first = moment
        elif moment != first:
            raise DecodeError(
                "not the activation time that the command began with", offset=offset, path="dates"
            )

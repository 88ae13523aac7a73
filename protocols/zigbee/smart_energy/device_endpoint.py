"""What stands on a device's endpoint, by its type, and who may read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.smart_energy.settings import (
    BASIC,
    CALENDAR,
    DEVICE_ENDPOINT,
    DEVICE_MANAGEMENT,
    EVENTS,
    KEEP_ALIVE,
    KEY_ESTABLISHMENT,
    LOAD_CONTROL,
    MESSAGING,
    METERING,
    OTA,
    PREPAYMENT,
    PRICE,
    TIME,
    TUNNELLING,
    DeviceSettings,
    DeviceType,
)
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.zcl.clusters import load

AttributeSource = Callable[[int, int], Any]
"""(cluster, attribute) to its value as `protocols.zigbee.zcl.types` has it; None: there is none."""

_METER = (METERING, PREPAYMENT, PRICE, MESSAGING, CALENDAR, DEVICE_MANAGEMENT, EVENTS)
_DATA_SERVERS = {
    DeviceType.ESME: (*_METER, LOAD_CONTROL),
    DeviceType.GSME: (METERING, PREPAYMENT, EVENTS),
}
_DATA_CLIENTS = {
    DeviceType.PPMID: _METER,
    DeviceType.TYPE_2: _METER,
    DeviceType.HCALCS: (METERING, LOAD_CONTROL),
    DeviceType.SAPC: (METERING,),
}
_ZCL_VERSION, _APPLICATION_VERSION, _NAME, _MODEL, _POWER = 0x0000, 0x0001, 0x0004, 0x0005, 0x0007
_MAINS, _BATTERY = 0x01, 0x03


def add_device_endpoint(
    zcl: ZclLayer,
    device_type: DeviceType,
    settings: DeviceSettings,
    source: AttributeSource,
    is_partner: Callable[[Eui64], bool],
) -> None:
    """Register the endpoint. Meter data is for partners alone."""
    data = _DATA_SERVERS.get(device_type, ())
    tunnel = (TUNNELLING,) if device_type.has_tunnel else ()
    servers = (BASIC, KEY_ESTABLISHMENT, *tunnel, *data)
    clients = (TIME, OTA, KEEP_ALIVE, KEY_ESTABLISHMENT, *tunnel, *_DATA_CLIENTS.get(device_type, ()))
    zcl.add_endpoint(DEVICE_ENDPOINT, device_type.zigbee_device, servers, clients)
    for cluster in data:
        side = zcl.side(DEVICE_ENDPOINT, cluster)
        side.attributes = _sourced(source, cluster)
        side.permits = is_partner
    zcl.side(DEVICE_ENDPOINT, BASIC).attributes = _basic(device_type, settings, source)


def _sourced(source: AttributeSource, cluster: int) -> Attributes:
    def names() -> list[int]:
        return [each for each in load()[cluster].attributes if source(cluster, each) is not None]

    return Attributes(lambda attribute: source(cluster, attribute), names=names)


def _basic(device_type: DeviceType, settings: DeviceSettings, source: AttributeSource) -> Attributes:
    fixed: dict[int, Any] = {
        _ZCL_VERSION: 3,
        _POWER: _BATTERY if device_type.fetches else _MAINS,
        _APPLICATION_VERSION: 1,
        _NAME: settings.manufacturer_name,
        _MODEL: settings.model,
    }

    def read(attribute: int) -> Any:
        given = source(BASIC, attribute)
        return fixed.get(attribute) if given is None else given

    return Attributes(
        read, names=lambda: [each for each in load()[BASIC].attributes if read(each) is not None]
    )

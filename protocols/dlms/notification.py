"""Data-notification: the payload of DLMS alerts (IEC 62056-5-3, GBCS section 7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.dlms.access import encode_head, parse_head
from protocols.dlms.axdr import Data, encode_data, parse_data
from protocols.dlms.lazy_layout import lazy_layouts
from protocols.errors import DecodeError

if TYPE_CHECKING:
    from protocols.dlms.layout import Layout

DATA_NOTIFICATION_TAG = 0x0F


@dataclass(slots=True)
class DataNotification:
    """An alert's payload; ``invoke_id`` is the low 24 bits of the alert's counter, ``body`` a structure."""

    invoke_id: int
    body: Data


def read_notification(payload: bytes, offset: int = 0) -> tuple[DataNotification, int]:
    """Data-notification at ``offset`` and the offset after it."""
    invoke_id, at = parse_head(payload, offset, DATA_NOTIFICATION_TAG)
    try:
        body, at = parse_data(payload, at)
    except DecodeError as error:
        raise error.moved(0, "body") from None
    return DataNotification(invoke_id, body), at


def parse_notification(payload: bytes) -> DataNotification:
    """The data-notification that is the whole payload; DecodeError with offset and path."""
    notification, at = read_notification(payload)
    if at != len(payload):
        raise DecodeError(f"{len(payload) - at} octets left over", offset=at)
    return notification


def build_notification(notification: DataNotification) -> bytes:
    """Payload of a data-notification."""
    head = encode_head(DATA_NOTIFICATION_TAG, notification.invoke_id)
    return head + encode_data(notification.body)


DATA_NOTIFICATION: Layout
if not TYPE_CHECKING:
    __getattr__ = lazy_layouts(DATA_NOTIFICATION=(read_notification, build_notification))

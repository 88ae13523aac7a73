"""Values of gas use cases: tariffs, billing calendars, conversion, the flow threshold; and what answers show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

Values = dict[str, Any]
CALENDAR = 1001
ISSUER = {"*/Issuer Event ID": 1}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOU, _BLOCK = 0x00, 0x10
STANDING_CHARGE, GBP = 30_000, 826
UNKNOWN_SAMPLE = 0xFFFFFF
FREE: Values = {"Publish Tariff Information/Standing Charge": 0}  # nothing that other tests would have to pay


def tariff_terms(*, tiers: int = 0, thresholds: int = 0) -> Values:
    """Publish Tariff Information of a time of use tariff (tiers) or a block tariff (thresholds)."""
    name = "Publish Tariff Information"
    return {
        f"{name}/Tariff Type / Charging Scheme": _BLOCK if thresholds else _TOU,
        f"{name}/Number of Price Tiers in Use": tiers,
        f"{name}/Number of Block Thresholds in Use": thresholds,
        f"{name}/Currency": GBP,
        f"{name}/Standing Charge": STANDING_CHARGE,
    }


def prices(amounts: Sequence[int], *, blocks: bool) -> Values:
    """Publish Price Matrix: of blocks from 0, or of tiers from 1."""
    first = 0 if blocks else 1
    entries = [{"Tier/Block ID": number, "Price": price} for number, price in enumerate(amounts, first)]
    name = "Publish Price Matrix"
    return {f"{name}/Sub-payload Control": 0 if blocks else 1, f"{name}/Price Matrix Entries": entries}


def calendar(switchings: Sequence[tuple[int, int]]) -> Values:
    """A calendar of one day profile (minute of the day, tier), the same all week and all year."""
    entries = [{"Start Time": minute, "Price Tier": tier} for minute, tier in switchings]
    return {
        "Publish Calendar/Number of Seasons": 1,
        "Publish Calendar/Number of Week Profiles": 1,
        "Publish Calendar/Number of Day Profiles": 1,
        "*/Issuer Calendar ID": CALENDAR,
        "Publish Day Profile/Day ID": 1,
        "Publish Day Profile/Total Number of Schedule Entries": len(entries),
        "Publish Day Profile/Day Schedule Entries": entries,
        "Publish Week Profile/Week ID": 1,
        **{f"Publish Week Profile/Day ID Ref {day}": 1 for day in _WEEKDAYS},
        "Publish Seasons/Season Entries": [{"Season Start Date": "*-01-01", "Week ID Ref": 1}],
        "Publish Special Days/Total Number of Special Days": 0,
        "Publish Special Days/Special Day Entries": [],
    }


def block_thresholds(*kwh: int) -> Values:
    """Publish Block Thresholds, of whole kWh."""
    entry = {"Tier/Number of Block Thresholds": len(kwh), "Block Thresholds": [1000 * each for each in kwh]}
    return {"Publish Block Thresholds/Block Threshold Entries": [entry]}


def time_of_use(switchings: Sequence[tuple[int, int]], amounts: Sequence[int]) -> Values:
    """GCS01a of a time of use tariff."""
    return ISSUER | calendar(switchings) | tariff_terms(tiers=4) | prices(amounts, blocks=False)


def free_of_charge() -> Values:
    """GCS01a of a tariff by which nothing has to be paid."""
    return time_of_use([(0, 1)], [0, 0, 0, 0]) | FREE


def by_blocks(kwh: Sequence[int], amounts: Sequence[int]) -> Values:
    """GCS01a of a block tariff."""
    terms = calendar([(0, 0)]) | tariff_terms(thresholds=len(kwh)) | block_thresholds(*kwh)
    return ISSUER | terms | prices(amounts, blocks=True)


def conversion(factor: int, calorific: int) -> Values:
    """GCS23: correction factor with five decimals, calorific value with one."""
    return ISSUER | {
        "Publish Conversion Factor/Conversion Factor": factor,
        "Publish Calorific Value/Calorific Value": calorific,
    }


def billing(start: datetime, duration: int, kind: int) -> Values:
    """GCS25, GCS25a: from a moment on every so many days (0x21), weeks (0x22) or months (0x23)."""
    parts = {"Publish Billing Period": "Billing Period", "Publish Block Period": "Block Period"}
    return ISSUER | {
        f"{command}/{name} {what}": value
        for command, name in parts.items()
        for what, value in {"Start Time": text(start), "Duration": duration, "Duration Type": kind}.items()
    }


def flow_threshold(number: int, *, seconds: int, tamper: int = 3, depletion: int = 3) -> Values:
    """GCS24, GCS24a: the threshold in the use case's own unit, and what the valve does when."""
    return ISSUER | {
        "Set Uncontrolled Flow Threshold/Uncontrolled Flow Threshold": number,
        "Set Uncontrolled Flow Threshold/Stabilisation Period": 10,
        "Set Uncontrolled Flow Threshold/Measurement Period": seconds,
        "Set Supply Status/Supply Tamper State": tamper,
        "Set Supply Status/Supply Depletion State": depletion,
    }


def text(moment: datetime) -> str:
    """A moment as these values have it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(shown: str) -> datetime:
    """The reverse."""
    return datetime.strptime(shown, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


# ---------------------------------------------------------------------- what answers show


def change(user: UserNode, meter: DeviceNode, use_case: str, values: Values, **more: Any) -> Response:
    """A command all of whose components have to be taken."""
    response = user.request(use_case, meter, values=values, **more)
    assert not any(response.statuses.values()), response.statuses
    return response


def consumption(user: UserNode, device: DeviceNode) -> int:
    """GCS13a, in thousandths of a cubic metre."""
    return int(user.request("GCS13a", device, values={}).find("Current Summation Delivered"))


def tiers(user: UserNode, device: DeviceNode) -> list[int]:
    """GCS13c."""
    shown = user.request("GCS13c", device, values={})
    return [int(shown.find(f"Current Tier {number} Summation Delivered")) for number in range(1, 5)]


def blocks(user: UserNode, device: DeviceNode) -> list[int]:
    """GCS13b."""
    shown = user.request("GCS13b", device, values={})
    return [int(shown.find(f"Current no Tier Block {number} Summation Delivered")) for number in range(1, 5)]


def components(response: Response, command: str) -> list[dict[str, Any]]:
    """Components of an answer that are this command, in order."""
    return [each for each in response.named["Components"] if each.get("Command") == command]


def snapshots(user: UserNode, device: DeviceNode, use_case: str) -> list[dict[str, Any]]:
    """GCS15c or GCS16a: the metering snapshots there are."""
    values = {"*/Earliest Start Time": "2000-01-01T00:00:01Z", "*/Latest End Time": "2090-01-01T00:00:00Z"}
    return components(user.request(use_case, device, values=values), "Publish Snapshot")

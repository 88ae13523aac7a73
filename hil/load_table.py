"""The table ``[load]`` of a device file: what flows through an emulated meter."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from hil.checked_toml import FileModel
from protocols.ports import ConfigError
from rigs.emulated.metering.amounts import EPOCH, Amounts, LoadSettings

if TYPE_CHECKING:
    from protocols.eui64 import Eui64

_COLUMNS = Amounts._fields
_TIME = "start"


class LoadTable(FileModel):
    """A load: ``constant`` power, a ``recorded`` one (half hours of a CSV file), or a made-up ``household``.

    A household's years look alike, its half hours do not; they follow from ``seed`` and the device's EUI-64.
    """

    kind: Literal["none", "constant", "recorded", "household"] = Field(
        default="none", description="none, constant, recorded or household"
    )
    import_w: int = Field(default=0, ge=0, description="W")
    export_w: int = Field(default=0, ge=0, description="W")
    import_var: int = Field(default=0, ge=0, description="var")
    export_var: int = Field(default=0, ge=0, description="var")
    secondary_w: int = Field(default=0, ge=0, description="W through a twin element meter's second element")
    gas_l_per_h: int = Field(default=0, ge=0, description="litres an hour")
    file: Path | None = Field(default=None, description="path of a CSV file with half hours")
    seed: int = Field(default=0, ge=0, description="a number")
    annual_kwh: int = Field(default=3100, ge=0, description="kWh a year, both elements")
    secondary_kwh: int = Field(default=0, ge=0, description="of these, kWh a year of the second element")
    annual_gas_m3: int = Field(default=1000, ge=0, description="m3 of gas a year")
    solar_w: int = Field(default=0, ge=0, description="W of solar panels")

    @property
    def files(self) -> dict[str, Path]:
        """Every file named, by its key."""
        return {} if self.file is None else {"file": self.file}


def load_settings(table: LoadTable, eui64: Eui64) -> LoadSettings:
    """What the emulated device is told; ConfigError for a recording that cannot be read."""
    if table.kind == "recorded" and table.file is None:
        raise ConfigError('[load] kind = "recorded" needs a file', next_step="add file = path to the table")
    recording, start = _recording(table.file) if table.kind == "recorded" and table.file else ([], EPOCH)
    power = (table.import_w, table.export_w, table.import_var, table.export_var)
    constant = table.kind == "constant"
    return LoadSettings(
        kind=table.kind,
        rate=Amounts(*power, table.secondary_w, table.gas_l_per_h) if constant else Amounts(),
        recording=recording,
        start=start,
        seed=table.seed ^ int.from_bytes(eui64, "big"),
        annual_kwh=table.annual_kwh,
        secondary_kwh=min(table.secondary_kwh, table.annual_kwh),
        annual_gas_m3=table.annual_gas_m3,
        solar_w=table.solar_w,
    )


def _recording(path: Path) -> tuple[list[Amounts], datetime]:
    """Energy of the half hours that follow one another, and when the first begins (``start``, or 2000)."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        half_hours = [Amounts(*(int(row.get(column) or 0) for column in _COLUMNS)) for row in rows]
        start = datetime.fromisoformat(rows[0].get(_TIME) or EPOCH.isoformat()) if rows else EPOCH
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", next_step=f"write whole numbers under {_names()}") from error
    if not half_hours or not set(rows[0]) & set(_COLUMNS):
        raise ConfigError(f"{path} has no half hours", next_step=f"give it columns out of {_names()}")
    return half_hours, start if start.tzinfo else start.replace(tzinfo=UTC)


def _names() -> str:
    return ", ".join(_COLUMNS)

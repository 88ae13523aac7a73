"""A meter under test whose tariff and calendars are put straight into its objects."""

from __future__ import annotations

from datetime import UTC, datetime

from fixtures.emulated_devices import DeviceBench, SettableClock
from protocols.dlms.axdr import (
    Data,
    Tag,
    array,
    double_long_unsigned,
    integer,
    long_unsigned,
    octet_string,
    structure,
    unsigned,
)
from rigs.emulated.metering.amounts import Amounts, LoadSettings
from rigs.emulated.objects.definition import Place

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)  # midnight


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def constant(watts: int, **other: int) -> LoadSettings:
    return LoadSettings("constant", Amounts(import_wh=watts, **other))


class MeterBench(DeviceBench):
    """An ESME at a midnight, with a load."""

    def __init__(
        self, load: LoadSettings, start: datetime = MONDAY, *, variant: str = "", path: str = ":memory:"
    ):
        changes = {"load": load, "variant": variant}
        super().__init__("esme", path=path, clock=SettableClock(start), changes=changes)

    @property
    def electricity(self):
        return self.device.electricity

    def until(self, moment: datetime | str) -> None:
        """Time goes on, waking the device when it wants to be woken, and somebody looks."""
        end = at(moment) if isinstance(moment, str) else moment
        self.device.run_due()  # a clock that was set is heard of at once
        while (due := self.device.next_due()) is not None and due <= end:
            assert due > self.clock.time, "the device would spin"
            self.clock.time = due
            self.device.run_due()
        self.clock.time = end
        self.look()

    def look(self) -> None:
        with self.device.work():
            """Beginning it settles."""

    def put(self, class_id: int, obis: str, number: int, value: Data) -> None:
        with self.device.work():
            self.device.cosem.put(Place(class_id, bytes.fromhex(obis), number), value)

    def value(self, class_id: int, obis: str, number: int = 2) -> Data:
        return self.device.cosem.value(Place(class_id, bytes.fromhex(obis), number))

    # ------------------------------------------------------------------ settings

    def switching(self, days, weeks=None, seasons=None, special=(), *, element: int = 0) -> None:
        """Days by number with (time, rate); weeks by name with seven days; seasons with start and week."""
        calendar, special_days = f"00000D000{element}FF", f"00000B000{element}FF"
        weeks = weeks or {b"w": [1] * 7}
        seasons = seasons or [(date(None, 1, 1), b"w")]
        self.put(20, calendar, 3, array([season(start, week) for start, week in seasons]))
        entries = [structure(octet_string(name), *map(unsigned, week)) for name, week in weeks.items()]
        self.put(20, calendar, 4, array(entries))
        self.put(20, calendar, 5, array([day_profile(number, entries) for number, entries in days.items()]))
        entries = [
            structure(long_unsigned(index), octet_string(day), unsigned(number))
            for index, (day, number) in enumerate(special)
        ]
        self.put(11, special_days, 2, array(entries))

    def thresholds(self, period: int, ends: list[int]) -> None:
        self.put(21, f"00001000{10 + period:02X}FF", 2, array(map(double_long_unsigned, ends)))

    def prices(self, table: dict[int, int], *, scale: int = -5) -> None:
        entries = [
            structure(octet_string(bytes((index,))), Data(Tag.LONG, price)) for index, price in table.items()
        ]
        reference = structure(long_unsigned(3), octet_string(bytes(6)), integer(2))
        scaling = structure(integer(3), integer(scale))
        self.put(113, "0000131400FF", 5, structure(scaling, reference, array(entries)))

    def billing(self, *moments: tuple[bytes, bytes]) -> None:
        entries = [structure(octet_string(time), octet_string(day)) for time, day in moments]
        self.put(22, "00000F0000FF", 4, array(entries))


def date(year=None, month=None, day=None, weekday=None) -> bytes:
    head = b"\xff\xff" if year is None else year.to_bytes(2, "big")
    return head + bytes(0xFF if each is None else each for each in (month, day, weekday))


def time(hour: int, minute: int = 0) -> bytes:
    return bytes((hour, minute, 0, 0))


def season(start: bytes, week: bytes) -> Data:
    return structure(octet_string(b"s"), octet_string(start + bytes(4) + b"\x80\x00\xff"), octet_string(week))


def day_profile(number: int, entries) -> Data:
    script = octet_string(bytes.fromhex("00000A0064FF"))
    actions = [structure(octet_string(start), script, long_unsigned(rate)) for start, rate in entries]
    return structure(unsigned(number), array(actions))

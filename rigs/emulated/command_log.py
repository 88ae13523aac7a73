"""Entries about commands of remote parties: 0x8154 done, 0x8155 not done (GBCS-16-12).

Which commands are worth an entry no source says. As manufactured those that ask a device to do something are
noted and those that only read are not, or a day of reads would push everything else out of the log
(assumption ``command-log``: "all" notes reads too, "none" notes nothing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

# First words of the titles of use cases that leave a device as it is.
_READS = ("Read", "Provide")
# They leave a log empty, so their own entry does not go into it; setting a clock has events of its own, as
# have credentials, joining and firmware, whose commands are the ASN.1 ones.
_OTHERWISE = frozenset({"ECS15a", "CS11", "ECS70"})


class CommandLog:
    """Notes what became of a command, once it is answered."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._failed = False
        self._dated = False

    def begin(self) -> None:
        """A command is about to be executed."""
        self._failed = self._dated = False

    def failed(self) -> None:
        """Part of the command could not be done; the response says which."""
        self._failed = True

    def dated(self) -> None:
        """The command waits for its date: what becomes of it is noted then, as 0x8F66 or 0x8F67."""
        self._dated = True

    def done(self, command: Command) -> None:
        """The command is executed and its response made."""
        wanted, use_case = self._device.description.assumes("command-log"), command.use_case
        is_read = use_case.title.startswith(_READS)
        if wanted == "none" or self._dated or use_case.code in _OTHERWISE or use_case.payload_kind == "asn1":
            return
        if is_read and wanted != "all":
            return
        code = EventCode.HAN_COMMAND_FAILED if self._failed else EventCode.HAN_COMMAND_DONE
        # As in the reference logs: the message code and nothing else.
        self._device.events.record(code, other=command.header.message_code.to_bytes(2, "big"))

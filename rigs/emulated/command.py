"""A command that has passed all authentication checks, as handlers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.header import GroupingHeader
    from protocols.gbcs.message import Message


@dataclass(slots=True)
class Command:
    """``role`` is the remote party role by whose authority the originator sends this use case.

    ``response_header`` is the Grouping Header that the response will carry; encryption needs it beforehand.
    """

    message: Message
    use_case: UseCase
    role: int
    response_header: GroupingHeader

    @property
    def header(self) -> GroupingHeader:
        """The command's Grouping Header."""
        return self.message.header

    @property
    def payload(self) -> bytes:
        """The command's payload."""
        return self.message.payload

    @property
    def originator(self) -> Eui64:
        """Business Originator ID: who signed the command, or for whom the ACB protected it."""
        return self.message.header.business_originator_id

    @property
    def counter(self) -> int:
        """Originator Counter."""
        return self.message.header.originator_counter

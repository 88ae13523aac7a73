"""What a command supposes of the device that it is sent to; nothing here looks at a reply.

A command that undoes a join supposes the join, one that replaces credentials a root that issued them, a party
that is in none of the key set's usual roles that it has been made the holder of one. These are how the bench
provides a fresh device; whatever a device answers beyond that has to be given from the reply, and is listed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from protocols.dlms.access import parse_access_request
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import UPDATE_CREDENTIALS_COMMAND
from protocols.gbcs.asn1.schema import EUI64, decode
from protocols.gbcs.asn1.types import DeviceType, KeyUsage, RemotePartyRole
from protocols.smki import parse_certificate
from rigs.emulated.asn1_server.modes import MODES, UPDATES, mode_of
from rigs.emulated.chf import Chf
from rigs.emulated.description import TrustAnchor
from rigs.emulated.device_log import LogEntry
from rigs.emulated.esme import Esme
from rigs.emulated.gsme import Gsme
from rigs.emulated.join_log import JoinLogEntry
from rigs.emulated.replaying import Given
from rigs.emulated.trust_anchors import ROLES

if TYPE_CHECKING:
    from hil.replay.pairs import Pair
    from hil.replay.parties import Parties
    from rigs.emulated.description import DeviceDescription
    from rigs.emulated.device import Device

# When the reference set's messages were made; certificates in a command may ask for a later time.
NEW_YEAR = datetime(2015, 1, 1, tzinfo=UTC)
_UNJOINS = frozenset(("CS04AC", "CS04B"))
# Credit is topped up, and emergency credit activated, where prepayment mode is in force and offers it.
_CREDITS = frozenset(("CS01a", "CS01b", "ECS09", "GCS06", "PCS01", "PCS02"))
_SIGNS = KeyUsage.DIGITAL_SIGNATURE
_LIMIT, _THRESHOLD = 500_000, 100_000  # emergency credit, in thousandths of a penny


@dataclass(slots=True)
class Supposed:
    """The device as provided, the time, and state that the command supposes."""

    description: DeviceDescription
    moment: datetime = NEW_YEAR
    state: list[Given] = field(default_factory=list)


def suppose(pair: Pair, parties: Parties) -> Supposed:
    """Provide a device for a command."""
    header = pair.command.header
    supposed = Supposed(parties.describe(header.business_target_id, pair.device_type))
    _seat_originator(supposed, pair, parties)
    code = pair.use_case.code
    if code in _UNJOINS:
        other = decode(EUI64, pair.command.payload)
        entry = JoinLogEntry(other, int(DeviceType.TYPE_2))
        supposed.state.append(Given("device log", str(other), partial(_join, entry)))
    if code == "CCS02":
        supposed.state.append(_listed(pair))
    if code in _CREDITS:
        supposed.state.append(Given("prepayment", "emergency credit offered", _offer))
    if code in UPDATES:
        _trust_path(supposed, pair)
    return supposed


def _offer(device: Device) -> None:
    assert isinstance(device, Esme | Gsme)
    device.prepayment.ledger.side.offer(_LIMIT, _THRESHOLD)


def _listed(pair: Pair) -> Given:
    """The device that is to be removed stands in the hub's device log."""
    device_id = Eui64(parse_access_request(pair.command.payload).data[0].value)
    entry = LogEntry(device_id, "esme", bytes(16), NEW_YEAR, 0)
    return Given("device log", str(device_id), partial(_list, entry))


def _list(entry: LogEntry, device: Device) -> None:
    assert isinstance(device, Chf)
    device.log.entries[entry.device_id] = entry


def _join(entry: JoinLogEntry, device: Device) -> None:
    device.join_log.put(entry)


def _seat_originator(supposed: Supposed, pair: Pair, parties: Parties) -> None:
    """An originator without authority by its own role holds the cells of the role that has it.

    Who signs and has no signing cell in that role holds one as well: the ACB on some devices.
    """
    header, anchors = pair.command.header, supposed.description.trust_anchors
    if pair.use_case.code in UPDATES:
        allowed = {int(MODES[mode_of(header.message_code)].authority)}
    else:
        allowed = {int(ROLES[role]) for role in pair.use_case.roles if role in ROLES}
    mine = [each for each in anchors if _subject(each) == header.business_originator_id]
    able = {each.role for each in mine if not pair.command.signature or each.key_usage == _SIGNS}
    if able & allowed or not allowed:
        return
    own = parties.keys.role_of(header.business_originator_id)
    role = own if own in allowed else min(allowed)
    kept = [each for each in anchors if each.role != role]
    kept += parties.anchors_of(role, header.business_originator_id)
    supposed.description.trust_anchors = kept


def _subject(anchor: TrustAnchor) -> Eui64 | None:
    try:
        return parse_certificate(anchor.certificate).subject_eui
    except DecodeError:
        return None


def _trust_path(supposed: Supposed, pair: Pair) -> None:
    """The authority at the end of a command's path is trusted, at a time when its certificates are valid."""
    asked = UPDATE_CREDENTIALS_COMMAND.decode(pair.command.payload)
    if asked.certification_path and not any(
        each.role == RemotePartyRole.ROOT for each in supposed.description.trust_anchors
    ):
        root = asked.certification_path[-1]
        supposed.description.trust_anchors.append(
            TrustAnchor(int(RemotePartyRole.ROOT), KeyUsage.KEY_CERT_SIGN, 0, root)
        )
    certificates = [each.certificate for each in asked.replacements] + list(asked.certification_path)
    starts = [parse_certificate(each).not_before for each in certificates]
    supposed.moment = max([NEW_YEAR, *starts])

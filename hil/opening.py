"""Opening what devices send: parse, verify, decrypt, decode. Whatever is wrong is said, never raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.exchange import Alert, Received, Response
from hil.keys import RigKeys
from protocols.errors import CodecError, DecodeError
from protocols.gbcs.catalogue import Catalogue
from protocols.gbcs.crypto import verify_mac, verify_signature
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyUse
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named import UNNAMED, decode_named
from protocols.gbcs.named.short import has_short_names, short_values
from protocols.gbcs.protect import Verdicts, decryptor, secret_between, verify_with_keystore

if TYPE_CHECKING:
    from protocols.eui64 import Eui64


class Opener:
    """Opens messages with the keys of a rig."""

    def __init__(self, keys: RigKeys, catalogue: Catalogue, names: dict[Eui64, str]) -> None:
        self._keys = keys
        self._catalogue = catalogue
        self._names = names

    def name_of(self, eui64: Eui64) -> str:
        """A node's name, or the EUI-64 of somebody who is no node of the rig."""
        return self._names.get(eui64, str(eui64))

    def open(self, octets: bytes) -> Received:
        """A Response, an Alert, or a Received whose ``problem`` says why it is neither."""
        try:
            message = parse_message(octets)
        except CodecError as error:
            return Received(octets, problem=str(error))
        kinds: dict[CraFlag, type[Received]] = {CraFlag.RESPONSE: Response, CraFlag.ALERT: Alert}
        opened = kinds.get(message.header.cra_flag, Received)(octets, message=message)
        opened.device = self.name_of(message.header.business_originator_id)
        opened.use_case = self._use_case(message.header)
        self._verify(opened, message)
        if isinstance(opened, Alert):
            opened.to = self.name_of(message.header.business_target_id)
        elif not isinstance(opened, Response):
            opened.problem = "a command, where devices send responses and alerts"
            return opened
        try:
            self._decode(opened, message)
        except CodecError as error:
            opened.problem = f"payload at octet {message.payload_offset}: {error}"
        except Exception as error:  # noqa: BLE001  (a defect of a codec must not cost the evidence of a message)
            opened.problem = f"the bench could not decode this: {type(error).__name__}: {error}"
        return opened

    def _use_case(self, header: GroupingHeader) -> str:
        found = self._catalogue.by_message_code(header.message_code, header.cra_flag)
        return "" if found is None else found.code

    def _verify(self, opened: Received, message: Message) -> None:
        try:
            verdicts = verify_with_keystore(message, self._keys.keystore, self._keys.secrets)
        except CodecError:  # encrypted parts could not be found; MAC and signature can be judged all the same
            verdicts = self._outside(message)
        opened.mac, opened.signature = verdicts.mac, verdicts.signature
        opened.encrypted = list(verdicts.encrypted)

    def _outside(self, message: Message) -> Verdicts:
        """MAC and signature of a message whose payload does not follow its layout."""
        header, store = message.header, self._keys.keystore
        mac = signature = "none"
        if message.mac is not None:
            parties = (header.business_target_id, header.business_originator_id)
            z = secret_between(store, self._keys.secrets, *parties)
            mac = "no_key" if z is None else _word(verify_mac(z, message))
        if message.signature:
            key = store.public(header.business_originator_id, KeyUse.DS)
            octets = message.signed_octets()
            good = key is not None and verify_signature(key, octets, message.signature)
            signature = "no_key" if key is None else _word(good)
        return Verdicts(mac, signature, [])

    def _decode(self, opened: Received, message: Message) -> None:
        """Values by the specification's names, and by the short ones where the message has such."""
        decrypt = decryptor(message, self._keys.keystore, self._keys.secrets)
        try:
            opened.named = decode_named(message, decrypt)["payload"]
        except DecodeError as error:
            opened.problem = str(error)
            # What is not encrypted can be looked at all the same.
            opened.named = _without_opening(message)
        if UNNAMED in opened.named:
            opened.problem = f"payload at octet {message.payload_offset}: not what {opened.use_case} has"
        header = message.header
        if not has_short_names(header.message_code, header.cra_flag):
            opened.values = opened.named
        elif opened.named:
            opened.values = short_values(message, opened.named) or {}


def _without_opening(message: Message) -> dict[str, Any]:
    try:
        payload: dict[str, Any] = decode_named(message)["payload"]
    except DecodeError:
        return {}
    return payload


def _word(good: bool) -> str:
    return "ok" if good else "bad"

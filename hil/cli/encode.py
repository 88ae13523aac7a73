"""``hil encode``: a command of any use case from named values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.key_files import load_keys
from hil.cli.use_cases import find_use_case
from protocols.errors import EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.keystore import KeyStore
    from protocols.gbcs.message import Message

_BROKER = 4  # remote party role: Access Control Broker


@click.command("encode")
@click.argument("code", metavar="USE-CASE")
@click.option("--to", "target", required=True, metavar="EUI64", help="The device.")
@click.option("--from", "originator", required=True, metavar="ROLE|EUI64", help="The sender: supplier, ...")
@click.option("--keys", type=click.Path(path_type=Path), help="Folder of key files, or a key store in JSON.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value of the command, by its name or its place as `hil use-cases USE-CASE` shows them; "
    "'Publish Week Profile[2]/Week ID=2' is one of a component that may be repeated or left out.",
)
@click.option("--values", type=click.Path(path_type=Path), help="A JSON file with values, --set goes on top.")
@click.option("--counter", type=click.IntRange(min=0), help="Originator Counter; the next one without it.")
@click.option(
    "--for",
    "party",
    metavar="ROLE|EUI64",
    help="The party unknown to the device that the Access Control Broker sends for.",
)
@click.option("--for-counter", type=click.IntRange(min=0), help="That party's counter; its next one without.")
@click.option("--message-code", help="Where a use case has several, such as 0x0102 for CS02b.")
@click.option("--precommand", is_flag=True, help="Without signature and MAC, as users send it to the DCC.")
@click.option("--json", "as_json", is_flag=True, help="Octets and named values as JSON.")
def command(
    code: str,
    *,
    target: str,
    originator: str,
    keys: Path | None,
    settings: tuple[str, ...],
    values: Path | None,
    counter: int | None,
    party: str | None,
    for_counter: int | None,
    message_code: str | None,
    precommand: bool,
    as_json: bool,
) -> None:
    """Make a command of a USE-CASE such as ECS27 and print its octets in hexadecimal.

    Values that the use case fixes are filled in. Without --precommand, --keys has to hold the sender's
    signing key (critical commands) and the Access Control Broker's key agreement key (the MAC).
    """
    from protocols.gbcs.message import build_message
    from protocols.gbcs.named import decode_named

    use_case = find_use_case(load_catalogue(), code)
    if use_case.is_alert or use_case.payload_kind is None:
        raise ConfigError(f"{use_case.code} has no command", next_step="see `hil use-cases`")
    keystore = load_keys(keys)
    header = _header(use_case, keystore, target, originator, message_code)
    header.originator_counter = _counter(header.business_originator_id) if counter is None else counter
    if party is not None:
        _add_party(header, use_case, keystore, party, for_counter)
    message = _built(use_case, header, _payload(use_case, header, settings, values), keystore)
    if not precommand:
        message = _protected(message, use_case, keystore)
    octets = build_message(message).hex().upper()
    if as_json:
        click.echo(json.dumps({"octets": octets, "document": decode_named(message)}, indent=2))
    else:
        click.echo(octets)


def _built(use_case: UseCase, header: GroupingHeader, payload: dict[str, Any], keystore: KeyStore) -> Message:
    from protocols.gbcs.named import build_named

    role = _role_of(keystore, header.business_originator_id)
    try:
        return build_named(_document(use_case, header, payload), sender_role=role)
    except EncodeError as error:
        step = f"`hil use-cases {use_case.code}` shows what it takes"
        raise ConfigError(f"{use_case.code}: {error}", next_step=step) from None


def _eui64(text: str, option: str) -> Eui64:
    try:
        return Eui64(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}", next_step="give an EUI-64") from None


def _header(
    use_case: UseCase, keystore: KeyStore, target: str, originator: str, message_code: str | None
) -> GroupingHeader:
    device = _eui64(target, "--to")
    sender = _sender(keystore, originator)
    return GroupingHeader(CraFlag.COMMAND, 0, sender, device, _message_code(use_case, message_code))


def _add_party(
    header: GroupingHeader, use_case: UseCase, keystore: KeyStore, party: str, counter: int | None
) -> None:
    """Supplementary fields: the party, its counter, and its certificate where the answer is encrypted."""
    from protocols.gbcs.keystore import KeyUse

    eui64 = _sender(keystore, party, "--for")
    header.supplementary_remote_party_id = eui64
    header.supplementary_remote_party_counter = _counter(eui64) if counter is None else counter
    if use_case.encrypted:
        header.certificate = keystore.certificate(eui64, KeyUse.KA)
        if not header.certificate:
            what = f"the certificate that {use_case.code} carries, since its answer is encrypted,"
            raise _missing(f"{eui64.hex()}-ka.pem", what)


def _sender(keystore: KeyStore, originator: str, option: str = "--from") -> Eui64:
    """Party by EUI-64, or by its role in the key store."""
    from protocols.gbcs.asn1.types import RemotePartyRole

    role = RemotePartyRole.__members__.get(originator.upper().replace("-", "_"))
    if role is None:
        return _eui64(originator, option)
    found = keystore.with_role(role)
    if not found:
        step = f"give --keys with a certificate of that role, or {option} the EUI-64"
        raise ConfigError(f"{option}: no {originator} among the keys", next_step=step)
    return found[0]


def _role_of(keystore: KeyStore, sender: Eui64) -> str | None:
    """Name of the role that the sender's certificate gives it, where there is one."""
    from protocols.gbcs.asn1.types import RemotePartyRole

    role = keystore.role_of(sender)
    return next((each.name.lower() for each in RemotePartyRole if each == role), None)


def _message_code(use_case: UseCase, text: str | None) -> int:
    known = ", ".join(f"0x{code:04X}" for code in use_case.message_codes)
    if text is None:
        if len(use_case.message_codes) > 1:
            step = f"choose one with --message-code: {known}"
            raise ConfigError(f"{use_case.code} has several message codes", next_step=step)
        return use_case.message_codes[0]
    try:
        code = int(text, 16)
    except ValueError:
        code = -1
    if code not in use_case.message_codes:
        raise ConfigError(f"--message-code: {text!r} is not {use_case.code}'s", next_step=f"it has {known}")
    return code


def _counter(sender: Eui64) -> int:
    """The sender's next counter, from where the bench keeps them too."""
    import os

    from hil.counters import CounterStore

    chosen = os.environ.get("SMETS_HIL_STATE")
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    root = Path(chosen) if chosen else Path(base) / "smets-hil"
    path = root.expanduser().absolute() / "counters.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    store = CounterStore(path)
    try:
        return store.next(sender)
    finally:
        store.close()


def _payload(
    use_case: UseCase, header: GroupingHeader, settings: tuple[str, ...], values: Path | None
) -> dict[str, Any]:
    """What the use case fixes, then the file's values, then single ones."""
    from hil.cli.settings import apply_setting, name_of
    from protocols.gbcs.named.slots import prepared

    names = [name_of(setting) for setting in settings]
    try:
        payload, known = prepared(use_case, header, names, None if values is None else _from_file(values))
    except EncodeError as error:
        step = f"`hil use-cases {use_case.code}` shows what it takes"
        raise ConfigError(f"--set {error}", next_step=step) from None
    for setting in settings:
        apply_setting(payload, known, setting, use_case.code)
    return payload


def _from_file(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: {error}", next_step="give a JSON file with the payload's values"
        ) from None
    if isinstance(loaded, dict) and isinstance(loaded.get("payload"), dict):
        loaded = loaded["payload"]  # a whole document of `hil decode --json` will do
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: no JSON object", next_step="give a JSON file with the payload's values")
    return loaded


def _document(use_case: UseCase, header: GroupingHeader, payload: dict[str, Any]) -> dict[str, Any]:
    from protocols.gbcs.named.header import decode_header

    return {
        "use_case": use_case.code,
        "message_code": f"0x{header.message_code:04X}",
        "header": decode_header(header),
        "payload_kind": use_case.payload_kind,
        "payload": payload,
    }


def _protected(message: Message, use_case: UseCase, keystore: KeyStore) -> Message:
    """Signed and MACed as GBCS section 6 has it for the use case and its sender."""
    from protocols.gbcs.crypto import SecretCache
    from protocols.gbcs.keystore import KeyUse
    from protocols.gbcs.named.rules import command_protection
    from protocols.gbcs.protect import protect, secret_between

    header = message.header
    by_broker = keystore.role_of(header.business_originator_id) == _BROKER
    signed, has_mac = command_protection(use_case, header.message_code, by_broker=by_broker)
    signer = keystore.private(header.business_originator_id, KeyUse.DS)
    if signed and signer is None:
        raise _missing(f"{header.business_originator_id.hex()}-ds.key", "the sender's signing key")
    mac_z = None
    if has_mac:
        brokers = keystore.with_role(_BROKER)
        secrets = (
            secret_between(keystore, SecretCache(), each, header.business_target_id) for each in brokers
        )
        mac_z = next((z for z in secrets if z is not None), None)
        if mac_z is None:
            who = (
                f"{brokers[0].hex()}-ka.key" if brokers else "the Access Control Broker's -ka.pem and -ka.key"
            )
            raise _missing(
                f"{who} and {header.business_target_id.hex()}-ka.pem", "the pair of keys for the MAC"
            )
    return protect(message, signer=signer if signed else None, mac_z=mac_z)


def _missing(files: str, what: str) -> ConfigError:
    step = f"put {files} into the folder of --keys, or use --precommand"
    return ConfigError(f"{what} is not there", next_step=step)

"""Keys: of the network, of the trust centre, link keys, transient keys; and who may ask for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.ezsp.fields import Values
from protocols.ezsp.names import ConfigId, CoreKey, KeyStatus, PolicyId
from protocols.ezsp.names import Decision as PolicyDecision
from protocols.ezsp.status import SlStatus
from protocols.zigbee.aps_commands import RequestKey, RequestKeyType, SwitchKey
from protocols.zigbee.security import KeyIdentifier, mmo_hash
from rigs.emulated.ncp.state import WELL_KNOWN_KEY, KeyEntry, TransientKey, ViolationKind

if TYPE_CHECKING:
    from protocols.zigbee.stack.aps_layer import Origin
    from protocols.zigbee.stack.node import Node
    from rigs.emulated.ncp.ncp import EmulatedNcp

_NO_INDEX = 0xFF
_SWITCH_AFTER_S = 0.5
_EMPTY = Eui64(bytes(8))
_KEY_HAS_SEQUENCE, _KEY_HAS_COUNTERS, _KEY_HAS_PARTNER, _KEY_AUTHORISED = 0x01, 0x06, 0x08, 0x10
_V8_KEYS = {1: CoreKey.TC_LINK, 3: CoreKey.NETWORK}


class Security:
    """Commands of the security manager and its predecessors."""

    def __init__(self, ncp: EmulatedNcp) -> None:
        self._ncp = ncp
        self.handlers: dict[str, Callable[[Values], Values]] = {
            "setInitialSecurityState": self._initial,
            "getCurrentSecurityState": self._current,
            "getNetworkKeyInfo": self._network_key_info,
            "exportKey": self._export,
            "importKey": lambda _: {"status": SlStatus.NOT_SUPPORTED},
            "checkKeyContext": lambda values: {"status": self._export(values)["status"]},
            "getKey": self._get_key,
            "importLinkKey": self._set_entry,
            "setKeyTableEntry": self._set_entry,
            "addOrUpdateKeyTableEntry": self._update_entry,
            "findKeyTableEntry": lambda values: {"index": self._find(values["eui64"])},
            "eraseKeyTableEntry": self._erase,
            "clearKeyTable": self._clear,
            "exportLinkKeyByIndex": lambda values: self._exported(values["index"]),
            "exportLinkKeyByEui": lambda values: self._exported(self._find(values["eui64"])),
            "getKeyTableEntry": self._table_entry,
            "getApsKeyInfo": lambda values: self._exported(self._find(values["context"]["eui64"])),
            "importTransientKey": self._import_transient,
            "addTransientLinkKey": self._import_transient,
            "exportTransientKeyByEui": lambda values: self._transient(values["eui64"]),
            "exportTransientKeyByIndex": lambda values: self._transient(self._transient_at(values["index"])),
            "getTransientLinkKey": lambda values: self._transient(values["eui64"]),
            "getTransientKeyTableEntry": lambda values: self._transient(self._transient_at(values["index"])),
            "clearTransientLinkKeys": self._clear_transient,
            "removeDevice": self._remove,
            "unicastNwkKeyUpdate": self._unicast_network_key,
            "broadcastNextNetworkKey": self._next_network_key,
            "broadcastNetworkKeySwitch": self._switch_network_key,
            "requestLinkKey": lambda _: {"status": SlStatus.INVALID_STATE},
            "updateTcLinkKey": lambda _: {"status": SlStatus.INVALID_STATE},
            "aesMmoHash": self._hash,
            # No licensed CBKE library in this firmware, as in most: the host does CBKE and imports the key.
            "generateCbkeKeys": lambda _: {"status": SlStatus.NOT_SUPPORTED},
            "generateCbkeKeys283k1": lambda _: {"status": SlStatus.NOT_SUPPORTED},
            "calculateSmacs": lambda _: {"status": SlStatus.NOT_SUPPORTED},
            "calculateSmacs283k1": lambda _: {"status": SlStatus.NOT_SUPPORTED},
            "getCertificate": lambda _: {"status": SlStatus.NOT_SUPPORTED},
            "getCertificate283k1": lambda _: {"status": SlStatus.NOT_SUPPORTED},
        }

    @property
    def _node(self) -> Node:
        return self._ncp.stack.node

    # State

    def _initial(self, values: Values) -> Values:
        if self._ncp.stack.joined:
            return {"status": SlStatus.INVALID_STATE}
        self._ncp.memory.security = values["state"]
        return {"status": SlStatus.OK}

    def _current(self, _: Values) -> Values:
        if not self._ncp.stack.joined:
            return {"status": SlStatus.NOT_JOINED}
        state = {"bitmask": self._ncp.tokens.security_bits & 0x84, "trust_center": self._ncp.radio.eui64}
        return {"status": SlStatus.OK, "state": state}

    def _network_key_info(self, _: Values) -> Values:
        nwk = self._node.nwk
        active = nwk.keys.active
        others = [key.sequence for key in nwk.keys.by_sequence.values() if key is not active]
        info = {
            "set": active is not None,
            "alternate_set": bool(others),
            "sequence": active.sequence if active is not None else 0,
            "alternate_sequence": others[0] if others else 0,
            "counter": nwk.counter.value,
        }
        return {"status": SlStatus.OK, "info": info}

    def _core_key(self, which: int) -> bytes | None:
        active = self._node.nwk.keys.active
        if which == CoreKey.NETWORK:
            return active.key if active is not None else None
        return self._ncp.tokens.link_key if which == CoreKey.TC_LINK and self._ncp.stack.joined else None

    def _export(self, values: Values) -> Values:
        context = values["context"]
        key = self._core_key(context["core_type"])
        if context["core_type"] == CoreKey.APP_LINK:
            entry = self._ncp.tokens.keys.get(self._find(context["eui64"]))
            key = entry.key if entry is not None else None
        if key is None:
            return {"status": SlStatus.NOT_FOUND, "context": context}
        return {"status": SlStatus.OK, "context": context, "key": key}

    def _get_key(self, values: Values) -> Values:
        which = _V8_KEYS.get(values["type"], 0)
        key = self._core_key(which)
        if key is None:
            return {"status": SlStatus.INVALID_KEY}
        node = self._node
        network = which == CoreKey.NETWORK
        active = node.nwk.keys.active
        counter = node.nwk.counter if network else node.aps.keys.counter
        return {
            "status": SlStatus.OK,
            "key": {
                "bitmask": _KEY_HAS_SEQUENCE | _KEY_HAS_COUNTERS if network else _KEY_HAS_COUNTERS,
                "type": values["type"],
                "key": key,
                "outgoing_counter": counter.value,
                "incoming_counter": 0,
                "sequence": active.sequence if network and active is not None else 0,
                "partner": _EMPTY if network else Eui64(b"\xff" * 8),
            },
        }

    # The key table

    def _find(self, eui64: Eui64) -> int:
        keys = self._ncp.tokens.keys
        return next((index for index, entry in keys.items() if entry.eui64 == eui64), _NO_INDEX)

    def _size(self) -> int:
        return self._ncp.memory.configuration[ConfigId.KEY_TABLE_SIZE]

    def _set_entry(self, values: Values) -> Values:
        if values["index"] >= self._size():
            return {"status": SlStatus.INVALID_INDEX}
        return self._put(values["index"], values["eui64"], values["key"])

    def _update_entry(self, values: Values) -> Values:
        keys = self._ncp.tokens.keys
        index = self._find(values["eui64"])
        if index == _NO_INDEX:
            index = next((free for free in range(self._size()) if free not in keys), _NO_INDEX)
        if index == _NO_INDEX:
            return {"status": SlStatus.FULL}
        return self._put(index, values["eui64"], values["key"])

    def _put(self, index: int, eui64: Eui64, key: bytes) -> Values:
        if self._find(eui64) not in (_NO_INDEX, index):
            return {"status": SlStatus.INVALID_PARAMETER}
        self._ncp.tokens.keys[index] = KeyEntry(eui64, key)
        self._node.install_link_key(eui64, key)
        return {"status": SlStatus.OK}

    def _erase(self, values: Values) -> Values:
        if values["index"] >= self._size():
            return {"status": SlStatus.INVALID_INDEX}
        entry = self._ncp.tokens.keys.pop(values["index"], None)
        if entry is not None:
            self._forget(entry)
        return {"status": SlStatus.OK}

    def _forget(self, entry: KeyEntry) -> None:
        link = self._node.aps.keys.by_partner.get(entry.eui64)
        if link is not None and link.key == entry.key:
            self._node.aps.keys.remove(entry.eui64)

    def _clear(self, _: Values) -> Values:
        for entry in self._ncp.tokens.keys.values():
            self._forget(entry)
        self._ncp.tokens.keys.clear()
        return {"status": SlStatus.OK}

    def _exported(self, index: int) -> Values:
        entry = self._ncp.tokens.keys.get(index)
        if entry is None:
            return {"status": SlStatus.NOT_FOUND}
        link = self._node.aps.keys.by_partner.get(entry.eui64)
        metadata = {
            "bitmask": _KEY_HAS_COUNTERS | _KEY_HAS_PARTNER | _KEY_AUTHORISED,
            "outgoing_counter": self._node.aps.keys.counter.value,
            "incoming_counter": link.incoming if link is not None else 0,
            "ttl_s": 0,
        }
        context = _context(CoreKey.APP_LINK, index, entry.eui64)
        return {
            "status": SlStatus.OK,
            "eui64": entry.eui64,
            "key": entry.key,
            "index": index,
            "metadata": metadata,
            "context": context,
        }

    def _table_entry(self, values: Values) -> Values:
        if values["index"] >= self._size():
            return {"status": SlStatus.INVALID_INDEX}
        found = self._exported(values["index"])
        if found["status"] is not SlStatus.OK:
            return found
        metadata = found["metadata"]
        key = {
            "bitmask": metadata["bitmask"],
            "type": 5,  # application link key
            "key": found["key"],
            "outgoing_counter": metadata["outgoing_counter"],
            "incoming_counter": metadata["incoming_counter"],
            "sequence": 0,
            "partner": found["eui64"],
        }
        return {"status": SlStatus.OK, "key": key}

    # Transient keys

    def _import_transient(self, values: Values) -> Values:
        ncp = self._ncp
        eui64 = values.get("eui64") or values["partner"]
        lasts = ncp.memory.configuration[ConfigId.TRANSIENT_KEY_TIMEOUT_S]
        ncp.memory.transient_keys[eui64] = TransientKey(values["key"], ncp.now() + lasts)
        if values["key"] == WELL_KNOWN_KEY:
            ncp.violated(ViolationKind.WELL_KNOWN_KEY_IMPORTED, eui64)
            ncp.stack.check_keys()
        return {"status": SlStatus.OK}

    def _transient_at(self, index: int) -> Eui64 | None:
        known = list(self._ncp.memory.transient_keys)
        return known[index] if index < len(known) else None

    def _transient(self, eui64: Eui64 | None) -> Values:
        now = self._ncp.now()
        entry = self._ncp.memory.transient_keys.get(eui64) if eui64 is not None else None
        if entry is None or eui64 is None or entry.until <= now:
            return {"status": SlStatus.NOT_FOUND}
        left = int(entry.until - now)
        context = _context(CoreKey.TC_LINK_WITH_TIMEOUT, 0, eui64)
        metadata = {"bitmask": 0, "outgoing_counter": 0, "incoming_counter": 0, "ttl_s": left}
        found: Values = {"status": SlStatus.OK, "context": context, "metadata": metadata}
        fields = self._ncp.tables.commands.get("getTransientLinkKey")
        if fields is not None:
            found["key"] = {"eui64": eui64, "key": entry.key, "bitmask": 0, "remaining_s": left}
        else:
            found["key"] = entry.key
        return found

    def _clear_transient(self, _: Values) -> Values:
        self._ncp.memory.transient_keys.clear()
        return {}

    # Devices and the network key

    def _remove(self, values: Values) -> Values:
        if not self._ncp.stack.joined:
            return {"status": SlStatus.NETWORK_DOWN}
        self._node.remove_device(values["target"])
        return {"status": SlStatus.OK}

    def _unicast_network_key(self, values: Values) -> Values:
        node = self._node
        active, trust_centre = node.nwk.keys.active, node.trust_centre
        device = trust_centre.devices.get(values["eui64"]) if trust_centre is not None else None
        if active is None or trust_centre is None or device is None:
            return {"status": SlStatus.NOT_FOUND}
        sequence = (active.sequence + 1) & 0xFF
        node.nwk.keys.add(values["key"], sequence, activate=False)
        octets = trust_centre.network_key_for(device, sequence)
        if octets is None:
            return {"status": SlStatus.INVALID_KEY}
        node.nwk.send_data(values["destination"], octets)
        return {"status": SlStatus.OK}

    def _next_network_key(self, values: Values) -> Values:
        active = self._node.nwk.keys.active
        if active is None:
            return {"status": SlStatus.NETWORK_DOWN}
        key = values["key"] if any(values["key"]) else self._ncp.random.randbytes(16)
        self._node.nwk.keys.add(key, (active.sequence + 1) & 0xFF, activate=False)
        # The broadcast itself, under the network key alone, is nothing that a GB HAN's devices accept.
        return {"status": SlStatus.OK}

    def _switch_network_key(self, _: Values) -> Values:
        node = self._node
        active = node.nwk.keys.active
        others = [key.sequence for key in node.nwk.keys.by_sequence.values() if key is not active]
        if active is None or not others:
            return {"status": SlStatus.INVALID_STATE}
        octets = node.aps.command_octets(SwitchKey(others[0]), None, KeyIdentifier.LINK)
        node.nwk.send_data(0xFFFF, octets)
        self._ncp.after(_SWITCH_AFTER_S, lambda: node.nwk.switch_key(others[0]))
        return {"status": SlStatus.OK}

    def _hash(self, values: Values) -> Values:
        if not values["finalize"] or values["context"]["length"]:
            return {"status": SlStatus.NOT_SUPPORTED}
        result = mmo_hash(values["data"])
        return {"status": SlStatus.OK, "context": {"result": result, "length": len(values["data"])}}


def _context(core: CoreKey, index: int, eui64: Eui64) -> Values:
    return {
        "core_type": core,
        "index": index,
        "derived_type": 0,
        "eui64": eui64,
        "network_index": 0,
        "flags": 2,
        "psa_permission": 0,
    }


def watch_key_requests(ncp: EmulatedNcp, node: Node) -> None:
    """Partner link keys as the policy has it, and the host told of each request."""
    answer = node.aps.commands[RequestKey]

    def requested(command: RequestKey, origin: Origin) -> None:
        decision = ncp.memory.policies[PolicyId.APP_KEY_REQUEST]
        denied = decision != PolicyDecision.ALLOW_APP_KEY_REQUESTS
        application = command.key_type == RequestKeyType.APPLICATION_LINK
        if not (application and denied):
            answer(command, origin)
        if application and origin.eui64 is not None:
            status = (
                KeyStatus.TC_REJECTED_APP_KEY_REQUEST if denied else KeyStatus.TC_APP_KEY_SENT_TO_REQUESTER
            )
            ncp.tell("zigbeeKeyEstablishmentHandler", partner=origin.eui64, status=status)

    node.aps.commands[RequestKey] = requested

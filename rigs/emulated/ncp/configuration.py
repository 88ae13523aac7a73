"""Configuration, values, policies, tokens and counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.ezsp.fields import Values
from protocols.ezsp.names import COUNTERS, Decision, JoinPolicy, PolicyId, ValueId
from protocols.ezsp.status import SlStatus
from protocols.han import Endpoint
from rigs.emulated.ncp.state import ViolationKind

if TYPE_CHECKING:
    from rigs.emulated.ncp.ncp import EmulatedNcp

_MFG_STRING, _MFG_BOARD = 0x01, 0x02
_MFG_SIZES = {0x00: 2, 0x01: 16, 0x02: 16, 0x03: 2, 0x04: 2, 0x05: 16, 0x09: 92, 0x0A: 20, 0x0C: 8}
_GREEN_POWER = 242
_RELEASE_TYPE_GA = 0xAA


class Configuration:
    """Commands that ask and set."""

    def __init__(self, ncp: EmulatedNcp) -> None:
        self._ncp = ncp
        self.handlers: dict[str, Callable[[Values], Values]] = {
            "getConfigurationValue": self._get_configuration,
            "setConfigurationValue": self._set_configuration,
            "getValue": self._get_value,
            "getExtendedValue": lambda _: {"status": SlStatus.NOT_FOUND},
            "setValue": self._set_value,
            "setPolicy": self._set_policy,
            "getPolicy": self._get_policy,
            "addEndpoint": self._add_endpoint,
            "nop": _done,
            "callback": _done,
            "echo": lambda values: {"echo": values["data"]},
            "customFrame": lambda _: {"status": SlStatus.NOT_SUPPORTED},
            "getMfgToken": self._get_mfg_token,
            "setMfgToken": self._set_mfg_token,
            "getToken": lambda values: {"data": ncp.tokens.written.get(values["token"], bytes(8))},
            "setToken": self._set_token,
            "getTokenCount": _done,
            "getTokenInfo": lambda _: {"status": SlStatus.INVALID_INDEX},
            "getTokenData": lambda _: {"status": SlStatus.NOT_FOUND},
            "setTokenData": lambda _: {"status": SlStatus.NOT_FOUND},
            "tokenFactoryReset": self._factory_reset,
            "resetNode": self._reset_node,
            "writeNodeData": lambda _: {"status": SlStatus.OK},
            "readCounters": lambda _: {"values": list(ncp.memory.counters)},
            "readAndClearCounters": self._clear_counters,
            "getRandomNumber": lambda _: {"status": SlStatus.OK, "value": ncp.random.randrange(0x10000)},
            "setManufacturerCode": self._set_manufacturer_code,
            "setPowerDescriptor": lambda _: {"status": SlStatus.OK},
            "gpSinkTableClearAll": _done,
        }

    def _get_configuration(self, values: Values) -> Values:
        value = self._ncp.memory.configuration.get(values["config"])
        return {"status": SlStatus.NOT_FOUND} if value is None else {"status": SlStatus.OK, "value": value}

    def _set_configuration(self, values: Values) -> Values:
        configuration, which = self._ncp.memory.configuration, values["config"]
        if which not in configuration:
            return {"status": SlStatus.NOT_FOUND}
        if self._ncp.stack.joined:
            return {"status": SlStatus.INVALID_STATE}
        configuration[which] = values["value"]
        return {"status": SlStatus.OK}

    def _get_value(self, values: Values) -> Values:
        which = values["value_id"]
        node = self._ncp.stack.node
        fixed = {
            ValueId.VERSION_INFO: self._ncp.firmware.build.to_bytes(2, "little")
            + bytes((*self._ncp.firmware.release, _RELEASE_TYPE_GA)),
            ValueId.FREE_BUFFERS: b"\xf0\x00",
            ValueId.MAXIMUM_INCOMING_TRANSFER_SIZE: (82).to_bytes(2, "little"),
            ValueId.MAXIMUM_OUTGOING_TRANSFER_SIZE: (82).to_bytes(2, "little"),
            ValueId.NWK_FRAME_COUNTER: node.nwk.counter.value.to_bytes(4, "little"),
            ValueId.APS_FRAME_COUNTER: node.aps.keys.counter.value.to_bytes(4, "little"),
        }
        value = fixed.get(which, self._ncp.memory.values.get(which))
        return {"status": SlStatus.NOT_FOUND} if value is None else {"status": SlStatus.OK, "value": value}

    def _set_value(self, values: Values) -> Values:
        which, value = values["value_id"], values["value"]
        counters = {
            ValueId.NWK_FRAME_COUNTER: self._ncp.stack.node.nwk.counter,
            ValueId.APS_FRAME_COUNTER: self._ncp.stack.node.aps.keys.counter,
        }
        if which == ValueId.VERSION_INFO:
            return {"status": SlStatus.INVALID_PARAMETER}
        if which in counters:
            if self._ncp.stack.joined or len(value) != 4:
                return {"status": SlStatus.INVALID_STATE}
            counters[ValueId(which)].restart(int.from_bytes(value, "little"))
        else:
            self._ncp.memory.values[which] = value
        return {"status": SlStatus.OK}

    def _set_policy(self, values: Values) -> Values:
        ncp, which, decision = self._ncp, values["policy"], values["decision"]
        if which not in ncp.memory.policies:
            return {"status": SlStatus.NOT_FOUND}
        ncp.memory.policies[which] = decision
        if which == PolicyId.TRUST_CENTER:
            if decision & JoinPolicy.SEND_KEY_IN_CLEAR:
                ncp.violated(ViolationKind.KEY_IN_CLEAR, ncp.radio.eui64)
            ncp.stack.check_keys()
        elif which == PolicyId.TC_KEY_REQUEST:
            keys = ncp.stack.node.trust_centre_keys
            assert keys is not None
            keys.gives_trust_centre_keys = decision != Decision.DENY_TC_KEY_REQUESTS
        return {"status": SlStatus.OK}

    def _get_policy(self, values: Values) -> Values:
        decision = self._ncp.memory.policies.get(values["policy"])
        if decision is None:
            return {"status": SlStatus.NOT_FOUND}
        return {"status": SlStatus.OK, "decision": decision}

    def _add_endpoint(self, values: Values) -> Values:
        if self._ncp.stack.joined:
            return {"status": SlStatus.INVALID_STATE}
        endpoint = Endpoint(
            values["endpoint"],
            values["profile"],
            values["device"],
            tuple(values["input_clusters"]),
            tuple(values["output_clusters"]),
            values["version"],
        )
        if endpoint.number == _GREEN_POWER:
            return {"status": SlStatus.OK}  # hosts register it; a GB HAN has no such traffic
        try:
            self._ncp.stack.node.add_endpoint(endpoint)
        except ValueError:
            return {"status": SlStatus.INVALID_PARAMETER}
        return {"status": SlStatus.OK}

    # Tokens

    def _get_mfg_token(self, values: Values) -> Values:
        which = values["token"]
        size = _MFG_SIZES.get(which, 0)
        firmware = {_MFG_STRING: self._ncp.firmware.manufacturer, _MFG_BOARD: self._ncp.firmware.board}
        data = self._ncp.tokens.manufacturing.get(which, firmware.get(which, b""))
        return {"data": data[:size].ljust(size, b"\xff")}

    def _set_mfg_token(self, values: Values) -> Values:
        # Such tokens are written once.
        if values["token"] in self._ncp.tokens.manufacturing:
            return {"status": SlStatus.INVALID_STATE}
        self._ncp.tokens.manufacturing[values["token"]] = values["data"]
        return {"status": SlStatus.OK}

    def _set_token(self, values: Values) -> Values:
        self._ncp.tokens.written[values["token"]] = values["data"]
        return {"status": SlStatus.OK}

    def _factory_reset(self, _: Values) -> Values:
        tokens = self._ncp.tokens
        tokens.network, tokens.erased = None, True
        tokens.keys.clear()
        tokens.written.clear()
        return {}

    def _reset_node(self, _: Values) -> Values:
        self._ncp.after(0, self._ncp.reset)
        return {}

    def _clear_counters(self, _: Values) -> Values:
        values = list(self._ncp.memory.counters)
        self._ncp.memory.counters = [0] * COUNTERS
        return {"values": values}

    def _set_manufacturer_code(self, values: Values) -> Values:
        self._ncp.stack.node.zdp_servers.manufacturer_code = values["code"]
        return {"status": SlStatus.OK}


def _done(_: Values) -> Values:
    return {}

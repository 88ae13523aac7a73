"""What a node answers to ZDP requests: descriptors, addresses, bindings, management (2.4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import DataReceived, DeviceAnnounced, Endpoint, HanRole
from protocols.zigbee.stack.aps_layer import ApsLayer
from protocols.zigbee.stack.constants import (
    CAPABILITY_RX_ON,
    NWK_MAX_ADDRESSES,
    PROFILE_WILDCARD,
    TRUST_CENTRE_SHORT,
)
from protocols.zigbee.stack.core import Core
from protocols.zigbee.stack.joining import capability_of
from protocols.zigbee.stack.membership import Membership
from protocols.zigbee.stack.nwk_layer import NwkLayer
from protocols.zigbee.stack.zdp_service import Values, ZdpService
from protocols.zigbee.zdp import RESPONSE, ZdpCluster
from protocols.zigbee.zdp_table import (
    Binding,
    Neighbour,
    NodeDescriptor,
    Route,
    SimpleDescriptor,
    ZdpStatus,
)

_PAGE = 3  # entries of a table in one answer
_MAX_BINDINGS = 32
_STACK_REVISION = 22 << 9  # server mask bits 9 to 15 (2.3.2.3.10)
_PRIMARY_TRUST_CENTRE = 0x0001
_LOGICAL_TYPE = {HanRole.COORDINATOR: 0, HanRole.ROUTER: 1}
_UNKNOWN = 2


class ZdpServers:
    """The servers of one node, put into its `ZdpService`."""

    def __init__(
        self, core: Core, nwk: NwkLayer, aps: ApsLayer, membership: Membership, zdp: ZdpService
    ) -> None:
        self._core = core
        self._nwk = nwk
        self._aps = aps
        self._membership = membership
        self.endpoints: dict[int, Endpoint] = {}
        self.bindings: list[Binding] = []
        self.manufacturer_code = 0x0000
        self.on_leave: Callable[[bool], None] = lambda _: None
        self.on_conflict: Callable[[int], None] = lambda _: None
        self.on_announced: Callable[[Eui64, int], None] = lambda *_: None
        zdp.listeners[ZdpCluster.PARENT_ANNCE | RESPONSE] = self._parent_annce_rsp
        zdp.servers |= {
            ZdpCluster.NWK_ADDR_REQ: self._nwk_addr,
            ZdpCluster.IEEE_ADDR_REQ: self._ieee_addr,
            ZdpCluster.NODE_DESC_REQ: self._node_desc,
            ZdpCluster.POWER_DESC_REQ: self._of_us(lambda _: {"descriptor": 0xC110}),
            ZdpCluster.SIMPLE_DESC_REQ: self._simple_desc,
            ZdpCluster.ACTIVE_EP_REQ: self._of_us(lambda _: {"endpoints": sorted(self.endpoints)}),
            ZdpCluster.MATCH_DESC_REQ: self._match_desc,
            ZdpCluster.DEVICE_ANNCE: self._device_annce,
            ZdpCluster.PARENT_ANNCE: self._parent_annce,
            ZdpCluster.BIND_REQ: self._bind,
            ZdpCluster.UNBIND_REQ: self._unbind,
            ZdpCluster.MGMT_LQI_REQ: lambda values, _: self._page(values, self._neighbours()),
            ZdpCluster.MGMT_RTG_REQ: lambda values, _: self._page(values, self._routes()),
            ZdpCluster.MGMT_BIND_REQ: lambda values, _: self._page(values, self.bindings),
            ZdpCluster.MGMT_LEAVE_REQ: self._mgmt_leave,
            ZdpCluster.MGMT_PERMIT_JOINING_REQ: self._mgmt_permit,
        }

    # Addresses

    def _nwk_addr(self, values: Values, data: DataReceived) -> Values | None:
        return self._address(values["ieee"], self._short_of(values["ieee"]), data)

    def _ieee_addr(self, values: Values, data: DataReceived) -> Values | None:
        short = values["nwk"]
        if short == self._nwk.short:
            return self._address(self._core.eui64, short, data)
        child = self._nwk.neighbours.by_short.get(short)
        known = child is not None and child.is_child
        return self._address(
            child.eui64 if child is not None else Eui64(bytes(8)), short if known else None, data
        )

    def _short_of(self, eui64: Eui64) -> int | None:
        """Our short address, or that of a child of ours that may sleep."""
        if eui64 == self._core.eui64:
            return self._nwk.short
        child = self._nwk.neighbours.by_eui64.get(eui64)
        return child.short if child is not None and child.is_child and not child.rx_on else None

    def _address(self, eui64: Eui64, short: int | None, data: DataReceived) -> Values | None:
        if short is None:
            return (
                None
                if data.broadcast
                else {"status": ZdpStatus.DEVICE_NOT_FOUND, "ieee": eui64, "nwk": 0xFFFF}
            )
        none = {"start_index": None, "associated": None}
        return {"status": ZdpStatus.SUCCESS, "ieee": eui64, "nwk": short} | none

    # Descriptors

    def _of_us(self, give: Callable[[Values], Values]) -> Callable[[Values, DataReceived], Values | None]:
        """An answer about ourselves; other addresses are not ours to tell of."""

        def server(values: Values, data: DataReceived) -> Values | None:
            if values["nwk"] == self._nwk.short:
                return {"status": ZdpStatus.SUCCESS, "nwk": self._nwk.short} | give(values)
            return None if data.broadcast else {"status": ZdpStatus.INV_REQUESTTYPE, "nwk": values["nwk"]}

        return server

    def _node_desc(self, values: Values, data: DataReceived) -> Values | None:
        role = self._nwk.role
        mask = _STACK_REVISION | (_PRIMARY_TRUST_CENTRE if role is HanRole.COORDINATOR else 0)
        descriptor = NodeDescriptor(
            _LOGICAL_TYPE.get(role, 2), capability_of(role), self.manufacturer_code, server_mask=mask
        )
        return self._of_us(lambda _: {"descriptor": descriptor})(values, data)

    def _simple_desc(self, values: Values, data: DataReceived) -> Values | None:
        endpoint = self.endpoints.get(values["endpoint"])
        if values["nwk"] == self._nwk.short and endpoint is None:
            wrong = ZdpStatus.NOT_ACTIVE if 1 <= values["endpoint"] <= 240 else ZdpStatus.INVALID_EP
            return {"status": wrong, "nwk": values["nwk"], "descriptor": None}

        def give(_: Values) -> Values:
            assert endpoint is not None
            descriptor = SimpleDescriptor(
                endpoint.number,
                endpoint.profile,
                endpoint.device,
                list(endpoint.input_clusters),
                list(endpoint.output_clusters),
                endpoint.device_version,
            )
            return {"descriptor": descriptor}

        return self._of_us(give)(values, data)

    def _match_desc(self, values: Values, data: DataReceived) -> Values | None:
        if values["nwk"] != self._nwk.short and not data.broadcast:
            return {"status": ZdpStatus.INV_REQUESTTYPE, "nwk": values["nwk"], "endpoints": []}
        wanted_in, wanted_out = set(values["input_clusters"]), set(values["output_clusters"])
        matching = [
            endpoint.number
            for endpoint in self.endpoints.values()
            if values["profile"] in (endpoint.profile, PROFILE_WILDCARD)
            and (wanted_in & set(endpoint.input_clusters) or wanted_out & set(endpoint.output_clusters))
        ]
        if data.broadcast and not matching:
            return None
        return {"status": ZdpStatus.SUCCESS, "nwk": self._nwk.short, "endpoints": matching}

    # News of devices

    def _device_annce(self, values: Values, _: DataReceived) -> None:
        eui64, short, capability = values["ieee"], values["nwk"], values["capability"]
        nwk = self._nwk
        if eui64 == self._core.eui64:
            return
        if short == nwk.short:
            self.on_conflict(short)
            return
        nwk.learn(eui64, short)
        self._aps.forget_duplicates(short)
        sleepers = self._aps.sleepers
        sleepers.discard(short)
        if not capability & CAPABILITY_RX_ON:
            if len(sleepers) >= NWK_MAX_ADDRESSES:
                sleepers.intersection_update(other for _, other in nwk.addresses.pairs())
            sleepers.add(short)
        known = nwk.neighbours.by_eui64.get(eui64)
        # Our child sends its announcement through us, so then it was heard just now.
        if known is not None and known.is_child and known.heard_at < self._core.now() - 1.0:
            self._membership.drop(known)
        nwk.routing.routes.pop(short, None)
        self._core.emit(DeviceAnnounced(eui64, short, capability))
        self.on_announced(eui64, capability)

    def _parent_annce(self, values: Values, data: DataReceived) -> Values | None:
        mine = []
        for eui64 in values["children"]:
            child = self._nwk.neighbours.by_eui64.get(eui64)
            if child is None or not child.is_child or child.is_router:
                continue
            if self._core.now() - child.heard_at < child.timeout_s / 2:
                mine.append(eui64)
            else:
                self._membership.drop(child)
        if not mine or data.short_address == self._nwk.short:
            return None
        return {"status": ZdpStatus.SUCCESS, "children": mine}

    def _parent_annce_rsp(self, values: Values) -> None:
        for eui64 in values.get("children", ()):
            child = self._nwk.neighbours.by_eui64.get(eui64)
            if child is not None and child.is_child and not child.is_router:
                self._membership.drop(child)

    # Bindings

    def _bind(self, values: Values, _: DataReceived) -> Values:
        binding = Binding(**{name: value for name, value in values.items() if name != "rest"})
        if binding.source != self._core.eui64 or binding.source_endpoint not in self.endpoints:
            return {"status": ZdpStatus.INVALID_EP}
        if binding not in self.bindings:
            if len(self.bindings) >= _MAX_BINDINGS:
                return {"status": ZdpStatus.TABLE_FULL}
            self.bindings.append(binding)
        return {"status": ZdpStatus.SUCCESS}

    def _unbind(self, values: Values, _: DataReceived) -> Values:
        binding = Binding(**{name: value for name, value in values.items() if name != "rest"})
        if binding not in self.bindings:
            return {"status": ZdpStatus.NO_ENTRY}
        self.bindings.remove(binding)
        return {"status": ZdpStatus.SUCCESS}

    # Management

    def _page(self, values: Values, entries: list[Any]) -> Values:
        start = values["start_index"]
        return {
            "status": ZdpStatus.SUCCESS,
            "total": len(entries),
            "start_index": start,
            "entries": entries[start : start + _PAGE],
        }

    def _neighbours(self) -> list[Neighbour]:
        nwk = self._nwk
        return [
            Neighbour(
                nwk.extended_pan_id,
                known.eui64,
                known.short,
                known.kind,
                int(known.rx_on),
                known.relationship,
                _UNKNOWN,
                nwk.depth + 1 if known.is_child else 0,
                known.lqi,
            )
            for known in nwk.neighbours
        ]

    def _routes(self) -> list[Route]:
        return [Route(to, 0, hop) for to, hop in self._nwk.routing.routes.items()]

    def _mgmt_leave(self, values: Values, data: DataReceived) -> Values:
        if data.short_address not in (TRUST_CENTRE_SHORT, self._nwk.short):
            return {"status": ZdpStatus.NOT_AUTHORIZED}
        rejoin = bool(values["rejoin"])
        if values["ieee"] in (self._core.eui64, bytes(8)):
            self._core.after(0.2, lambda: self.on_leave(rejoin))
            return {"status": ZdpStatus.SUCCESS}
        child = self._nwk.neighbours.by_eui64.get(values["ieee"])
        if child is None or not child.is_child:
            return {"status": ZdpStatus.DEVICE_NOT_FOUND}
        self._membership.send_away(child, rejoin=rejoin)
        return {"status": ZdpStatus.SUCCESS}

    def _mgmt_permit(self, values: Values, data: DataReceived) -> Values | None:
        if self._nwk.role is HanRole.COORDINATOR and data.short_address != TRUST_CENTRE_SHORT:
            # Who joins is the trust centre's whitelist's affair.
            return None if data.broadcast else {"status": ZdpStatus.NOT_AUTHORIZED}
        if not self._nwk.role.routes:
            return None if data.broadcast else {"status": ZdpStatus.INV_REQUESTTYPE}
        self._membership.permit(values["duration_s"])
        return None if data.broadcast else {"status": ZdpStatus.SUCCESS}

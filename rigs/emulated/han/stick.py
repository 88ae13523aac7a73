"""A hub whose stack is not ours: a HAN service that somebody opened, in the place of a station's node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from protocols.han import HanRole, HanService
from protocols.zigbee.smart_energy.mirror import mirror_endpoints
from protocols.zigbee.smart_energy.settings import HubSettings
from protocols.zigbee.stack.node import NodeSettings
from rigs.emulated.han.station import Keeper, Station

if TYPE_CHECKING:
    from protocols.radio import FrameRadio
    from rigs.emulated.han.air import Air
    from rigs.emulated.han.memory import HanMemory


@runtime_checkable
class StickService(HanService, Protocol):
    """A service whose network is kept by itself, and whose whitelist is not (``state``, ``restore``)."""

    def state(self) -> dict[str, Any]:
        """What to keep over a power cut, as JSON values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take it back; ValueError where it is of another service."""

    def resume(self) -> None:
        """Go on with the network that is kept; NetworkUp or NetworkDown follows."""

    def suspend(self) -> None:
        """Fall silent until `form` or `resume`; endpoints, whitelist and listener are given anew.

        Endpoints may be given before there is a network only; one that is there may be given again.
        """

    async def close(self) -> None:
        """Let it go."""


class StickStation(Keeper):
    """As `rigs.emulated.han.station.Station`, for a service that runs its own timers."""

    def __init__(self, air: Air, service: StickService, memory: HanMemory, *, name: str) -> None:
        super().__init__(air, memory, name=name)
        self.node: StickService = service

    def keep_stack(self) -> None:
        """Write down the service's state."""
        state = self.node.state()
        self._air.access.stack_state(self._name, state)
        self._memory.put(stack=state)

    def stop(self) -> None:
        """No more timers; the service falls silent."""
        super().stop()
        self.node.suspend()


def hub_station(
    air: Air, radio: FrameRadio | None, memory: HanMemory, name: str, manufacturer_code: int
) -> Station | StickStation:
    """The hub's station: on the service that it was given, or with a stack on its radio."""
    if radio is None:
        service = air.services[name]
        for endpoint in mirror_endpoints(HubSettings().mirrors):
            service.add_endpoint(endpoint)
        return StickStation(air, service, memory, name=name)
    settings = NodeSettings(manufacturer_code=manufacturer_code)
    return Station(air, radio, HanRole.COORDINATOR, memory, settings, name=name)

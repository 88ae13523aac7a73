"""The air of one set of premises: scheduler, medium, and a radio for every device."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from rigs.emulated.air import EmulatedRadio, Link, Medium
from rigs.emulated.air_access import AirAccess

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.radio import FrameRadio
    from rigs.emulated.air import Scheduler
    from rigs.emulated.config import NodeConfig
    from rigs.emulated.fault_catalogue.sticks import StickLine
    from rigs.emulated.han.settings import HanSettings
    from rigs.emulated.han.stick import StickService


@dataclass(slots=True)
class Air:
    """Where a device's radio comes from, and what everybody on the HAN shares."""

    scheduler: Scheduler
    settings: HanSettings
    medium: Medium
    radios: dict[str, FrameRadio] = field(default_factory=dict)  # by node: those that stand elsewhere
    services: dict[str, StickService] = field(default_factory=dict)  # those with a stack of their own
    sticks: dict[str, StickLine] = field(default_factory=dict)  # emulated ones, behind their serial lines
    access: AirAccess = field(init=False)  # recorder and attacker

    def __post_init__(self) -> None:
        """Make room for those who listen in."""
        self.access = AirAccess(self.medium)

    def radio(self, name: str, eui64: Eui64) -> FrameRadio:
        """The radio of a node, powered and deaf."""
        given = self.radios.get(name)
        return EmulatedRadio(self.medium, name, eui64) if given is None else self.access.wrap(name, given)

    def chance(self, *of: object) -> Random:
        """Randomness that the rig's seed decides for this purpose."""
        return Random(number(self.settings.seed, *of))  # noqa: S311  repeatable on purpose


def radio_identifier(nodes: Sequence[NodeConfig], name: str) -> Eui64:
    """The EUI-64 of a node's radio: a hub's is that of its GPF, where it has one."""
    found = {node.description.name: node for node in nodes}
    if found[name].description.device_type == "chf":
        for node in nodes:
            if node.description.device_type == "gpf" and node.via == name:
                return node.description.eui64
    return found[name].description.eui64


def number(*of: object) -> int:
    """A number that these words decide, on every machine the same."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, of)).encode()).digest()[:8])


def make_air(scheduler: Scheduler, settings: HanSettings) -> Air:
    """The air that a rig describes."""
    medium = Medium(
        scheduler, seed=number(settings.seed, "air"), default_link=Link(loss=settings.loss), capture_db=10.0
    )
    return Air(scheduler, settings, medium)

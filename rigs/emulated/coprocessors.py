"""Emulated radio co-processors of a rig's nodes: on the air of the premises, behind a serial line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.air import EmulatedRadio
from rigs.emulated.config import WireKind
from rigs.emulated.fault_catalogue.sticks import StickLine
from rigs.emulated.han.air import number, radio_identifier
from rigs.emulated.ncp import EmulatedNcp, KeptTokens, NcpPty
from rigs.emulated.rcp import EmulatedRcp
from rigs.emulated.rcp_wires import RcpPty
from rigs.emulated.storage import Storage

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from rigs.emulated.config import EmulatorConfig, WireConfig
    from rigs.emulated.han.air import Air


def coprocessor(
    stack: AsyncExitStack, config: EmulatorConfig, wire: WireConfig, air: Air, path: Path
) -> RcpPty | NcpPty:
    """The line that a wire asks for, not open yet. ``stack`` gets what is to be closed after it."""
    radio = EmulatedRadio(air.medium, wire.node, radio_identifier(config.nodes, wire.node))
    if wire.kind is WireKind.RCP:
        line = air.sticks[wire.node] = StickLine(EmulatedRcp(radio))
        return RcpPty(path, line)
    folder = config.state_dir / "devices"
    folder.mkdir(parents=True, exist_ok=True)
    flash = Storage(folder / f"{wire.node}.{wire.port}.db", durable=config.durable)
    stack.callback(flash.close)
    ncp = EmulatedNcp(radio, seed=number(config.han.seed, "ncp", wire.node))
    KeptTokens(ncp, flash)
    stack.callback(ncp.close)
    line = air.sticks[wire.node] = StickLine(ncp)
    return NcpPty(path, line)

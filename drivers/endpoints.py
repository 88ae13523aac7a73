"""Where a port's wire is: the ``url`` of the rig file, or the emulated wire it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from protocols.ports import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from protocols.ports import DriverContext

EMULATED = "emulated:"


def resolve(url: str, context: DriverContext) -> str:
    """The address to open.

    ``emulated:`` becomes the emulator's endpoint of this ``node.port`` (of ``node.control`` where the
    emulator serves the port by its control channel); a relative path starts at the rig file's folder.
    ConfigError when the emulator has no such wire.
    """
    if url != EMULATED:
        if "://" in url or url.startswith(("/", "unix:")):
            return url
        return str(context.base_dir / url)
    for name in (f"{context.node}.{context.port}", f"{context.node}.control"):
        if name in context.endpoints:
            return context.endpoints[name]
    known = ", ".join(sorted(context.endpoints)) or "none"
    raise ConfigError(
        f'port {context.port} of {context.node} has url = "{EMULATED}", but the emulator has no such wire '
        f"(it has: {known})",
        next_step=f"set emulated = true in [nodes.{context.node}], or give the url of real hardware in "
        f"[nodes.{context.node}.ports.{context.port}]",
    )


def host_and_port(address: str, schemes: Collection[str], context: DriverContext) -> tuple[str, int]:
    """Host and port of ``scheme://host:port``; ConfigError when the address is something else."""
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme not in schemes or not host or not port:
        wanted = " or ".join(f"{scheme}://host:port" for scheme in schemes)
        raise ConfigError(
            f"port {context.port} of {context.node}: {address!r} is not {wanted}",
            next_step=f"correct url or driver in [nodes.{context.node}.ports.{context.port}]",
        )
    return host, port

"""pcapng: capture files that Wireshark reads, written block by block and read again.

Every ``build_*`` gives one whole block, so that a file to which each is appended by one write is readable
whenever its writer ends. Times are nanoseconds since 1970 (UTC). Written is little-endian; read is either.
Layout: draft-ietf-opsawg-pcapng.
"""

from protocols.pcapng.blocks import (
    NANOSECONDS,
    Block,
    BlockType,
    Direction,
    Interface,
    LinkType,
    Option,
    OtherBlock,
    Packet,
    Section,
    Statistics,
)
from protocols.pcapng.reader import read_pcapng
from protocols.pcapng.writer import (
    PcapngWriter,
    build_interface,
    build_packet,
    build_section,
    build_statistics,
)

__all__ = [
    "NANOSECONDS",
    "Block",
    "BlockType",
    "Direction",
    "Interface",
    "LinkType",
    "Option",
    "OtherBlock",
    "Packet",
    "PcapngWriter",
    "Section",
    "Statistics",
    "build_interface",
    "build_packet",
    "build_section",
    "build_statistics",
    "read_pcapng",
]

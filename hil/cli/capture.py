"""``hil capture``: what a capture holds, layer by layer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hil.capture.dissect import Dissected
    from protocols.pcapng import Packet


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with zigbee_pc_keys (default: wireshark beside FILE).",
)
@click.option("--frames", is_flag=True, help="Also show every frame, a line each.")
@click.option("--json", "as_json", is_flag=True, help="The counts as JSON, as in results.json.")
def command(file: Path, keys: Path | None, *, frames: bool, as_json: bool) -> None:
    """Count the frames of a capture by layer, with the bench's own codecs.

    FILE is a pcapng file, or the folder of a run.
    """
    from hil.capture.counts import count_file
    from hil.capture.recorder import CAPTURE_NAME

    path = file / CAPTURE_NAME if file.is_dir() else file
    counts = count_file(path, keys, _show if frames else None).as_json()
    if as_json:
        click.echo(json.dumps(counts, indent=2))
        return
    for name, text in lines(counts):
        click.echo(f"{name:<14} {text}".rstrip())


def lines(counts: dict[str, Any]) -> list[tuple[str, str]]:
    """Counts for people: what, and how many."""

    def listed(part: str) -> str:
        return ", ".join(f"{number} {name}" for name, number in counts[part].items()) or "none"

    first = f"{counts['frames']}, {counts['hostile']} of them hostile on purpose and not in what follows"
    gbcs = counts["gbcs"]
    return [
        ("frames", first),
        ("wrong FCS", str(counts["bad_fcs"])),
        ("malformed", str(counts["malformed"])),
        ("802.15.4", listed("mac")),
        ("NWK", listed("nwk")),
        ("APS", f"{listed('aps')}; {counts['fragments']} fragments"),
        ("not decrypted", listed("closed")),
        ("ZCL, ZDP", listed("zcl")),
        ("GBCS", f"{gbcs['tunnelled']} in tunnels, {gbcs['alone']} on their own"),
    ]


def _show(packet: Packet, frame: Dissected | None, problem: str) -> None:
    moment = datetime.fromtimestamp(packet.time_ns // 1_000_000_000, UTC)
    time = f"{moment:%H:%M:%S}.{packet.time_ns % 1_000_000_000:09}"
    what = "GBCS message" if frame is None else _summary(frame)
    comment = f"  # {' | '.join(packet.comments)}" if packet.comments else ""
    click.echo(f"{time} {len(packet.octets):>4} {what}{': ' + problem if problem else ''}{comment}")


def _summary(frame: Dissected) -> str:
    from hil.capture.counts import cluster_name
    from protocols.zigbee.mac import FrameType

    if not frame.right_fcs:
        return "wrong FCS"
    if frame.problem:
        return f"malformed {frame.problem}"
    if frame.mac is None or frame.mac.frame_type is FrameType.ACK:
        return "ack"
    parts = [f"{_address(frame.mac.source)} > {_address(frame.mac.destination)}"]
    parts.append(f"802.15.4 {frame.mac.frame_type.name.lower()}" if frame.nwk is None else "")
    if frame.nwk is not None:
        parts.append(f"NWK {frame.nwk.frame_type.name.lower()}" if frame.aps is None else "")
    if frame.aps is not None:
        cluster = "" if frame.aps.cluster is None else f" {cluster_name(frame.aps.cluster)}"
        parts.append(f"APS {frame.aps.frame_type.name.lower()}{'' if frame.zdp else cluster}")
    marks = {"ZDP": frame.zdp, "ZCL": frame.zcl is not None, "fragment": frame.fragment, "GBCS": frame.gbcs}
    parts += [name for name, is_so in marks.items() if is_so]
    parts.append(f"({frame.closed} not decrypted)" if frame.closed else "")
    return " ".join(part for part in parts if part)


def _address(address: object) -> str:
    if address is None:
        return "-"
    return f"{address:04X}" if isinstance(address, int) else str(address)

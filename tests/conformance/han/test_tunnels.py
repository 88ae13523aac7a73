"""Messages on the HAN as the air shows them: tunnels, the sleeping gas meter's fetching, and its flags."""

from __future__ import annotations

from hil.api import covers, leaves, needs
from protocols.gbcs.gbt import is_block

from .. import credentials as cred
from .. import device_log as log
from ..images import make_image
from ..reads import read, restart

pytestmark = needs(state="commissioned", capabilities=["chf.han.watch"])

METERING, TUNNELLING, OTA_UPGRADE = 0x0702, 0x0704, 0x0019
REQUEST_TUNNEL, TUNNEL_RESPONSE = 0x00, 0x00
FROM_CLIENT, FROM_SERVER = 0x02, 0x01  # TransferData
GET, GET_RESPONSE, PUT = b"\x01", 0x02, 0x03
NOTHING = bytes((GET_RESPONSE, 0))
# Protocol 6 (GB-HGRP), no manufacturer, no flow control, 1500 octets.
TUNNEL_PARAMETERS = bytes.fromhex("06 FFFF 00 DC05")
REQUEST_MIRROR, CONFIGURE_MIRROR, MIRROR_REPORT_RESPONSE = 0x01, 0x08, 0x09
FUNCTIONAL_FLAGS = 0x0000
NEW_FIRMWARE, MESSAGE_PENDING = 1 << 0, 1 << 21
READ_RESPONSE, REPORT, BITMAP32 = 0x01, 0x0A, 0x1B
LARGEST_TRANSFER = 1500
AWAKE_S = 1.5  # longer than a gas meter of this bench stays awake after an exchange


def cluster_commands(bench, mark, cluster):
    """Frames of a cluster's own commands."""
    return [seen for seen in bench.han.zcl(cluster, since=mark) if seen.zcl.frame_type == 1]


def transfers(bench, mark, device):
    """TransferData to and from a device: (seen, tunnel, data)."""
    found = []
    for seen in cluster_commands(bench, mark, TUNNELLING):
        command = FROM_SERVER if seen.zcl.from_server else FROM_CLIENT
        if seen.zcl.command == command and device.eui64 in {seen.source, seen.destination}:
            found.append((seen, int.from_bytes(seen.zcl.payload[:2], "little"), seen.zcl.payload[2:]))
    return found


def flags_shown(bench, mark, device):
    """Functional notification flags as the hub told them to a meter: (frame number, flags)."""
    found = []
    for seen in bench.han.zcl(METERING, since=mark):
        payload = seen.zcl.payload
        if seen.destination != device.eui64:
            continue
        if seen.zcl.frame_type == 1 and seen.zcl.command == MIRROR_REPORT_RESPONSE:
            found.append((seen.number, int.from_bytes(payload[1:5], "little")))
        elif seen.zcl.frame_type == 0 and seen.zcl.command == READ_RESPONSE:
            head = FUNCTIONAL_FLAGS.to_bytes(2, "little") + bytes((0, BITMAP32))
            if payload.startswith(head):
                found.append((seen.number, int.from_bytes(payload[4:8], "little")))
    return found


def _has_message(data):
    """Whether an answer to a GET brings a message."""
    return data[0] == GET_RESPONSE and data[2:3] in {b"\xdd", b"\xdf"}


@covers("GBCS-TUN-01", "GBCS-TUN-02")
@leaves("nothing")
def test_gas_meter_fetches_its_command_and_puts_its_answer(bench, gsme, check):
    mark = bench.han.mark()
    answer = read(bench, gsme)
    bench.wait(AWAKE_S)
    seen = transfers(bench, mark, gsme)
    asked = [each.number for each, _, data in seen if each.source == gsme.eui64 and data == GET]
    given = [(each.number, data) for each, _, data in seen if each.destination == gsme.eui64]
    messages = [number for number, data in given if _has_message(data)]
    assert messages, "no message was given to the gas meter, which answered all the same"
    check.that(
        "GBCS-TUN-01",
        any(each < messages[0] for each in asked)
        and all(data[0] == GET_RESPONSE and (_has_message(data) or data == NOTHING) for _, data in given),
        expected="01 from the meter; then 02, the number still waiting, and a message, or 02 00",
        observed=f"asked in frames {asked}, given {[(number, data[:4].hex(' ')) for number, data in given]}",
        octets=answer.octets,
    )
    put = [data for each, _, data in seen if each.source == gsme.eui64 and data != GET]
    check.that(
        "GBCS-TUN-02",
        bytes((PUT,)) + answer.octets in put,
        expected="the answer behind 03",
        observed=[data[:8].hex(" ") for data in put],
        octets=answer.octets,
    )


@covers("GBCS-TUN-03", "GBCS-FLAG-02")
@leaves("nothing")
def test_flag_21_is_set_while_a_message_waits_and_cleared_behind_it(bench, gsme, check):
    mark = bench.han.mark()
    read(bench, gsme)
    bench.wait(AWAKE_S)
    given = [each.number for each, _, data in transfers(bench, mark, gsme) if _has_message(data)]
    assert given, "no message was given to the gas meter, which answered all the same"
    shown = flags_shown(bench, mark, gsme)
    before = [flags for number, flags in shown if number < given[0]]
    after = [flags for number, flags in shown if number > given[-1]]
    check.that(
        "GBCS-TUN-03",
        any(flags & MESSAGE_PENDING for flags in before),
        expected="bit 21 before the message is fetched",
        observed=[f"{flags:08X}" for flags in before],
    )
    check.that(
        "GBCS-FLAG-02",
        bool(given),
        expected="a meter that fetches when it sees bit 21",
        observed=f"{len(given)} messages given",
    )
    check.that(
        "GBCS-TUN-03",
        bool(after) and not any(flags & MESSAGE_PENDING for flags in after[1:] or after),
        expected="bit 21 gone once the queue is empty",
        observed=[f"{flags:08X}" for flags in after],
    )


@covers("GBCS-10.2.2-01", "GBCS-10.2.2-02")
@needs(capabilities=["gsme.power"])
@leaves("nothing")
def test_tunnel_is_asked_for_again_after_a_restart_with_the_parameters_of_gbcs(bench, gsme, check):
    mark = bench.han.mark()
    restart(bench, gsme)
    read(bench, gsme)
    asked = [
        seen.zcl.payload
        for seen in cluster_commands(bench, mark, TUNNELLING)
        if seen.zcl.command == REQUEST_TUNNEL and not seen.zcl.from_server and seen.source == gsme.eui64
    ]
    assert asked, "the meter talked through a tunnel that it never asked for"
    for payload in asked:
        check.equal("GBCS-10.2.2-01", TUNNEL_PARAMETERS, payload, octets=payload)
    used = {tunnel for _, tunnel, _ in transfers(bench, mark, gsme)}
    check.that(
        "GBCS-10.2.2-02",
        len(used) == 1,
        expected="one tunnel for all that the meter sends and gets",
        observed=sorted(used),
    )


@covers("GBCS-7.2.11-01")
@leaves("restored")
def test_message_too_large_for_a_transfer_goes_in_blocks(bench, supplier, esme, check):
    """The supplier's cells are given to the supplier that holds them, with two certificates and their path."""
    mark = bench.han.mark()
    sent = supplier.send("CS02b", esme, **cred.replacing(bench, supplier))
    assert len(sent.octets) > LARGEST_TRANSFER, "this rig's certificates are too small to need blocks"
    response = supplier.expect_response(sent)
    data = [data for each, _, data in transfers(bench, mark, esme) if each.destination == esme.eui64]
    blocks = [each for each in data if is_block(each)]
    check.that(
        "GBCS-7.2.11-01",
        len(blocks) > 1 and all(len(each) <= LARGEST_TRANSFER for each in data),
        expected=f"general block transfer, at most {LARGEST_TRANSFER} octets at a time",
        observed=[f"{len(each)} octets, {'a block' if is_block(each) else 'whole'}" for each in data],
        octets=sent.octets,
    )
    check.equal("GBCS-7.2.11-01", 1, len(set(cred.statuses(response))), octets=response.octets)


@covers("GBCS-GSMEJ-01")
@leaves("restored")
def test_gas_meter_that_joins_asks_for_mirror_scheme_and_tunnel(bench, acb, chf, gsme, check):
    log.remove(acb, chf, gsme.eui64)
    bench.wait(AWAKE_S)
    mark, alerts = bench.han.mark(), bench.alerts.mark()
    log.add(acb, chf, gsme)
    log.backup_with_key(bench, chf, gsme.eui64, alerts)
    read(bench, gsme, timeout_s=60)

    def first(cluster, command):
        of_meter = [seen for seen in cluster_commands(bench, mark, cluster) if seen.source == gsme.eui64]
        return next((seen.number for seen in of_meter if seen.zcl.command == command), None)

    steps = {
        "mirror": first(METERING, REQUEST_MIRROR),
        "notification scheme": first(METERING, CONFIGURE_MIRROR),
        "tunnel": first(TUNNELLING, REQUEST_TUNNEL),
    }
    mirror, scheme, tunnel = steps.values()
    check.that(
        "GBCS-GSMEJ-01",
        mirror is not None and scheme is not None and tunnel is not None and mirror < scheme,
        expected="questions for a mirror, then for a notification scheme, and for a tunnel",
        observed=", ".join(f"{name} in frame {number}" for name, number in steps.items()),
    )


@covers("GBCS-11.3-06", "GBCS-FLAG-02")
@needs(capabilities=["firmware"])
@leaves("irreversible")
def test_flag_0_tells_the_gas_meter_of_an_image(bench, gsme, check):
    image = make_image(bench, gsme)
    mark, alerts = bench.han.mark(), bench.alerts.mark()
    bench.send_image(gsme, image.ota)
    bench.alerts.expect(gsme, 0x8F72, since=alerts, timeout_s=60)
    asked = [seen.number for seen in cluster_commands(bench, mark, OTA_UPGRADE) if seen.source == gsme.eui64]
    told = [number for number, flags in flags_shown(bench, mark, gsme) if flags & NEW_FIRMWARE]
    check.that(
        "GBCS-11.3-06",
        bool(told) and bool(asked) and told[0] < asked[0],
        expected="bit 0 on the mirror, then the meter's question for the image",
        observed=f"bit 0 in frames {told[:3]}, questions from frame {asked[:1]}",
    )
    check.that("GBCS-FLAG-02", bool(asked), expected="a meter that acts on bit 0", observed=len(asked))

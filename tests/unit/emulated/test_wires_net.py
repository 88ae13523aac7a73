"""TCP and UDP wires and their drivers, and the wires against plain sockets."""

import asyncio
import random
import socket
from pathlib import Path

import pytest

from drivers import tcp_line, udp_line
from hil.clock import RealClock
from protocols.gfi_line import LineError
from protocols.ports import BenchError, ConfigError, DriverContext, Frame, FrameKind, PortClosedError
from rigs.emulated.wires import TcpWire, UdpWire
from tests.loops import in_loop


def context(endpoint: str = "") -> DriverContext:
    return DriverContext(
        RealClock(), "chf", "wan", Path("/nowhere"), {"chf.wan": endpoint} if endpoint else {}
    )


def open_tcp(url: str):
    return tcp_line.DRIVER.open(tcp_line.TcpLineConfig(url=url), context())


def open_udp(url: str, **keys):
    return udp_line.DRIVER.open(udp_line.UdpLineConfig(url=url, **keys), context())


def gbcs(data: bytes) -> Frame:
    return Frame(FrameKind.GBCS, data)


async def within(work, seconds=5.0):
    return await asyncio.wait_for(work, seconds)


async def until(condition):
    """The far end has taken in what the kernel already delivered; nothing else announces it."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


class Far:
    def __init__(self, wire_class, **keywords) -> None:
        self.queue: asyncio.Queue[object] = asyncio.Queue()
        self.wire = wire_class(self.queue.put_nowait, on_error=self.queue.put_nowait, **keywords)

    async def next(self, seconds=5.0):
        return await within(self.queue.get(), seconds)


@in_loop
async def test_tcp_frames_both_ways_and_the_largest():
    far = Far(TcpWire)
    port = await tcp_line.DRIVER.open(tcp_line.TcpLineConfig(), context(await far.wire.start()))
    await port.send(gbcs(b"\x01"))
    assert (await far.next()).data == b"\x01"
    largest = random.Random(3).randbytes(306_000)
    await port.send(gbcs(largest))
    assert (await far.next(30)).data == largest
    await far.wire.send(gbcs(b"\x02"))
    frame = await within(port.receive())
    assert frame.data == b"\x02"
    assert frame.received_at is not None
    await port.close()
    await port.close()
    with pytest.raises(PortClosedError, match="closed by the bench"):
        await port.send(gbcs(b"\x01"))
    await far.wire.close()
    await far.wire.close()


@in_loop
async def test_tcp_client_may_come_again_at_once_even_after_a_cut_line():
    far = Far(TcpWire)
    endpoint = await far.wire.start()
    for number in range(20):
        port = await open_tcp(endpoint)
        await port.send_octets(b"GBCS:DATA#0:3:0A")
        await port.close()
        port = await open_tcp(endpoint)
        await port.send(gbcs(bytes([number])))
        assert isinstance(await far.next(), LineError)
        assert (await far.next()).data == bytes([number])
        await port.close()
    await far.wire.close()


@in_loop
async def test_tcp_second_client_is_closed_after_a_while_and_the_first_is_not_disturbed():
    far = Far(TcpWire)
    endpoint = await far.wire.start()
    first = await open_tcp(endpoint)
    await first.send(gbcs(b"\x01"))
    assert (await far.next()).data == b"\x01"
    second = await open_tcp(endpoint)
    with pytest.raises(PortClosedError, match=r"127\.0\.0\.1"):
        await within(second.receive())
    await second.close()
    await far.wire.send(gbcs(b"\x02"))
    assert (await within(first.receive())).data == b"\x02"
    await first.close()
    await far.wire.close()


@in_loop
async def test_tcp_second_client_takes_over_when_the_first_leaves_in_time():
    far = Far(TcpWire)
    endpoint = await far.wire.start()
    first = await open_tcp(endpoint)
    await first.send(gbcs(b"\x01"))
    await far.next()
    second = await open_tcp(endpoint)
    await second.send(gbcs(b"\x02"))
    await first.close()
    assert (await far.next()).data == b"\x02"
    await far.wire.send(gbcs(b"\x03"))
    assert (await within(second.receive())).data == b"\x03"
    await second.close()
    await far.wire.close()


@in_loop
async def test_tcp_far_end_gone():
    far = Far(TcpWire)
    port = await open_tcp(await far.wire.start())
    await port.send(gbcs(b"\x01"))
    await far.next()
    await far.wire.send_octets(b"GBCS:DATA#0:1:01\r\nGBCS:DA")
    await far.wire.close()
    assert (await within(port.receive())).data == b"\x01"
    for attempt in (port.receive(), port.send(gbcs(b"\x01"))):
        with pytest.raises(PortClosedError, match="is gone"):
            await within(attempt)
    assert [fault.octets for fault in port.faults] == [b"GBCS:DA", b""]
    await port.close()


@in_loop
async def test_tcp_with_nobody_connected_drops_and_counts():
    far = Far(TcpWire)
    await far.wire.start()
    await far.wire.send(gbcs(b"\x01"))
    assert far.wire.dropped == len(b"GBCS:DATA#0:1:01\r\n")
    await far.wire.close()
    with pytest.raises(PortClosedError):
        await far.wire.send(gbcs(b"\x01"))


@in_loop
async def test_tcp_client_that_reads_nothing_costs_bounded_memory_and_no_hang_at_close():
    far = Far(TcpWire, limit=100_000)
    endpoint = await far.wire.start()
    host, port = endpoint.removeprefix("socket://").split(":")
    with socket.create_connection((host, int(port))):
        await until(lambda: far.wire._clients)
        for _ in range(300):
            await far.wire.send(gbcs(bytes(50_000)))
        assert far.wire.dropped > 0
        await within(far.wire.close())


@in_loop
async def test_tcp_close_with_a_send_under_way():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = await open_tcp(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        sending = asyncio.create_task(port.send_octets(bytes(30_000_000)))
        waiting = asyncio.create_task(port.receive())
        await asyncio.sleep(0)
        connection, _ = await asyncio.to_thread(server.accept)
        closing = asyncio.create_task(port.close())
        with pytest.raises(PortClosedError):
            await within(waiting)
        await within(closing)  # though the far end never reads
        with pytest.raises(PortClosedError):
            await within(sending)
        connection.close()


@in_loop
async def test_tcp_errors_at_opening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = server.getsockname()[1]
    with pytest.raises(BenchError, match=f"127.0.0.1:{silent}") as caught:
        await open_tcp(f"tcp://127.0.0.1:{silent}")
    assert caught.value.next_step
    for wrong in ("/dev/ttyS0", "tcp://nowhere", "tcp://host:port", "udp://127.0.0.1:1"):
        with pytest.raises(ConfigError, match="tcp://host:port"):
            await open_tcp(wrong)
    far = Far(TcpWire)
    endpoint = await far.wire.start()
    with pytest.raises(BenchError, match="cannot listen"):
        await Far(TcpWire, port=int(endpoint.rpartition(":")[2])).wire.start()
    await far.wire.close()


@in_loop
async def test_udp_frames_both_ways_and_the_wire_may_speak_first():
    far = Far(UdpWire)
    endpoint = await far.wire.start()
    await far.wire.send(gbcs(b"\x00"))
    assert far.wire.dropped > 0
    port = await udp_line.DRIVER.open(udp_line.UdpLineConfig(), context(endpoint))
    await until(lambda: far.wire._peer)
    await far.wire.send(gbcs(b"\x01"))
    assert (await within(port.receive())).data == b"\x01"
    await port.send(gbcs(b"\x02"))
    assert (await far.next()).data == b"\x02"
    other = await open_udp(endpoint)
    await other.send(gbcs(b"\x03"))
    assert (await far.next()).data == b"\x03"
    await far.wire.send(gbcs(b"\x04"))
    assert (await within(other.receive())).data == b"\x04"
    await other.close()
    await port.close()
    await port.close()
    await far.wire.close()
    await far.wire.close()


@in_loop
async def test_udp_a_cut_line_then_a_whole_one_both_ways():
    far = Far(UdpWire)
    port = await open_udp(await far.wire.start())
    await port.send_octets(b"GBCS:DATA#0:3:0A0")
    await port.send(gbcs(b"\x01"))
    assert isinstance(await far.next(), LineError)
    assert (await far.next()).data == b"\x01"
    await far.wire.send_octets(b"GBCS:DATA#0:3:0B")
    await far.wire.send(gbcs(b"\x02"))
    assert (await within(port.receive())).data == b"\x02"
    assert [fault.octets for fault in port.faults] == [b"GBCS:DATA#0:3:0B"]
    await port.close()
    await far.wire.close()


@in_loop
async def test_udp_nobody_there():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        silent = closed.getsockname()[1]
    port = await open_udp(f"udp://127.0.0.1:{silent}")
    with pytest.raises(PortClosedError, match=str(silent)):
        await within(port.receive())
    with pytest.raises(PortClosedError):
        await port.send(gbcs(b"\x01"))
    await port.close()


@in_loop
async def test_udp_what_fits_no_datagram_is_refused():
    far = Far(UdpWire)
    port = await open_udp(await far.wire.start())
    await port.send(gbcs(bytes(32_000)))
    assert (await far.next()).data == bytes(32_000)
    with pytest.raises(BenchError, match="datagram") as caught:
        await port.send(gbcs(bytes(33_000)))
    assert not isinstance(caught.value, PortClosedError)
    await port.close()
    await far.wire.close()
    with pytest.raises(ConfigError, match="udp://host:port"):
        await open_udp("socket://127.0.0.1:1")


@in_loop
async def test_udp_close_ends_those_who_wait():
    far = Far(UdpWire)
    port = await open_udp(await far.wire.start())
    waiting = asyncio.create_task(port.receive())
    await asyncio.sleep(0)
    await port.close()
    with pytest.raises(PortClosedError, match="closed by the bench"):
        await within(waiting)
    with pytest.raises(PortClosedError):
        await port.send(gbcs(b"\x01"))
    await far.wire.close()

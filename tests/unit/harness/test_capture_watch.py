"""The frames of a HAN as tests see them while the run goes on."""

import pytest

from hil.capture.keys import WiresharkKeys
from hil.capture.recorder import CaptureRecorder
from hil.capture.watch import HanWatch
from hil.virtual_time import VirtualClock
from protocols.capture import CapturedFrame
from protocols.gbcs.catalogue import load_catalogue
from protocols.ports import BenchError
from protocols.radio_frames import with_fcs

BEACON_REQUEST = bytes.fromhex("0308 01 FFFF FFFF 07")
ACK = bytes.fromhex("0200 01")


@pytest.fixture
def kept(tmp_path):
    keys = WiresharkKeys(tmp_path / "wireshark")
    recorder = CaptureRecorder(tmp_path / "capture.pcapng", VirtualClock(), keys, load_catalogue())
    yield recorder
    recorder.close()


def frame(octets, number=0, **more):
    return CapturedFrame(float(number), with_fcs(octets), 15, "a", **more)


def test_frames_come_in_order_without_acknowledgements_hostile_and_damaged_ones(kept, tmp_path):
    watch = HanWatch(tmp_path)
    start = watch.mark()
    kept.frame(frame(BEACON_REQUEST, 1))
    kept.frame(frame(ACK, 2))
    kept.frame(frame(BEACON_REQUEST, 3, comment="hostile: on purpose"))
    kept.frame(CapturedFrame(4.0, BEACON_REQUEST + b"\0\0", 15, "a"))
    kept.message(b"\xdf\x09", node="chf", outbound=False)
    assert [(seen.number, seen.psdu) for seen in watch.since(start)] == [(1, with_fcs(BEACON_REQUEST))]
    kept.frame(frame(BEACON_REQUEST, 5))
    assert [seen.number for seen in watch.since(start)] == [1, 3]
    assert [seen.number for seen in watch.since(1)] == [3]


def test_acknowledgements_alone_are_no_frames_that_are_missing(kept, tmp_path):
    watch = HanWatch(tmp_path)
    mark = watch.mark()
    kept.frame(frame(ACK, 1))
    assert watch.since(mark) == []
    kept.frame(frame(BEACON_REQUEST, 2))
    assert [seen.number for seen in watch.since(mark)] == [2]


def test_what_was_before_the_last_mark_is_forgotten_and_the_watch_says_so(kept, tmp_path):
    watch = HanWatch(tmp_path)
    old = watch.mark()
    kept.frame(frame(BEACON_REQUEST))
    new = watch.mark()
    assert watch.since(new) == []
    with pytest.raises(BenchError, match="frames after number 0 are forgotten"):
        watch.since(old)


def test_block_that_is_not_written_to_its_end_yet_waits(kept, tmp_path):
    path = tmp_path / "capture.pcapng"
    watch = HanWatch(tmp_path)
    mark = watch.mark()
    kept.frame(frame(BEACON_REQUEST, 1))
    whole = path.read_bytes()
    for cut in range(1, 40):
        path.write_bytes(whole[:-cut])
        assert watch.since(mark) == []
    path.write_bytes(whole)
    assert [seen.number for seen in watch.since(mark)] == [1]

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import EncodeError
from protocols.gfi_line import DEFAULT_LIMITS, TAGS, LineDecoder, LineError, encode_line
from protocols.ports import Frame, FrameKind

relaxed = settings(deadline=None)  # the machine may be busy
GBCS = FrameKind.GBCS
FRAMES = st.builds(Frame, st.sampled_from(FrameKind), st.binary(min_size=1, max_size=80))
SMALL = {GBCS: 100}


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(edges)]


def feed_all(decoder: LineDecoder, chunks: list[bytes]) -> list[Frame | LineError]:
    return [result for chunk in chunks for result in decoder.feed(chunk)]


def only_error(stream: bytes, limits: dict[FrameKind, int] | None = None) -> LineError:
    (result,) = LineDecoder(limits).feed(stream)
    assert isinstance(result, LineError)
    return result


def test_the_form_of_a_line():
    assert encode_line(Frame(GBCS, b"\xdd\x00\xab")) == b"GBCS:DATA#0:3:DD00AB\r\n"
    assert encode_line(Frame(GBCS, b"\x01"), 7) == b"GBCS:DATA#7:1:01\r\n"


def test_what_cannot_be_a_line():
    with pytest.raises(EncodeError, match="at least one octet"):
        encode_line(Frame(GBCS, b""))
    with pytest.raises(EncodeError, match="number"):
        encode_line(Frame(GBCS, b"\x01"), -1)


def test_lower_case_bare_line_feeds_and_empty_lines():
    stream = b"\r\nGBCS:DATA#12:2:dd0f\n\n\r\nGBCS:DATA#0:1:Aa\r\n"
    assert LineDecoder().feed(stream) == [Frame(GBCS, b"\xdd\x0f"), Frame(GBCS, b"\xaa")]


@pytest.mark.parametrize(
    ("line", "problem", "offset"),
    [
        (b"GBCS:DATA#0:2:DD", "2 octets announced, 1 found", 12),
        (b"GBCS:DATA#0:1:DD00", "1 octets announced, 2 found", 12),
        (b"GBCS:DATA#0:1:DDD", "odd number", 17),
        (b"GBCS:DATA#0:1:DG", "octet 47 is no hexadecimal", 15),
        (b"GBCS:DATA#0:1:D D", "octet 20 is no hexadecimal", 15),
        (b"GBCS:DATA#0:0:", "without data", 14),
        (b"GBCS:DATA#0:1:", "without data", 14),
        (b"GBCS:DATA#0:101:00", "101 octets announced, at most 100", 12),
        (b"gbcs:data#0:1:DD", "not a message line", 0),
        (b"GBCS:DATA#x:1:DD", "not a message line", 0),
        (b"GBCS:DATA 0:1:DD", "not a message line", 0),
        (b"\xff\xfe\x00", "not a message line", 0),
        (b"GBCS:TEXT#0:1:DD", "unknown tag GBCS:TEXT", 0),
    ],
)
def test_errors_say_what_where_and_what_to_do(line, problem, offset):
    before = encode_line(Frame(GBCS, b"\x01"))
    decoder = LineDecoder(SMALL)
    first, error, last = decoder.feed(before + line + b"\r\n" + before)
    assert first == last == Frame(GBCS, b"\x01")
    assert isinstance(error, LineError)
    assert problem in error.problem
    assert error.offset == len(before) + offset
    assert error.next_step
    assert line.startswith(error.line)
    assert str(error.offset) in str(error)


def test_memory_stays_bounded_by_the_kind_of_frame():
    for head, most in ((b"GBCS:DATA#0:9:", 300), (b"garbage", 60)):
        decoder = LineDecoder(SMALL)
        results = decoder.feed(head)
        for _ in range(1000):
            results += decoder.feed(b"AB" * 20)
            assert decoder.pending < most
        assert len(results) == 1
        results += decoder.feed(b"\nGBCS:DATA#0:1:07\n")
        assert results[1:] == [Frame(GBCS, b"\x07")]


def test_a_frame_of_the_largest_size_passes_and_one_more_does_not():
    frame = Frame(GBCS, bytes(100))
    assert LineDecoder(SMALL).feed(encode_line(frame)) == [frame]
    assert "at most 100" in only_error(encode_line(Frame(GBCS, bytes(101))), SMALL).problem
    endless = b"GBCS:DATA#0:1:" + b"0" * 1000
    assert "runs on beyond a frame of 100" in only_error(endless, SMALL).problem


def test_the_largest_message_of_block_transfer_passes():
    frame = Frame(GBCS, bytes(range(255)) * 1_200)
    line = encode_line(frame)
    chunks = [line[at : at + 65_536] for at in range(0, len(line), 65_536)]
    assert feed_all(LineDecoder(), chunks) == [frame]
    assert DEFAULT_LIMITS[GBCS] >= 255 * 1_200


def test_an_unfinished_line_is_reported_at_the_end():
    decoder = LineDecoder()
    assert decoder.feed(b"GBCS:DATA#0:2:DD") == []
    (error,) = decoder.close()
    assert isinstance(error, LineError)
    assert error.offset == 16
    assert decoder.close() == []
    assert decoder.feed(encode_line(Frame(GBCS, b"\x01"))) == [Frame(GBCS, b"\x01")]


@relaxed
@given(st.lists(FRAMES, max_size=5), st.lists(st.integers(0, 10_000)), st.booleans())
def test_any_chunking_gives_the_frames(frames, places, bare):
    stream = b"".join(encode_line(frame, number) for number, frame in enumerate(frames))
    if bare:
        stream = stream.replace(b"\r\n", b"\n").lower().replace(b"gbcs:data", TAGS[GBCS])
    assert feed_all(LineDecoder(), cut(stream, places)) == frames


@relaxed
@given(st.binary(max_size=400), st.lists(st.integers(0, 10_000)))
def test_chunking_never_changes_the_outcome(noise, places):
    stream = noise + b"\n" + encode_line(Frame(GBCS, b"\x01\x02"))
    whole = LineDecoder(SMALL).feed(stream)
    assert feed_all(LineDecoder(SMALL), cut(stream, places)) == whole
    assert whole[-1] == Frame(GBCS, b"\x01\x02")


@relaxed
@given(FRAMES, st.data())
def test_flipped_bits_give_errors_or_other_frames_and_the_next_line_survives(frame, data):
    line = bytearray(encode_line(frame))
    position = data.draw(st.integers(0, 8 * len(line) - 1))
    line[position // 8] ^= 1 << position % 8
    after = Frame(GBCS, b"\x55")
    results = LineDecoder().feed(bytes(line) + b"\r\n" + encode_line(after))
    if line.endswith(b"\n"):
        assert results[-1] == after
    for result in results:
        assert isinstance(result, Frame) or 0 <= result.offset <= len(line)


@relaxed
@given(FRAMES)
def test_every_truncation_waits_or_fails_but_never_gives_a_frame(frame):
    line = encode_line(frame)
    for length in range(len(line)):
        decoder = LineDecoder()
        assert decoder.feed(line[:length]) == []
        assert len(decoder.close()) == (1 if length else 0)


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_line_cut_without_an_end_costs_only_itself(cut):
    whole = encode_line(Frame(FrameKind.GBCS, bytes(range(30))))
    other = encode_line(Frame(FrameKind.GBCS, bytes(range(200, 240))))
    stream = whole[:cut] + other + whole
    outcomes = [LineDecoder().feed(stream)]
    chunked = LineDecoder()
    outcomes.append([item for at in range(len(stream)) for item in chunked.feed(stream[at : at + 1])])
    assert outcomes[0] == outcomes[1]
    frames = [item for item in outcomes[0] if isinstance(item, Frame)]
    assert [frame.data for frame in frames] == [bytes(range(200, 240)), bytes(range(30))]
    errors = [item for item in outcomes[0] if not isinstance(item, Frame)]
    assert len(errors) == 1
    assert errors[0].offset <= cut

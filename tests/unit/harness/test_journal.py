"""The journal: nothing acknowledged is lost, nothing kept can be changed unseen."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from io import StringIO

import pytest

from hil.journal import CLOSED, Journal
from hil.journal_reader import JournalReader
from protocols.eui64 import Eui64
from protocols.ports import BenchError, Strength

WRITER = """
import sys
from hil.journal import Journal
journal = Journal.open(sys.argv[1])
number = 0
while True:
    number += 1
    seq = journal.append("test", body={"number": number}, attachment=b"x" * (number % 5000) if number % 3 else None)
    sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "journal.sqlite"


def _fill(path, count=20):
    with Journal.open(path) as journal:
        for number in range(count):
            journal.append(
                "message.sent", node="esme", test="t", body={"number": number}, attachment=b"%d" % number
            )
        return journal.close()


def test_records_come_back_as_written(path):
    with Journal.open(path) as journal:
        assert journal.append("run.started", body={"rig": "emulated"}) == 1
        body = {
            "eui64": Eui64(bytes(8)),
            "at": datetime(2026, 1, 2, tzinfo=UTC),
            "octets": b"\xdd\x00",
            "s": Strength.SPEC,
        }
        assert journal.append("message.sent", node="esme", test="a::b", body=body, attachment=b"\xdd") == 2
    with JournalReader(path) as reader:
        first, second, third = reader.records()
        assert (first.seq, first.kind, first.body) == (1, "run.started", {"rig": "emulated"})
        assert (second.node, second.test) == ("esme", "a::b")
        assert second.body == {
            "eui64": "00-00-00-00-00-00-00-00",
            "at": "2026-01-02T00:00:00+00:00",
            "octets": "DD00",
            "s": "spec",
        }
        assert reader.attachment(second.attachment) == b"\xdd"
        assert third.kind == CLOSED
        assert [record.seq for record in reader.records("message.")] == [2]
        assert [record.seq for record in reader.records(since=1)] == [2, 3]
        verdict = reader.verify()
        assert (verdict.ok, verdict.records, verdict.closed) == (True, 3, True)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_can_be_read_while_it_is_written_and_goes_on_after_reopening(path):
    journal = Journal.open(path)
    journal.append("a")
    with JournalReader(path) as reader:
        assert reader.verify().ok
        assert not reader.verify().closed
        journal.append("b")
        assert [record.kind for record in reader.records()] == ["a", "b"]
        journal.close()  # the reader keeps SQLite from folding the log away; nothing is lost
    with Journal.open(path) as journal:
        journal.append("c")
    with JournalReader(path) as reader:
        assert [record.kind for record in reader.records()] == ["a", "b", CLOSED, "c", CLOSED]
        assert reader.verify().ok


def test_one_writer_only(path):
    with Journal.open(path), pytest.raises(BenchError, match="another run"):
        Journal.open(path)
    Journal.open(path).close()


def test_refuses_what_it_cannot_keep(path):
    journal = Journal.open(path)
    with pytest.raises(TypeError, match="no canonical JSON"):
        journal.append("a", body={"x": object()})
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append("a", body={"x": float("nan")})
    assert journal.head.records == 0
    journal.close()
    journal.close()
    with pytest.raises(BenchError, match="closed"):
        journal.append("a")


def test_equal_attachments_are_kept_once(path):
    with Journal.open(path) as journal:
        for _ in range(3):
            journal.append("a", attachment=b"same")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM attachments").fetchone() == (1,)
    connection.close()


def test_threads_share_one_chain(path):
    with Journal.open(path) as journal:
        threads = [
            threading.Thread(target=lambda name=name: [journal.append("a", node=name) for _ in range(50)])
            for name in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with JournalReader(path) as reader:
        assert reader.verify().ok
        assert reader.verify().records == 201


@pytest.mark.parametrize("attempt", range(25))
def test_a_kill_at_any_moment_loses_nothing_acknowledged(path, attempt):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    # A random number of acknowledged records, then the kill lands wherever the writer happens to be.
    for _ in range(random.Random(attempt).randint(1, 120)):
        writer.stdout.readline()
    writer.kill()
    rest, _ = writer.communicate()
    lines = [line for line in rest.split("\n")[:-1] if line]
    with JournalReader(path) as reader:
        verdict = reader.verify()
        assert verdict.ok, verdict.problem
        assert not verdict.closed
        if lines:
            assert verdict.records >= int(lines[-1])
        numbers = [record.body["number"] for record in reader.records()]
        assert numbers == list(range(1, verdict.records + 1))
    with Journal.open(path) as journal:
        journal.append("after")
    with JournalReader(path) as reader:
        assert reader.verify().ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET body = '{\"number\":99}' WHERE seq = 7",
        "UPDATE records SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 7",
        "UPDATE records SET kind = 'message.received' WHERE seq = 7",
        "UPDATE records SET node = 'gsme' WHERE seq = 7",
        "UPDATE records SET test = 'u' WHERE seq = 7",
        "UPDATE records SET attachment = (SELECT attachment FROM records WHERE seq = 8) WHERE seq = 7",
        "UPDATE records SET hash = (SELECT hash FROM records WHERE seq = 8) WHERE seq = 7",
        "DELETE FROM records WHERE seq = 7",
        "DELETE FROM records WHERE seq = 1",
        "DELETE FROM records WHERE seq = 7; UPDATE records SET seq = seq - 1 WHERE seq > 7",
        "UPDATE records SET seq = -1 WHERE seq = 7; UPDATE records SET seq = 7 WHERE seq = 8; UPDATE records SET seq = 8 WHERE seq = -1",
        "UPDATE attachments SET octets = x'00' WHERE sha256 = (SELECT attachment FROM records WHERE seq = 7)",
        "DELETE FROM attachments WHERE sha256 = (SELECT attachment FROM records WHERE seq = 7)",
        "INSERT INTO records SELECT 100, at, kind, node, test, body, attachment, previous, hash FROM records WHERE seq = 7",
    ],
)
def test_tampering_is_seen(path, statement):
    _fill(path)
    connection = sqlite3.connect(path)
    connection.executescript(statement)
    connection.close()
    with JournalReader(path) as reader:
        verdict = reader.verify()
    assert not verdict.ok
    assert verdict.problem


def test_a_cut_tail_shows_against_the_head_note(path):
    head = _fill(path)
    connection = sqlite3.connect(path)
    connection.executescript("DELETE FROM records WHERE seq > 15")
    connection.close()
    with JournalReader(path) as reader:
        alone = reader.verify()
        assert alone.ok  # what the chain cannot prove, said in the docstring
        assert not alone.closed
        assert not reader.verify(head).ok


def test_any_changed_octet_is_seen_or_changes_no_record(path, tmp_path):
    _fill(path)
    with JournalReader(path) as reader:
        expected = [(record.hash, record.body, record.at) for record in reader.records()]
    data = path.read_bytes()
    generator = random.Random(5)
    for number in range(150):
        position = generator.randrange(len(data))
        changed = bytearray(data)
        changed[position] ^= 1 << generator.randrange(8)
        copy = tmp_path / f"copy{number}.sqlite"
        copy.write_bytes(changed)
        try:
            with JournalReader(copy) as reader:
                if reader.verify().ok:
                    assert [(record.hash, record.body, record.at) for record in reader.records()] == expected
        except BenchError:
            pass
        copy.unlink()


def test_the_canonical_export_leaves_out_what_differs_between_equal_runs(path, tmp_path):
    texts = []
    for number in range(2):
        copy = tmp_path / f"{number}.sqlite"
        with Journal.open(copy) as journal:
            journal.append(
                "test.finished", test="t", body={"verdict": "pass", "volatile": {"duration_s": number}}
            )
        with JournalReader(copy) as reader:
            stream = StringIO()
            reader.export(stream)
            texts.append(stream.getvalue())
    assert texts[0] == texts[1]
    assert '"verdict":"pass"' in texts[0]
    assert "duration_s" not in texts[0]


def test_not_a_journal(tmp_path):
    with pytest.raises(BenchError, match="no journal here"):
        JournalReader(tmp_path / "missing")
    wrong = tmp_path / "wrong"
    shutil.copy(__file__, wrong)
    with pytest.raises(BenchError, match="cannot be read"):
        JournalReader(wrong)

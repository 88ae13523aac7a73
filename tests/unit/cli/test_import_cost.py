"""What `hil decode` may import: its start is mostly imports, and modules can be counted without a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

from hil.cli import main
from tests.material import BROKER, COMMANDS, ESME, SUPPLIER, command

# Each alone costs a tenth of a bare interpreter's start or more, or drags in what does.
HEAVY = [
    "_pytest",
    "asn1tools",
    "asyncio",
    "click",
    "concurrent",
    "construct",
    "email",
    "http",
    "jinja2",
    "logging",
    "lxml",
    "multiprocessing",
    "pdb",
    "pydantic",
    "pydantic_core",
    "pygments",
    "pytest",
    "rich",
    "serial",
    "signxml",
    "socket",
    "sqlite3",
    "ssl",
    "tomllib",
    "unittest",
    "xml",
    "xmlschema",
]
# Of our own: whatever makes certificates, talks to hardware or runs suites.
FOREIGN = ["drivers", "rigs", "fixtures", "tests"]
SCRIPT = """
import sys
from hil.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("IMPORTED", *sys.modules)
"""


def imported(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout.rpartition("IMPORTED ")[2].split()


def excess(modules):
    top = {*HEAVY, *FOREIGN}
    return [
        name
        for name in modules
        if name.partition(".")[0] in top
        or "x509" in name
        or name.startswith(("protocols.smki", "protocols.ports", "importlib.resources"))
    ]


def message(use_case):
    signed, values = next((signed, values) for code, signed, values in COMMANDS if code == use_case)
    return command(use_case, signed=signed, values=values, counter=7).hex()


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for identity in (each for party in (SUPPLIER, BROKER, ESME) for each in party):
        name = f"{identity.eui64.hex()}-{identity.use}"
        (folder / f"{name}.der").write_bytes(identity.certificate)
        (folder / f"{name}.key").write_bytes(identity.private.private_bytes(*form))
    return folder


@pytest.mark.parametrize("use_case", ["ECS27", "GCS13a", "GCS41", "GCS28", "CS06"])
def test_decode_imports_nothing_heavy(use_case):
    assert excess(imported("decode", message(use_case))) == []


@pytest.mark.parametrize("use_case", ["ECS70", "GCS38", "CS06"])
def test_decode_with_keys_imports_nothing_heavy(use_case, key_folder):
    assert excess(imported("decode", message(use_case), "--keys", key_folder)) == []


def test_decode_without_keys_loads_no_key_formats():
    modules = imported("decode", message("ECS27"))
    assert "cryptography.hazmat.primitives.serialization" not in modules


OF_KINDS = {
    "dlms": ("protocols.dlms.access", "protocols.dlms.protection"),
    "gbz": ("protocols.gbcs.gbz", "protocols.gbcs.zcl"),
    "asn1": ("protocols.gbcs.der", "protocols.gbcs.asn1"),
}


@pytest.mark.parametrize(("use_case", "kind"), [("ECS27", "dlms"), ("GCS13a", "gbz"), ("GCS28", "asn1")])
def test_only_the_payload_kind_at_hand_is_loaded(use_case, kind):
    modules = imported("decode", message(use_case))
    assert not [name for name in modules if name.startswith("protocols.gbcs.named.short")]
    assert [name for name in modules if name.startswith(OF_KINDS[kind])]
    foreign = tuple(name for other, names in OF_KINDS.items() if other != kind for name in names)
    assert not [name for name in modules if name.startswith(foreign)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "{}"],
        ["{}", "--hex"],
        ["{}", "{}", "--keys", "nowhere"],
        ["00"],
        ["--no-such-option"],
        [],
        ["{}", "--keys"],
        ["no-such-file.hex"],
        ["--keys=nowhere", "{}"],
    ],
)
def test_the_quick_way_does_what_the_library_does(arguments, monkeypatch, capfd):
    """Arguments are read without the library where they are plain; nobody should see a difference."""
    texts = [each.format(message("ECS27")) for each in arguments]

    def outcome(arguments):
        monkeypatch.setattr(sys, "argv", ["hil", "decode", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, *capfd.readouterr()

    quick = outcome(texts)
    with monkeypatch.context() as patch:
        patch.setattr("hil.cli.decode_run.run_plain", lambda _: None)
        assert outcome(texts) == quick


def test_a_reader_who_has_enough_is_no_error():
    """As in ``hil decode log | head``."""
    shown = subprocess.Popen(
        [sys.executable, "-c", "from hil.cli import main; main()", "decode", *[message("ECS27")] * 200],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with shown:
        shown.stdout.readline()
        shown.stdout.close()
        assert shown.stderr.read() == b""
    assert shown.returncode == 1


def test_help_loads_no_subcommand():
    modules = imported("--help")
    assert not [name for name in modules if name.startswith(("protocols.gbcs", "cryptography"))]

from __future__ import annotations

import subprocess
import sys

import pytest
from construct import Byte, Construct, Struct

from protocols.dlms import axdr
from protocols.gbcs import gbz, header


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (axdr, "DATA"),
        (gbz, "GBZ_PAYLOAD"),
        (gbz, "GBZ_ALERT"),
        (header, "GROUPING_HEADER"),
        (header, "MAC_HEADER"),
    ],
)
def test_a_layout_is_made_once_and_is_a_construct(module, name):
    layout = getattr(module, name)
    assert isinstance(layout, Construct)
    assert getattr(module, name) is layout


def test_a_layout_stands_inside_a_struct():
    both = Struct("before" / Byte, "data" / axdr.DATA, "after" / Byte)
    found = both.parse(b"\x01\x11\x2a\x02")
    assert (found.before, found.data, found.after) == (1, axdr.unsigned(42), 2)


def test_other_names_are_missing_as_in_any_module():
    with pytest.raises(AttributeError, match="NO_SUCH_LAYOUT"):
        _ = axdr.NO_SUCH_LAYOUT
    with pytest.raises(ImportError):
        exec("from protocols.gbcs.gbz import NO_SUCH_LAYOUT")


def test_the_functions_come_without_construct():
    script = (
        "import sys, protocols.gbcs.payload, protocols.gbcs.protect, protocols.dlms.date_time\n"
        "assert 'construct' not in sys.modules\n"
        "from protocols.gbcs.header import GROUPING_HEADER\n"
        "assert 'construct' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

"""What emulated devices say that they are."""

from __future__ import annotations

import pytest

from fixtures.emulated_devices import EUIS, DeviceBench
from rigs.emulated.objects.definition import Place


@pytest.mark.parametrize(
    ("variant", "letter"),
    [("single-element", b"A"), ("twin-element", b"B"), ("polyphase", b"C"), ("", b"")],
)
def test_variant_and_identifier(variant, letter):
    """B is in the reference messages; the letters are those of the parts of SMETS section 5."""
    bench = DeviceBench("esme", changes={"variant": variant})

    def value(obis):
        return bench.device.cosem.value(Place(1, bytes.fromhex(obis), 2)).value

    assert value("0000600102FF") == letter
    assert value("0000600101FF") == EUIS["esme"]
    assert value("0000600106FF") == b"121D"
    assert len(value("0000600104FF")) == 8

from __future__ import annotations

import pytest

from protocols.errors import EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message
from protocols.gbcs.named import gbz
from tests.gbz_template import template

NAMES = {CraFlag.COMMAND: "Command", CraFlag.RESPONSE: "Normal response", CraFlag.ALERT: "Pushed message"}
UTRN = "73943333457189043313"


def header(code: int, flag: CraFlag) -> GroupingHeader:
    return GroupingHeader(flag, 7, Eui64("90-B3-D5-1F-30-01-00-00"), Eui64("00-DB-12-34-56-78-90-A1"), code)


def encrypt(plaintext: bytes) -> bytes:
    """A cipher that hides nothing; the values are tested here."""
    return bytes.fromhex("3100000000") + plaintext + bytes(12)


def decrypt(block: bytes) -> bytes:
    return block[5:-12]


@pytest.mark.parametrize(
    "use_case", [each for each in load_catalogue() if each.payload_kind == "gbz"], ids=lambda each: each.code
)
def test_templates_lack_only_what_is_open(use_case):
    """Filling in what the builder asks for, one value at a time, ends in a message."""
    for flag, name in NAMES.items():
        if name not in load_catalogue().gbz_messages(use_case.code):
            continue
        values = template(use_case, flag)
        if flag is CraFlag.ALERT:
            values |= {"Alert Code": 0x8F0A, "Time": "now"}
        message = header(use_case.message_codes[0], flag)
        for _ in range(1500):
            try:
                octets = gbz.build(values, message, use_case, strict=True, encrypt=encrypt)
            except EncodeError as error:
                fill(values, error)
            else:
                break
        else:
            pytest.fail("never complete")
        assert gbz.decode(Message(message, octets), use_case, decrypt) == values


def fill(values, error: EncodeError) -> None:
    """Give the value that is missing, or another one where the last was refused."""
    head_of, _, name = error.element.partition("].")
    component = values["Components"][int(head_of.removeprefix("Components["))]
    if name.startswith("Attributes."):
        names = component["Attributes"]
        wanted = name.removeprefix("Attributes.")
        if error.problem == "the attribute is missing":
            names[wanted] = {"Status": 0x86}
        else:
            pytest.fail(str(error))
    elif error.problem.startswith("the order is "):
        order = error.problem.removeprefix("the order is ").split(", ")
        component["Attributes"] = {each: component["Attributes"][each] for each in order}
    elif " entries, but " in error.problem:
        component[name] = [0] * int(error.problem.split()[-1])
    elif error.problem.endswith("are in the message"):
        component[name] = int(error.problem.split()[-5])
    elif component.get("Command") == "Consumer Top Up" and name == "Top Up Code":
        component[name] = UTRN.encode().hex().upper()
    else:
        component[name] = next_guess(component.get(name), error)


def next_guess(last, error: EncodeError):
    if error.problem.startswith("no form for") or " instead of " in error.problem:
        wanted = error.problem.split(" instead of ")[-1].split(" or ")[0]
        return int(wanted.split(" to ")[0]) if wanted[0].isdigit() else 0
    guesses = [0, "now", "", [], {}, None]
    return guesses[
        (guesses.index(last) + 1) if last in guesses and error.problem != "the value is missing" else 0
    ]


def test_enumerations_have_the_values_of_the_use_case():
    use_case = load_catalogue()["GCS25"]
    message, values = header(use_case.message_codes[0], CraFlag.COMMAND), template(use_case, CraFlag.COMMAND)
    period, block = values["Components"]
    for component, name in ((period, "Billing"), (block, "Block")):
        component["Issuer Event ID"] = 1
        component[f"{name} Period Start Time"] = "2020-01-01T00:00:00Z"
        component[f"{name} Period Duration Type"] = 0x23
    assert gbz.build(values, message, use_case, strict=True, encrypt=None)
    for name, wrong in (
        ("Billing Period Duration Type", 0x20),
        ("Billing Period Duration", 2),
        ("Tariff Type", 1),
    ):
        right, period[name] = period[name], wrong
        with pytest.raises(EncodeError) as caught:
            gbz.build(values, message, use_case, strict=True, encrypt=None)
        assert (caught.value.element, caught.value.clause) == (f"Components[0].{name}", "GBCS use case GCS25")
        period[name] = right

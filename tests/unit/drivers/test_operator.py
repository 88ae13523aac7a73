"""The person at the bench, played by the other end of a pseudo-terminal or of pipes."""

import asyncio
import os
import tty
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.operator import POWER_DRIVER, STIMULUS_DRIVER, OperatorConfig, OperatorStimulus
from drivers.operator_prompt import Prompter
from hil.clock import RealClock
from protocols.ports import BenchError, DriverContext, PowerPort, StimulusKind, StimulusOutcome, StimulusPort
from tests.loops import in_loop


def context(node: str = "esme") -> DriverContext:
    return DriverContext(RealClock(), node, "stimulus", Path("/nowhere"))


class Person:
    """Sits at a pseudo-terminal and answers questions as they appear."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)
        tty.setraw(self._slave)
        self.seen = ""

    async def reads(self, text: str) -> None:
        """Read until ``text`` stands on the terminal, and forget what stood before."""

        def read() -> None:
            while text not in self.seen:
                self.seen += os.read(self.master, 4096).decode()

        await asyncio.wait_for(asyncio.to_thread(read), 10)
        self.seen = self.seen.partition(text)[2]

    def types(self, text: str) -> None:
        os.write(self.master, text.encode())

    def leaves(self) -> None:
        os.close(self._slave)
        os.close(self.master)


async def stimulus_at(person: Person, timeout_s: float = 20.0, node: str = "esme"):
    port = await STIMULUS_DRIVER.open(
        OperatorConfig(terminal=person.path, timeout_s=timeout_s), context(node)
    )
    assert isinstance(port, StimulusPort)
    return port


async def power_at(person: Person, timeout_s: float = 20.0):
    port = await POWER_DRIVER.open(OperatorConfig(terminal=person.path, timeout_s=timeout_s), context())
    assert isinstance(port, PowerPort)
    return port


@in_loop
async def test_done_with_remark_and_initials():
    person = Person()
    port = await stimulus_at(person)
    applying = asyncio.create_task(port.apply(StimulusKind.COVER_OPEN))
    await person.reads("[esme] Please open the terminal cover (cover-open). Time limit 20 s.")
    await person.reads("d = done, r = cannot be done here: ")
    person.types("what?\n")
    await person.reads("d = done, r = cannot be done here: ")
    person.types("d\n")
    await person.reads("Remark")
    person.types("screw was loose\n")
    await person.reads("initials: ")
    person.types("\n")
    await person.reads("initials: ")
    person.types("AB\n")
    result = await applying
    assert (result.kind, result.outcome) == (StimulusKind.COVER_OPEN, StimulusOutcome.DONE)
    assert (result.answer, result.initials) == ("screw was loose", "AB")
    assert result.at is not None
    await port.close()
    person.leaves()


@in_loop
async def test_display_is_read_back_and_refusal():
    person = Person()
    port = await stimulus_at(person)
    applying = asyncio.create_task(port.apply(StimulusKind.DISPLAY))
    await person.reads("done here: ")
    person.types("d\n1234.5 kWh\nCD\n")
    result = await applying
    assert (result.outcome, result.answer, result.initials) == (StimulusOutcome.DONE, "1234.5 kWh", "CD")
    applying = asyncio.create_task(port.apply(StimulusKind.BUTTON, "B"))
    await person.reads("press the button B")
    await person.reads("done here: ")
    person.types("r\nno such button\nCD\n")
    result = await applying
    assert (result.outcome, result.answer) == (StimulusOutcome.REFUSED, "no such button")
    person.leaves()


@in_loop
async def test_unanswered_also_when_half_answered_and_the_late_answer_is_not_taken_for_the_next():
    person = Person()
    port = await stimulus_at(person, timeout_s=0.2)
    result = await port.apply(StimulusKind.MAGNET_ON)
    assert result.outcome is StimulusOutcome.UNANSWERED
    assert "0.2 s" in result.answer
    person.types("d\nlate\nAB\n")
    assert (await port.apply(StimulusKind.MAGNET_OFF)).outcome is StimulusOutcome.UNANSWERED
    applying = asyncio.create_task(port.apply(StimulusKind.MAGNET_OFF))
    await person.reads("magnet away")
    person.types("d\n")
    assert (await applying).outcome is StimulusOutcome.UNANSWERED
    person.leaves()


@in_loop
async def test_one_question_at_a_time_on_one_terminal():
    person = Person()
    ports = [await stimulus_at(person, node=node) for node in ("esme", "gsme", "ppmid")]
    answers = [asyncio.create_task(port.apply(StimulusKind.COVER_OPEN)) for port in ports]
    order = []
    for _ in ports:
        await person.reads("\n[")
        node = person.seen.partition("]")[0]
        order.append(node)
        await person.reads("done here: ")
        assert "\n[" not in person.seen
        person.types(f"d\nfor {node}\nAB\n")
        await person.reads("initials: ")
    assert sorted(order) == ["esme", "gsme", "ppmid"]
    for port_node, answer in zip(("esme", "gsme", "ppmid"), answers, strict=True):
        assert (await answer).answer == f"for {port_node}"
    person.leaves()


@in_loop
async def test_a_caller_who_gives_up_frees_the_terminal():
    person = Person()
    port = await stimulus_at(person)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(port.apply(StimulusKind.COVER_OPEN), 0.05)
    other = await stimulus_at(person)
    await person.reads("done here: ")
    applying = asyncio.create_task(other.apply(StimulusKind.COVER_CLOSE))
    await person.reads("close the terminal cover")
    await person.reads("done here: ")
    person.types("d\n\nAB\n")
    assert (await applying).outcome is StimulusOutcome.DONE
    person.leaves()


@in_loop
async def test_terminal_closed_is_unanswered_at_once():
    source, person = os.pipe()
    shown, target = os.pipe()
    port = OperatorStimulus(Prompter(RealClock(), descriptors=(source, target)), 60.0, context())
    applying = asyncio.create_task(port.apply(StimulusKind.KEYPAD, "1234"))
    assert b"key in 1234" in await asyncio.to_thread(os.read, shown, 4096)
    os.close(person)
    result = await asyncio.wait_for(applying, 5)
    assert result.outcome is StimulusOutcome.UNANSWERED
    assert "closed" in result.answer
    for descriptor in (source, shown, target):
        os.close(descriptor)


@in_loop
async def test_given_streams_answer_from_a_file(tmp_path):
    (tmp_path / "answers").write_text("d\n42\nAB\n")
    with (tmp_path / "answers").open() as source, (tmp_path / "shown").open("w") as target:
        prompter = Prompter(RealClock(), descriptors=(source.fileno(), target.fileno()))
        result = await OperatorStimulus(prompter, 5.0, context()).apply(StimulusKind.DISPLAY)
    assert (result.answer, result.initials) == ("42", "AB")
    assert "What does it show?" in (tmp_path / "shown").read_text()


@in_loop
async def test_no_terminal_is_a_bench_error_with_a_way_out(tmp_path):
    port = await STIMULUS_DRIVER.open(OperatorConfig(terminal=str(tmp_path / "tty")), context())
    with pytest.raises(BenchError, match="no terminal") as caught:
        await port.apply(StimulusKind.COVER_OPEN)
    assert "terminal =" in caught.value.next_step


@in_loop
async def test_power_by_hand():
    person = Person()
    power = await power_at(person)
    switching = asyncio.create_task(power.on())
    await person.reads("[esme] Please switch the supply on.")
    await person.reads("done here: ")
    person.types("d\nAB\n")
    await switching
    assert await power.is_on() is None
    switching = asyncio.create_task(power.off())
    await person.reads("supply off")
    await person.reads("done here: ")
    person.types("r\nAB\n")
    with pytest.raises(BenchError, match=r"AB.*cannot be switched off"):
        await switching
    await power.close()
    impatient = await power_at(person, timeout_s=0.1)
    with pytest.raises(BenchError, match="nobody switched"):
        await impatient.off()
    person.leaves()


def test_config():
    for wrong in ({"timeout_s": 0}, {"time": 3}):
        with pytest.raises(ValidationError):
            OperatorConfig(**wrong)

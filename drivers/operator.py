"""Power and stimuli by the hand of a person, asked on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from drivers.operator_prompt import NobodyAnswersError, Prompter, Question
from protocols.ports import BenchError, Driver, StimulusKind, StimulusOutcome, StimulusResult

if TYPE_CHECKING:
    from protocols.ports import DriverContext

_WHAT_TO_DO = {
    StimulusKind.COVER_OPEN: "open the terminal cover",
    StimulusKind.COVER_CLOSE: "close the terminal cover",
    StimulusKind.MAGNET_ON: "hold a magnet to the meter",
    StimulusKind.MAGNET_OFF: "take the magnet away",
    StimulusKind.BUTTON: "press the button",
    StimulusKind.KEYPAD: "key in",
    StimulusKind.DISPLAY: "read the display",
    StimulusKind.SUPPLY_LOST: "take the supply away",
    StimulusKind.SUPPLY_RESTORED: "give the supply back",
    StimulusKind.HAN_FAULT: "make the radio side faulty",
}
_OUTCOMES = {"d": StimulusOutcome.DONE, "r": StimulusOutcome.REFUSED}
_LONGEST_INITIALS = 8


class OperatorConfig(BaseModel):
    """Keys of ``power-operator`` and ``stimulus-operator`` ports."""

    model_config = ConfigDict(extra="forbid")

    timeout_s: float = Field(default=60.0, gt=0)
    terminal: str = "/dev/tty"


class OperatorStimulus:
    """A StimulusPort."""

    def __init__(self, prompter: Prompter, timeout_s: float, context: DriverContext) -> None:
        self._prompter = prompter
        self._timeout_s = timeout_s
        self._context = context

    async def apply(self, kind: StimulusKind, argument: str = "") -> StimulusResult:
        """Ask for one stimulus; UNANSWERED when nobody answers in time.

        The answer is the display's text for DISPLAY, else the operator's remark, if any.
        """
        what = f"{_WHAT_TO_DO[kind]} {argument}".strip()
        text = f"\n[{self._context.node}] Please {what} ({kind}). Time limit {self._timeout_s:g} s.\n"
        wanted = "What does it show? " if kind is StimulusKind.DISPLAY else "Remark (may be empty): "
        questions = [_outcome_question(), Question(wanted, str), _initials_question()]
        try:
            letter, answer, initials = await self._prompter.ask(text, questions, self._timeout_s)
        except NobodyAnswersError as error:
            return StimulusResult(kind, StimulusOutcome.UNANSWERED, str(error), at=self._context.clock.now())
        return StimulusResult(kind, _OUTCOMES[letter], answer, initials, self._context.clock.now())

    async def close(self) -> None:
        """Close; a question under way belongs to whoever waits for it."""


class OperatorPower:
    """A PowerPort. Whether supply is on is not known: the bench sees only what it asked for."""

    def __init__(self, prompter: Prompter, timeout_s: float, context: DriverContext) -> None:
        self._prompter = prompter
        self._timeout_s = timeout_s
        self._node = context.node

    async def on(self) -> None:
        """Ask for supply on; BenchError unless somebody confirms in time."""
        await self._switch("on")

    async def off(self) -> None:
        """Ask for supply off; BenchError unless somebody confirms in time."""
        await self._switch("off")

    async def is_on(self) -> bool | None:
        """Not known."""
        return None

    async def close(self) -> None:
        """Leave the supply as it is."""

    async def _switch(self, way: str) -> None:
        text = f"\n[{self._node}] Please switch the supply {way}. Time limit {self._timeout_s:g} s.\n"
        try:
            letter, initials = await self._prompter.ask(
                text, [_outcome_question(), _initials_question()], self._timeout_s
            )
        except NobodyAnswersError as error:
            raise BenchError(
                f"nobody switched the supply of {self._node} {way}: {error}",
                next_step="stay at the bench, raise timeout_s, or use power-command",
            ) from error
        if _OUTCOMES[letter] is not StimulusOutcome.DONE:
            raise BenchError(
                f"the operator ({initials}) says that the supply of {self._node} cannot be switched {way}",
                next_step="choose tests that do not need power, or change the rig",
            )


async def open_operator_stimulus(config: OperatorConfig, context: DriverContext) -> OperatorStimulus:
    """A stimulus port; the terminal is opened when there is something to ask."""
    return OperatorStimulus(Prompter(context.clock, terminal=config.terminal), config.timeout_s, context)


async def open_operator_power(config: OperatorConfig, context: DriverContext) -> OperatorPower:
    """A power port; the terminal is opened when there is something to ask."""
    return OperatorPower(Prompter(context.clock, terminal=config.terminal), config.timeout_s, context)


def _outcome_question() -> Question:
    return Question("  d = done, r = cannot be done here: ", _known_letter)


def _initials_question() -> Question:
    return Question("  your initials: ", _initials)


def _known_letter(typed: str) -> str | None:
    letter = typed[:1].lower()
    return letter if letter in _OUTCOMES else None


def _initials(typed: str) -> str | None:
    return typed if 0 < len(typed) <= _LONGEST_INITIALS else None


POWER_DRIVER = Driver(
    name="power-operator",
    config=OperatorConfig,
    open=open_operator_power,
    capabilities=frozenset({"power"}),
    needs="a person at a terminal",
)

STIMULUS_DRIVER = Driver(
    name="stimulus-operator",
    config=OperatorConfig,
    open=open_operator_stimulus,
    capabilities=frozenset({"stimulus"}),
    needs="a person at a terminal",
)

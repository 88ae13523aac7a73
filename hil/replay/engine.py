"""One command after the other: fresh device, answer, comparison, and what the answer needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hil.replay.compare import Opened, open_reply, payload_difference, structure_difference
from hil.replay.premises import suppose
from hil.replay.wanted import Wanted
from hil.replay.wanted_asn1 import wanted_asn1
from hil.replay.wanted_dlms import wanted_dlms
from hil.replay.wanted_gbz import wanted_gbz
from protocols.errors import CodecError
from protocols.ports import ConfigError
from rigs.emulated.replaying import answer

if TYPE_CHECKING:
    from hil.replay.pairs import Pair
    from hil.replay.parties import Parties
    from rigs.emulated.replaying import Given, Trial

# A second look finds what only shows once the first failure is out of the way.
_ROUNDS = 5


@dataclass(slots=True)
class Result:
    """What came of one command; see ``hil replay --help`` for the fields."""

    name: str
    structure: bool = False
    payload: bool = False
    given: list[Given] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    why: str = ""

    @property
    def unaided(self) -> bool:
        """Whether the device needed neither values nor failures from the reply."""
        return self.payload and not self.given and not self.refused

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "structure": self.structure,
            "payload": self.payload,
            "given": [{"element": each.element, "value": each.value} for each in self.given],
            "refused": [{"element": name, "result": result} for name, result in self.refused.items()],
            "unaided": self.unaided,
            "why": self.why,
        }


def replay(pair: Pair, parties: Parties) -> Result:
    """Answer a command, and answer it again with what the answer lacked."""
    result = Result(pair.name)
    try:
        _replay(pair, parties, result)
    except (CodecError, ConfigError) as error:
        result.why = str(error)
    except Exception as error:  # noqa: BLE001  # a defect that one command meets costs no other its result
        result.why = f"the replay failed: {type(error).__name__}: {error}"
    return result


def _replay(pair: Pair, parties: Parties, result: Result) -> None:
    supposed = suppose(pair, parties)
    secret = parties.secret(pair.reply.header.reader, pair.reply.header.business_originator_id)
    theirs = open_reply(pair.reply, pair.use_case.payload_kind or "", secret)
    wanted = Wanted()
    for _ in range(_ROUNDS):
        trial = answer(
            supposed.description,
            supposed.moment,
            pair.octets,
            [*supposed.state, *wanted.given],
            wanted.refused,
        )
        try:
            ours = _opened(trial, pair, secret)
        except CodecError as error:
            result.why = f"the answer cannot be opened: {error}"
            break
        result.given, result.refused = list(wanted.given), dict(wanted.refused)
        result.structure, result.payload, result.why = _judge(trial, ours, theirs)
        if result.payload and result.structure:
            return
        before = (len(wanted.given), len(wanted.refused))
        _look(wanted, pair, parties, ours, theirs)
        if before == (len(wanted.given), len(wanted.refused)):
            break
    result.why = "; ".join([result.why, *dict.fromkeys(wanted.why)])


def _opened(trial: Trial, pair: Pair, secret: bytes | None) -> Opened | None:
    if trial.response is None:
        return None
    return open_reply(trial.response, pair.use_case.payload_kind or "", secret)


def _judge(trial: Trial, ours: Opened | None, theirs: Opened) -> tuple[bool, bool, str]:
    if ours is None:
        last = [line for line in trial.console.splitlines() if "event" in line] or [""]
        return False, False, f"no response: {last[-1]}"
    built = structure_difference(ours, theirs)
    said = payload_difference(ours, theirs)
    reasons = [f"structure: {built}"] if built else []
    reasons += [f"payload: {said}"] if said else []
    return not built, not said, "; ".join(reasons)


def _look(wanted: Wanted, pair: Pair, parties: Parties, ours: Opened | None, theirs: Opened) -> None:
    kind = pair.use_case.payload_kind
    try:
        if kind == "dlms":
            wanted_dlms(wanted, pair.command, ours, theirs)
        elif kind == "gbz":
            wanted_gbz(wanted, pair.command, ours, theirs)
        else:
            mine = ours.message if ours is not None else None
            code, reply = pair.use_case.code, theirs.message
            wanted_asn1(wanted, code, parties, command=pair.command, ours=mine, theirs=reply)
    except CodecError as error:
        wanted.why.append(f"the reply cannot be read: {error}")

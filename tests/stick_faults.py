"""A hub whose radio is an emulated stick with a fault: what its driver has to come through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.bench import Bench
from hil.credentials import CredentialSet
from hil.exchange import NoResponseError
from hil.journal import Journal
from hil.rigfile import load_rig
from hil.state_steps import Steps

RIGS = Path(__file__).parents[1] / "rigs"
NODE = "chf"
ANSWER_S = 40.0
# Each as the catalogue has it: name and values.
PASSABLE = (
    ("stick-octets-lost", {"probability": 0.0005}),
    ("stick-octets-altered", {"probability": 0.0005}),
    ("stick-late", {"seconds": 0.2}),
    ("stick-reset", {"count": 2, "seconds": 3.0}),
)


@contextmanager
def joined_premises(rig_name: str, folder: Path) -> Iterator[Bench]:
    """The rig's premises in real time, with its electricity meter on the HAN."""
    rig = load_rig(RIGS / rig_name, {"SMETS_HIL_STATE": str(folder / "state")})
    with Journal.open(folder / "journal.sqlite") as journal, Bench.open(rig, journal) as bench:
        Steps(bench, CredentialSet.of_bench(bench)).add(bench.devices["esme"])
        yield bench


def answers(bench: Bench, timeout_s: float = ANSWER_S) -> bool:
    """Whether the meter answers over the stick."""
    try:
        response = bench.users["acb"].request("ECS52", bench.devices["esme"], timeout_s=timeout_s)
    except NoResponseError:
        return False
    return bool(response.mac == "ok")


def comes_through(bench: Bench, name: str, values: dict[str, float], reads: int = 4) -> None:
    """Messages get through while the stick has the fault, if not each at the first try, and after it all do."""
    with bench.faults.given(name, NODE, **values):
        assert any(answers(bench, 15.0) for _ in range(4))
        for _ in range(reads):
            answers(bench, 2.0)
    assert answers(bench)
    assert answers(bench)


def falls_silent_for_a_while(bench: Bench) -> None:
    """Nothing gets through while the firmware hangs; a driver that has not given it up goes on."""
    with bench.faults.given("stick-silent", NODE):
        assert not answers(bench, 1.0)
    assert answers(bench)

"""Many households in one process: what they share stands once, and who has nothing to do is a few octets."""

from rigs.emulated.fleet.fleet import Fleet
from rigs.emulated.fleet.household import Household
from rigs.emulated.fleet.model import Model

__all__ = ["Fleet", "Household", "Model"]

"""A virtual 802.15.4 medium: radios that hear each other, or do not, in real or virtual time.

``Medium`` carries transmissions, ``EmulatedRadio`` is a radio on it (a `protocols.radio.FrameRadio`),
``Link`` says how well one hears another, ``Fault`` makes named trouble, and a tap gets every transmission.
"""

from rigs.emulated.air.faults import Fault, FaultAction
from rigs.emulated.air.medium import AirFrame, Hearing, Link, Medium
from rigs.emulated.air.phy import PHY_2450, Phy
from rigs.emulated.air.radio import EmulatedRadio
from rigs.emulated.air.scheduler import HeapScheduler, Scheduler

__all__ = [
    "PHY_2450",
    "AirFrame",
    "EmulatedRadio",
    "Fault",
    "FaultAction",
    "HeapScheduler",
    "Hearing",
    "Link",
    "Medium",
    "Phy",
    "Scheduler",
]

"""Which class an emulated device of a type is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.chf import Chf
from rigs.emulated.esme import Esme
from rigs.emulated.gpf import Gpf
from rigs.emulated.gsme import Gsme
from rigs.emulated.hcalcs import Hcalcs
from rigs.emulated.ihd import Ihd
from rigs.emulated.ppmid import Ppmid
from rigs.emulated.sapc import Sapc

if TYPE_CHECKING:
    from rigs.emulated.device import Device

KINDS: dict[str, type[Device]] = {
    "esme": Esme,
    "gsme": Gsme,
    "chf": Chf,
    "gpf": Gpf,
    "ppmid": Ppmid,
    "hcalcs": Hcalcs,
    "sapc": Sapc,
    "ihd": Ihd,
}

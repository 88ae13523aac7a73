"""Frames that no honest device sends, for the negative suites (extra ``capture``: scapy, GPL-2.0-only).

Nothing in the bench imports this package but suites that ask for the capability ``han.inject``.
"""

from hil.hostile.kind import KINDS, Kind
from hil.hostile.kinds_application import APPLICATION_KINDS
from hil.hostile.kinds_mac import MAC_KINDS
from hil.hostile.kinds_nwk import NWK_KINDS
from hil.hostile.situation import Party, Situation

__all__ = ["APPLICATION_KINDS", "KINDS", "MAC_KINDS", "NWK_KINDS", "Kind", "Party", "Situation"]

"""Whether a command drew an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.exchange import UnexpectedResponseError

if TYPE_CHECKING:
    from hil.exchange import Sent
    from hil.nodes import UserNode

WITHIN_S = 5.0  # a gas meter that sleeps a second fetches and answers well within this


def silent(user: UserNode, sent: Sent) -> bool:
    """Whether nothing came back."""
    try:
        user.expect_silence(sent, within_s=WITHIN_S)
    except UnexpectedResponseError:
        return False
    return True

"""What the stack costs in wall time; limits are several times what was measured, for slow machines."""

from __future__ import annotations

import time

from protocols.han import DataConfirmed, DataReceived, DataStatus, HanRole
from tests.zigbee_air import Han


def test_four_devices_join_in_well_under_a_second():
    start = time.process_time()
    han = Han()
    router = han.join(HanRole.ROUTER)
    han.join(HanRole.END_DEVICE)
    han.join(HanRole.SLEEPY_END_DEVICE)
    han.join(HanRole.END_DEVICE, behind=router)
    assert time.process_time() - start < 0.5


def test_ten_thousand_secured_unicasts_with_acknowledgements():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    wanted, outstanding = 10_000, 4
    sent = done = arrived = 0

    class Sender:
        def han_event(self, event):
            nonlocal done
            if isinstance(event, DataConfirmed):
                assert event.status is DataStatus.DONE
                done += 1
                if sent < wanted:
                    send()

    class Receiver:
        def han_event(self, event):
            nonlocal arrived
            arrived += isinstance(event, DataReceived)

    def send():
        nonlocal sent
        sent += 1
        han.hub.send(device.eui64, bytes(60))

    han.hub.node.listen(Sender())
    device.node.listen(Receiver())
    start = time.process_time()
    for _ in range(outstanding):
        send()
    assert han.medium.run_until(lambda: done == wanted, 1000)
    assert arrived == wanted
    assert time.process_time() - start < 6

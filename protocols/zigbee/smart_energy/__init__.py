"""The Smart Energy application of a GB HAN over any `protocols.han.HanService`: hub and devices.

``hub.SmartEnergyHub`` and ``device.SmartEnergyDevice`` are what a bench uses; ``events`` is what they tell,
``settings`` what may differ. The parts, one cluster each, stand on ``zcl_endpoint``. Nothing here does I/O:
time comes from the ``now`` given, ``run_due`` has to be called when ``next_due`` comes.
"""

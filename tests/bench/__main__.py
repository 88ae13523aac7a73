"""Run everything."""

from __future__ import annotations

from tests.bench.air import bench_air
from tests.bench.cold import bench_cold
from tests.bench.fleet import bench_fleet
from tests.bench.han import bench_han
from tests.bench.messages import bench_messages
from tests.bench.metering import bench_metering
from tests.bench.zigbee import bench_zigbee

if __name__ == "__main__":
    bench_messages()
    bench_metering()
    bench_cold()
    bench_zigbee()
    bench_air()
    bench_han()
    bench_fleet()

"""Run everything."""

from __future__ import annotations

from tests.bench.cold import bench_cold
from tests.bench.messages import bench_messages

if __name__ == "__main__":
    bench_messages()
    bench_cold()

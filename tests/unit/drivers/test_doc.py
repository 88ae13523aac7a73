"""docs/drivers.md: its example runs, its keys are the drivers' keys, its drivers are all there are."""

import asyncio
import re
import tomllib
from importlib import import_module
from pathlib import Path

from protocols.ports import Driver, DriverContext, PowerPort

ROOT = Path(__file__).parents[3]
DOC = (ROOT / "docs" / "drivers.md").read_text()


def declared() -> dict[str, Driver]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    drivers = {}
    for name, target in project["entry-points"]["hil.drivers"].items():
        module, _, attribute = target.partition(":")
        drivers[name] = getattr(import_module(module), attribute)
    return drivers


def test_every_entry_point_leads_to_a_driver_of_that_name():
    for name, driver in declared().items():
        assert isinstance(driver, Driver)
        assert driver.name == name
        assert driver.config.model_config["extra"] == "forbid"
        assert driver.needs


def test_every_driver_and_every_key_is_described():
    for name, driver in declared().items():
        assert f"`{name}`" in DOC
        for key in driver.config.model_fields:
            assert re.search(rf"`{key}`", DOC), f"{name}: {key}"


def test_the_example_runs(tmp_path):
    module: dict[str, object] = {"__name__": "example"}
    (example,) = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    exec(compile(example, "docs/drivers.md", "exec"), module)
    driver = module["DRIVER"]
    assert isinstance(driver, Driver)

    async def use() -> None:
        context = DriverContext(None, "esme", "power", tmp_path)  # type: ignore[arg-type]
        port = await driver.open(driver.config(value_file="value", active_low=True), context)
        assert isinstance(port, PowerPort)
        await port.on()
        assert (tmp_path / "value").read_text() == "0"
        assert await port.is_on() is True
        await port.off()
        assert await port.is_on() is False
        await port.close()

    asyncio.run(use())

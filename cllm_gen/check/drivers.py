"""Whether the driver of every device that an appliance drives is there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cllm_gen.source import SpecError
from cllm_gen.spec.appliance import Appliance


def check_drivers(root: Path, appliances: Iterable[Appliance]) -> None:
    """Raises SpecError for a driver without a file or folder of its name in kernel_static/drivers."""
    for appliance in appliances:
        for device in appliance.devices if any(each.devices for each in appliance.targets) else ():
            driver = device.driver
            place = f"kernel_static/drivers/{driver.file}" if driver else ""
            if driver and not any((root / name).exists() for name in (place, f"{place}.c")):
                raise SpecError(
                    driver.span,
                    f"driver {driver.file} of {device.name}, but no {place}.c",
                    "a file that drives the device, or a folder of that name",
                    (
                        f"bool {driver.file}_start(struct nic **nic) in {place}.c"
                        if device.is_network
                        else f"{place}.c over generated/devices/{device.name}.h"
                    ),
                )

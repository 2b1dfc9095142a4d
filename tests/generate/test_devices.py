"""An appliance's devices decide which drivers are in its image, and in which order they are asked."""

from dataclasses import replace

import pytest

from cllm_gen.emit.tree import texts
from cllm_gen.image.sources import units
from cllm_gen.lower.appliance import outputs
from cllm_gen.lower.device import drivers
from cllm_gen.spec.device import Device, Driver
from cllm_gen.spec.load import load_appliances

CARD = Device("card", "A network card", "", [], driver=Driver("card", "network"), emulated=["card"])
SWITCH = Device("switch", "Another", "", [], driver=Driver("switch", "network"))


@pytest.fixture
def appliance(project):
    """With a file for the driver of CARD and a folder for that of SWITCH."""
    folder = project / "kernel_static/drivers"
    (folder / "card.c").write_text("")
    (folder / "switch").mkdir()
    for name in ("ports.c", "rings.c"):
        (folder / "switch" / name).write_text("")
    return load_appliances(project)[0]


def compiled(project, appliance, target) -> list[str]:
    """Files of the drivers in an image."""
    files = [unit.source for unit in units(project, appliance, target)]
    return [file.split("/drivers/")[1] for file in files if "/drivers/" in file]


def asked(appliance) -> list[str]:
    """Functions in the table of drivers, in its order."""
    [text] = texts(drivers(appliance)).values()
    table = text[text.index("nic_drivers[]") :]
    return [part.split("}")[0] for part in table.split('", ')[1:]]


def test_drivers_of_the_devices_and_no_others(project, appliance):
    e1000, *rest = appliance.devices
    assert e1000.name == "e1000"
    target = appliance.target()
    files = ["e1000/frames.c", "e1000/start.c", "nic.c", "pci.c", "uart16550.c"]
    assert compiled(project, appliance, target) == files
    other = replace(appliance, devices=[CARD, *rest])
    assert compiled(project, other, target) == ["card.c", "nic.c", "pci.c", "uart16550.c"]
    folder = replace(appliance, devices=[*rest, SWITCH])
    files = ["nic.c", "pci.c", "switch/ports.c", "switch/rings.c", "uart16550.c"]
    assert compiled(project, folder, target) == files


def test_asked_in_the_order_of_the_spec(appliance):
    e1000, *rest = appliance.devices
    assert asked(appliance) == ["e1000_start"]
    assert asked(replace(appliance, devices=[SWITCH, *rest, e1000, CARD])) == [
        "switch_start",
        "e1000_start",
        "card_start",
    ]
    again = Device("e1001", "Its successor", "", [], driver=e1000.driver)
    assert asked(replace(appliance, devices=[CARD, again, *rest, e1000])) == [
        "card_start",
        "e1000_start",
    ], "a driver of two devices is asked once"


def test_a_process_has_no_drivers(project, appliance):
    """And an appliance that is nothing else needs neither devices nor protocols."""
    process = appliance.process
    assert compiled(project, appliance, process) == []
    assert not [u for u in units(project, appliance, process) if u.source.endswith("drivers.c")]
    alone = {process: appliance.targets[process]}
    bare = replace(appliance, devices=[], protocols=[], targets=alone)
    assert not [each.path for each in outputs([bare]) if each.path.endswith("drivers.c")]

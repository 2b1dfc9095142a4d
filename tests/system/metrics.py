"""Numbers of a running appliance, from GET /metrics."""

import requests


def metric(machine, name):
    page = requests.get(machine.url + "/metrics", timeout=60).text
    return float(next(line.split()[1] for line in page.splitlines() if line.startswith(name + " ")))

#!/usr/bin/env python3
"""A heater as a device process of plantd: a simulated one, on a real link.

It shows how to put a device of your own on a link: describe it, and say how to read it, write to
it, command it, and make it safe. All else is in plantd_driver.py.
"""
import argparse
import math
import time
from pathlib import Path
from typing import Any

from plantd_driver import Driver, Failed, Progress, Reading, Refused, Work, is_number

AMBIENT_CELSIUS = 20.0
POWER_WATTS_MAX = 500.0
CELSIUS_PER_WATT = 0.5  # how much warmer than its surroundings it becomes in the end
TIME_CONSTANT_SECONDS = 10.0  # after which it is 63 % of the way there

DESCRIPTION = {
    "type": "Heater",
    "attributes": {
        "temperature": {"type": "number", "unit": "°C", "access": "read", "range": [0, 300]},
        "power": {
            "type": "number",
            "unit": "W",
            "access": "read-write",
            "range": [0, POWER_WATTS_MAX],
        },
        "state": {
            "type": "string",
            "unit": "",
            "access": "read",
            "values": ["ready", "heating"],
        },
    },
    "commands": {
        # Heats with full power until it is that warm, and tells how many seconds it took.
        "heatTo": {
            "payload": {
                "type": "object",
                "required": ["celsius"],
                "properties": {"celsius": {"type": "number"}},
                "additionalProperties": False,
            },
            "success": {"type": "number"},
            "effect": "set",
            "lane": "ordinary",
            "allowedIn": ["ready"],
        },
        # Switches off, whatever else is being done.
        "off": {"payload": None, "success": None, "effect": "set", "lane": "emergency"},
    },
    "states": ["ready", "heating"],
}


class Heater:
    """A body that is heated by so many watts, and cools by its surroundings."""

    description = DESCRIPTION

    def __init__(self) -> None:
        self.power = 0.0
        self.state = "ready"
        self.switched_off = 0  # how often, so that what is heating notices
        self._temperature = AMBIENT_CELSIUS
        self._at = time.monotonic()

    @property
    def temperature(self) -> float:
        """By the solution of the differential equation, so that it is right at any time."""
        now = time.monotonic()
        final = AMBIENT_CELSIUS + self.power * CELSIUS_PER_WATT
        share = math.exp(-(now - self._at) / TIME_CONSTANT_SECONDS)
        self._temperature = final + (self._temperature - final) * share
        self._at = now
        return self._temperature

    def set_power(self, watts: float) -> None:
        """Up to now it was heated by the old power."""
        self._temperature = self.temperature
        self.power = float(watts)

    def hardware(self) -> str:
        """How well the hardware is reached: "ok", "degraded" or "down"."""
        return "ok"

    def read(self, attribute: str) -> Reading:
        """What an attribute is now. An exception makes it nil and bad, with its text as reason."""
        if attribute == "temperature":
            return Reading(round(self.temperature, 2))
        return Reading(self.power if attribute == "power" else self.state)

    def check(self, command: str, payload: Any) -> None:
        """Refuses a payload that is not what the description says, before the command waits."""
        if command == "off":
            if payload is not None:
                raise Refused("validation", "off: expected no payload")
            return
        if not isinstance(payload, dict) or payload.keys() != {"celsius"}:
            raise Refused("validation", 'heatTo: expected {"celsius": number}')
        warmest = AMBIENT_CELSIUS + POWER_WATTS_MAX * CELSIUS_PER_WATT
        celsius = payload["celsius"]
        if not is_number(celsius) or not 0 <= celsius < warmest:
            raise Refused("validation", f"heatTo: expected celsius from 0 to below {warmest}")

    def write(self, attribute: str, value: Any) -> None:
        """Sets an attribute; its type and range have been checked."""
        if self.state != "ready":
            raise Refused("state", f"{attribute} is not set while the heater is {self.state}")
        self.set_power(value)

    def invoke(self, command: str, payload: Any) -> Work:
        """Carries a command out in short steps: each yields how many seconds may pass until the
        next one, or Progress. In between, reads and emergencies are answered."""
        if command == "off":
            self.safe()
            return None
        return (yield from self._heat_to(payload["celsius"]))

    def _heat_to(self, celsius: float) -> Work:
        begun, start, before = time.monotonic(), self.temperature, self.switched_off
        self.state = "heating"
        try:
            self.set_power(POWER_WATTS_MAX)
            while self.temperature < celsius:
                yield Progress((self.temperature - start) / (celsius - start))
                yield 0.05
                if self.switched_off != before:
                    raise Failed(f"switched off at {self.temperature:.1f} °C")
            return round(time.monotonic() - begun, 3)
        finally:
            self.set_power(0)
            self.state = "ready"

    def safe(self) -> None:
        """Off: when it is told so, when nobody is heard any more, and when the process ends."""
        self.set_power(0)
        self.switched_off += 1


def main() -> None:
    """Serves one heater until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description="A simulated heater as a device process of plantd.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--device", default="heater-1", help="the id of the device")
    parser.add_argument(
        "--commands", default="tcp://127.0.0.1:5821", help="where nodes reach it; port * is any"
    )
    parser.add_argument(
        "--telemetry", default="tcp://127.0.0.1:5822", help="where it publishes its readings"
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path.home() / ".local/state/plantd-heater",
        help="the directory of what must not be forgotten: its epoch, the highest fence",
    )
    options = parser.parse_args()
    Driver(Heater(), options.device, options.state / options.device).serve(
        options.commands, options.telemetry
    )


if __name__ == "__main__":
    main()

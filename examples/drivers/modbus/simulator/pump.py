#!/usr/bin/env python3
"""A pump behind Modbus/TCP, for examples/drivers/modbus/maps/pump.json.

Needs pymodbus 3.0 (Debian bookworm: apt-get install python3-pymodbus python3-serial-asyncio). It
says where it listens in one line of JSON on standard output. With --obey it obeys lines of JSON on
standard input, and answers each with one:

  {"delay": {"of": "writes", "millis": 3000, "count": 1}}   replies late, and acts at once
  {"delay": {"of": "reads", "millis": 3000, "count": 1, "act": "late"}}   acts late as well
  {"set": {"table": "input", "address": 1, "values": [300]}}
  {"report": true}   answers with what was asked of it so far, and what its registers hold
"""
import argparse
import asyncio
import json
import struct
import sys

from pymodbus.datastore import (
    ModbusSequentialDataBlock,
    ModbusServerContext,
    ModbusSlaveContext,
)
from pymodbus.server.async_io import ModbusConnectedRequestHandler, ModbusTcpServer

# The function codes by which a datastore tells its tables apart.
TABLES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
# Tables have so many places, and no more: beyond them is an illegal data address.
SIZES = {"coil": 8, "discrete": 8, "holding": 20, "input": 10}
WRITES = (5, 6, 15, 16)
TICK_SECONDS = 0.1


class Pump:
    """What the registers mean, and what was asked of them."""

    def __init__(self):
        blocks = {name: ModbusSequentialDataBlock(0, [0] * size) for name, size in SIZES.items()}
        self.unit = ModbusSlaveContext(
            co=blocks["coil"],
            di=blocks["discrete"],
            hr=blocks["holding"],
            ir=blocks["input"],
            zero_mode=True,
        )
        self.delivered = 0.0
        self.delays = []
        self.writes = []
        self.reads = 0
        self.connections = 0
        self.unanswered = 0
        self.unanswered_max = 0
        self.replies_late = 0

    def get(self, table, address, count=1):
        """What places of a table hold."""
        return [int(value) for value in self.unit.getValues(TABLES[table], address, count)]

    def put(self, table, address, values):
        """Changes places of a table, as the device itself does."""
        self.unit.setValues(TABLES[table], address, values)

    def live(self):
        """One step of the pump: flow and heat follow its speed."""
        running = self.get("coil", 0)[0] == 1
        flow = self.get("holding", 0)[0] / 3000 * 8 if running else 0.0
        dose = self.get("holding", 10)[0]
        if dose > 0:
            self.put("holding", 10, [0])
        self.delivered += dose + flow * TICK_SECONDS
        high, low = struct.unpack(">HH", struct.pack(">f", 1 + flow / 4))
        liters = int(self.delivered)
        self.put("input", 0, [round(flow * 100), round(200 + flow * 50), low, high])
        self.put("input", 4, [liters >> 16, liters & 0xFFFF])
        self.put("discrete", 0, [flow > 7.5])

    def delay_of(self, request):
        """The delay that is meant for a request, used up by it."""
        kind = "writes" if request.function_code in WRITES else "reads"
        for delay in self.delays:
            if delay["of"] == kind and delay["count"] > 0:
                delay["count"] -= 1
                return delay
        return None

    def note(self, request):
        """Counts what was done."""
        if request.function_code not in WRITES:
            self.reads += 1
            return
        values = getattr(request, "values", None)
        values = [request.value] if values is None else list(values)
        self.writes.append(
            {
                "function": request.function_code,
                "address": request.address,
                "values": [int(value) for value in values],
            }
        )

    def obey(self, order):
        """Carries out one order, and gives the answer where there is one."""
        if "delay" in order:
            self.delays.append({"count": 1, "act": "at once", **order["delay"]})
        if "set" in order:
            self.put(**order["set"])
        if "report" not in order:
            return {"done": True}
        return {
            "writes": self.writes,
            "reads": self.reads,
            "connections": self.connections,
            "unansweredMax": self.unanswered_max,
            "repliesLate": self.replies_late,
            **{table: self.get(table, 0, size) for table, size in SIZES.items()},
        }


def handler_of(pump):
    """The class by which the server serves each connection."""

    class Handler(ModbusConnectedRequestHandler):
        """Serves a connection, late where it was told to."""

        def connection_made(self, transport):
            """Counts it."""
            pump.connections += 1
            super().connection_made(transport)

        def execute(self, request, *addr):
            """Acts and replies, now or later."""
            pump.unanswered += 1
            pump.unanswered_max = max(pump.unanswered_max, pump.unanswered)
            delay = pump.delay_of(request)
            if delay is None:
                self.act(request, *addr)
            elif delay["act"] == "late":
                later(delay, self.act, request, *addr)
            else:
                request.replies_after = delay
                self.act(request, *addr)

        def act(self, request, *addr):
            """Acts, and replies unless that is to come later."""
            pump.note(request)
            late = getattr(request, "replies_after", None)
            answers = []
            self.send = lambda *given, **options: answers.append((given, options))
            super().execute(request, *addr)
            del self.send
            for given, options in answers:
                if late is None:
                    self.reply(given, options)
                else:
                    later(late, self.reply_late, given, options)

        def reply_late(self, given, options):
            """Sends a reply that may come too late."""
            pump.replies_late += 1
            self.reply(given, options)

        def reply(self, given, options):
            """Sends a reply; one to a connection that is gone is lost."""
            pump.unanswered -= 1
            if not self.transport.is_closing():
                self.send(*given, **options)

    return Handler


def later(delay, run, *given):
    """Runs something when a delay has passed."""
    asyncio.get_running_loop().call_later(delay["millis"] / 1000, run, *given)


async def obey_input(pump):
    """Obeys standard input, line by line, until it ends."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        if line.strip():
            print(json.dumps(pump.obey(json.loads(line))), flush=True)


async def live(pump):
    """Keeps the pump going."""
    while True:
        pump.live()
        await asyncio.sleep(TICK_SECONDS)


async def main(host, port, still, obedient):
    """Serves until the process is ended."""
    pump = Pump()
    server = ModbusTcpServer(
        ModbusServerContext(slaves=pump.unit, single=True),
        address=(host, port),
        handler=handler_of(pump),
        allow_reuse_address=True,
    )
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.wait({serving, server.serving}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    _, bound = server.server.sockets[0].getsockname()[:2]
    print(json.dumps({"host": host, "port": bound}), flush=True)
    rest = ([] if still else [live(pump)]) + ([obey_input(pump)] if obedient else [])
    await asyncio.gather(serving, *rest)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="A pump behind Modbus/TCP.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=5020)
    options.add_argument("--still", action="store_true", help="registers change only when written")
    options.add_argument("--obey", action="store_true", help="obeys orders on standard input")
    given = options.parse_args()
    try:
        asyncio.run(main(given.host, given.port, given.still, given.obey))
    except KeyboardInterrupt:
        pass

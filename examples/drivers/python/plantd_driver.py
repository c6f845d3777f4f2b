"""The device process's side of the device protocol PDP1, for a device written in Python.

One thread does everything: it waits for messages and for the next step of what is being carried
out, so reads and emergencies are answered while a command runs. Section numbers are those of
docs/device-protocol.md.
"""
import json
import logging
import os
import signal
import time
from collections import OrderedDict, deque
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import zmq

import pdp1
from pdp1 import Refused, is_number

__all__ = [
    "Device", "Driver", "Failed", "Progress", "Reading", "Refused", "Unknown", "Work", "is_number",
]

HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 2.0  # without a sign of any node the device is made safe
GOODBYE_SECONDS = 0.05
QUEUE_MAX = 16
SESSIONS_MAX = 64
REMEMBERED_MAX = 1_024
ASKERS_MAX = 8
ANSWER_BYTES_MAX = 16_384
DRIFT_MAX = 0.001  # how fast two clocks may drift apart, section 5
MESSAGES_PER_TURN = 64

log = logging.getLogger("plantd")


@dataclass
class Reading:
    """A value, and how far it can be trusted."""

    value: float | bool | str | None
    quality: str = "good"
    reason: str | None = None


@dataclass
class Progress:
    """How far a command has come, from 0 to 1."""

    progress: float
    message: str | None = None


class Failed(Exception):
    """It was tried, and failed."""


class Unknown(Exception):
    """It was handed to the hardware, and nobody knows what became of it."""


# What a command does, in short steps: each yields how many seconds may pass until the next one, or
# how far it has come. What it returns is its result.
Work = Generator[float | Progress, None, Any]


class Device(Protocol):
    """What the author of a device writes."""

    description: dict[str, Any]

    def hardware(self) -> str: ...
    def read(self, attribute: str) -> Reading: ...
    def check(self, command: str, payload: Any) -> None: ...
    def write(self, attribute: str, value: Any) -> Work | None: ...
    def invoke(self, command: str, payload: Any) -> Work | None: ...
    def safe(self) -> None: ...


@dataclass
class Session:
    """A node that said HELLO."""

    node: str
    shortest: float
    at: float
    departed: bool = False

    def age(self, sent_at: float, now: float) -> float:
        """How old a message is beyond the fastest one of its session, in milliseconds."""
        transit = now - sent_at
        self.shortest = min(transit, self.shortest + (now - self.at) * DRIFT_MAX)
        self.at = now
        return transit - self.shortest


@dataclass(eq=False)
class Job:
    """A command that waits, is being carried out, or has ended."""

    command_id: str
    kind: str
    name: str
    content: Any
    print: bytes
    fence: int
    session: Session
    expires_at: float
    silences: int
    askers: list[tuple[bytes, bytes]] = field(default_factory=list)
    work: Work | None = None
    wake_at: float = 0.0
    answer: tuple[str, pdp1.Body] | None = None


class Driver:
    """Serves one device until the process is told to end."""

    def __init__(self, device: Device, device_id: str, state: Path) -> None:
        self.device = device
        self.id = device_id
        self.state_file = state.with_suffix(".json")
        self.attributes: dict[str, Any] = device.description["attributes"]
        self.commands: dict[str, Any] = device.description["commands"]
        self.order = sorted(self.attributes)
        self.epoch = 0
        self.fence = 0
        self.seq = 0
        self.sessions: OrderedDict[bytes, Session] = OrderedDict()
        self.queue: deque[Job] = deque()
        self.running: list[Job] = []
        self.remembered: OrderedDict[str, Job] = OrderedDict()
        self.heard_at: float | None = None
        self.silences = 0
        self.lag = 0.0
        self.ending = False

    # -- its life --------------------------------------------------------------------------------

    def serve(self, commands: str, telemetry: str) -> None:
        """Binds both endpoints, takes the next epoch, and serves until Ctrl-C or SIGTERM."""
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        context = zmq.Context()
        self.router = self._socket(context, zmq.ROUTER, commands)
        self.publisher = self._socket(context, zmq.PUB, telemetry)
        # In this order, a second process of the device takes no epoch.
        self._load()
        self._store(self.epoch + 1, self.fence)
        print(json.dumps({
            "commands": self._endpoint(self.router),
            "telemetry": self._endpoint(self.publisher),
            "epoch": self.epoch,
        }), flush=True)
        try:
            self._loop()
        finally:
            self.device.safe()
            self._goodbye()
            context.destroy(linger=0)

    def _end(self, *_: Any) -> None:
        self.ending = True

    @staticmethod
    def _socket(context: zmq.Context, kind: int, endpoint: str) -> zmq.Socket:
        socket = context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 1_000)
        socket.setsockopt(zmq.RCVHWM, 1_000)
        socket.setsockopt(zmq.SNDTIMEO, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, pdp1.FRAME_BYTES_MAX)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 1_000)
        if kind == zmq.ROUTER:
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.bind(endpoint)
        return socket

    @staticmethod
    def _endpoint(socket: zmq.Socket) -> str:
        return socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()

    def _loop(self) -> None:
        poller = zmq.Poller()
        poller.register(self.router, zmq.POLLIN)
        beat_at = self._now()
        while not self.ending:
            now = self._now()
            if now >= beat_at:
                self.lag = now - beat_at
                self._publish()
                beat_at = now + HEARTBEAT_SECONDS * 1_000
            self._fall_silent(now)
            self._step(now)
            due = min([beat_at, *(job.wake_at for job in self.running)])
            if poller.poll(max(0, min(due - self._now(), 100))):
                for _ in range(MESSAGES_PER_TURN):
                    try:
                        frames = self.router.recv_multipart(zmq.NOBLOCK)
                    except zmq.ZMQError:
                        break
                    self._receive(frames)

    @staticmethod
    def _now() -> float:
        return time.monotonic() * 1_000

    # -- what it must not forget, sections 4 and 6 -----------------------------------------------

    def _load(self) -> None:
        """A file that is there and cannot be read ends the process: it is no new beginning."""
        if not self.state_file.exists():
            return
        try:
            kept = json.loads(self.state_file.read_text())
            self.epoch, self.fence = int(kept["epoch"]), int(kept["fence"])
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{self.state_file} is damaged: {error}; repair it by hand") from None

    def _store(self, epoch: int, fence: int) -> None:
        """Beside the old file, flushed, renamed, the directory flushed; then it counts."""
        self.state_file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.state_file.with_suffix(".tmp")
        with beside.open("w") as file:
            json.dump({"epoch": epoch, "fence": fence}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.state_file)
        directory = os.open(self.state_file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self.epoch, self.fence = epoch, fence

    def _admit(self, fence: int) -> None:
        if fence < self.fence:
            raise Refused(
                "stale-fence", f"fence {fence} is below {self.fence}", fence=self.fence
            )
        if fence > self.fence:
            try:
                self._store(self.epoch, fence)
            except OSError as error:
                raise Refused("not-stored", f"the fence cannot be kept: {error}") from None

    # -- messages, section 2 ---------------------------------------------------------------------

    def _receive(self, frames: list[bytes]) -> None:
        peer, *message = frames
        request = message[2] if len(message) > 2 else b""
        asker = (peer, request) if 1 <= len(request) <= pdp1.ID_BYTES_MAX else None
        try:
            self._handle(peer, request, message)
        except Refused as refused:
            log.warning("refused: %s", refused)
            if asker is not None:
                self._send(asker, "ERROR", refused.body)
        except Exception:  # a mistake of ours must not end the process
            log.exception("a message could not be handled")
            if asker is not None:
                self._send(asker, "ERROR", {"code": "failed", "message": "the driver crashed"})

    def _handle(self, peer: bytes, request: bytes, message: list[bytes]) -> None:
        magic = message[0] if message else b""
        if magic != pdp1.MAGIC:
            if magic[:3] == b"PDP" and magic[3:].isdigit():
                raise Refused("unsupported-version", f"only {pdp1.MAGIC.decode()} is spoken")
            raise pdp1.malformed("the first frame: expected PDP1")
        if len(message) != 4:
            raise pdp1.malformed(f"expected 4 frames, got {len(message)}")
        if not 1 <= len(request) <= pdp1.ID_BYTES_MAX:
            raise pdp1.malformed(f"expected an id of 1 to {pdp1.ID_BYTES_MAX} bytes")
        kind, body, asker = message[1], pdp1.decode(message[3]), (peer, request)
        if kind == b"HELLO":
            return self._hello(asker, body)
        if kind not in (b"READ", b"WRITE", b"INVOKE", b"HEARTBEAT", b"BYE"):
            raise pdp1.malformed(f"the kind {kind[:16]!r} is unknown")
        session = self.sessions.get(peer)
        if session is None:
            if kind == b"BYE":
                return
            raise Refused("no-session", "say HELLO first")
        self.sessions.move_to_end(peer)
        now = self._now()
        self.heard_at = now
        if kind == b"BYE":
            session.departed = True
            del self.sessions[peer]
            return
        age = session.age(pdp1.millis(body, "sentAt"), now)
        if kind == b"HEARTBEAT":
            return self._send(asker, "HEARTBEAT", {
                "epoch": self.epoch,
                "seq": self.seq,
                "loopLagMillis": max(0.0, self.lag),
                "hardware": self.device.hardware(),
            })
        left = pdp1.millis(body, "deadlineMs", 0) - age
        if kind == b"READ":
            self._read(asker, body, left)
        else:
            self._command(asker, kind.decode(), body, session, now + left)

    def _hello(self, asker: tuple[bytes, bytes], body: pdp1.Body) -> None:
        versions = body.get("protocol")
        if not isinstance(versions, list):
            raise pdp1.malformed("protocol: expected an array of integers")
        if pdp1.VERSION not in versions:
            raise Refused("unsupported-version", f"only version {pdp1.VERSION} is spoken")
        node, fence = pdp1.word(body, "node"), pdp1.integer(body, "fence")
        pdp1.integer(body, "epoch")
        sent_at = pdp1.millis(body, "sentAt")
        if body.get("device") is not None and pdp1.word(body, "device") != self.id:
            raise Refused("description-mismatch", f"device: this is {self.id}")
        if body.get("description") is not None:
            found = pdp1.difference(self.device.description, body["description"])
            if found is not None:
                raise Refused("description-mismatch", found)
        self._admit(fence)
        now = self._now()
        self.heard_at = now
        self.sessions[asker[0]] = Session(node, now - sent_at, now)
        self.sessions.move_to_end(asker[0])
        while len(self.sessions) > SESSIONS_MAX:
            self.sessions.popitem(last=False)
        self._send(asker, "READY", {
            "protocol": pdp1.VERSION,
            "device": self.id,
            "epoch": self.epoch,
            "seq": self.seq,
            "description": self.device.description,
            "heartbeatMillis": HEARTBEAT_SECONDS * 1_000,
            "telemetry": self._endpoint(self.publisher),
            "fence": self.fence,
        })

    def _read(self, asker: tuple[bytes, bytes], body: pdp1.Body, left: float) -> None:
        names = body.get("attributes", self.order)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise pdp1.malformed("attributes: expected an array of names")
        for name in names:
            if name not in self.attributes:
                raise Refused("unknown-attribute", f"the device has no attribute {name!r}")
        if left < 0:
            raise Refused("expired", "its deadline had passed")
        self._send(asker, "REPLY", self._batch(self.seq, names[: pdp1.BATCH_READINGS_MAX]))

    # -- commands, sections 5 to 8 ---------------------------------------------------------------

    def _command(
        self,
        asker: tuple[bytes, bytes],
        kind: str,
        body: pdp1.Body,
        session: Session,
        expires_at: float,
    ) -> None:
        command_id, fence = pdp1.word(body, "commandId"), pdp1.integer(body, "fence")
        pdp1.integer(body, "epoch")
        name = pdp1.word(body, "attribute" if kind == "WRITE" else "command")
        content = body.get("value" if kind == "WRITE" else "payload")
        self._admit(fence)
        fingerprint = pdp1.fingerprint(kind, name, content)
        known = self.remembered.get(command_id)
        if known is not None:
            return self._again(known, fingerprint, asker, fence, session, expires_at)
        if expires_at < self._now():
            raise Refused("expired", "its deadline had passed; it was not carried out")
        self._check(kind, name, content)
        emergency = kind == "INVOKE" and self.commands[name]["lane"] == "emergency"
        if not emergency and len(self.queue) >= QUEUE_MAX:
            raise Refused("busy", f"{QUEUE_MAX} commands wait already")
        job = Job(
            command_id, kind, name, content, fingerprint,
            fence, session, expires_at, self.silences, [asker],
        )
        self.remembered[command_id] = job
        if emergency:
            self._begin(job)
        else:
            self.queue.append(job)

    def _again(
        self,
        job: Job,
        fingerprint: bytes,
        asker: tuple[bytes, bytes],
        fence: int,
        session: Session,
        expires_at: float,
    ) -> None:
        """The same command again is not carried out again: it gets the one answer there is."""
        if job.print != fingerprint:
            raise Refused("duplicate-mismatch", f"{job.command_id} stands for other content")
        if job.answer is not None:
            return self._send(asker, *job.answer)
        job.askers = [*job.askers[-(ASKERS_MAX - 1):], asker]
        if job in self.queue:
            job.fence, job.session = fence, session
            job.expires_at = max(job.expires_at, expires_at)

    def _check(self, kind: str, name: str, content: Any) -> None:
        if kind == "INVOKE":
            if name not in self.commands:
                raise Refused("unknown-command", f"the device has no command {name!r}")
            return self.device.check(name, content)
        attribute = self.attributes.get(name)
        if attribute is None:
            raise Refused("unknown-attribute", f"the device has no attribute {name!r}")
        if attribute["access"] != "read-write":
            raise Refused("not-writable", f"{name} can only be read")
        fits = {
            "number": is_number,
            "boolean": lambda value: isinstance(value, bool),
            "string": lambda value: isinstance(value, str),
        }[attribute["type"]]
        if not fits(content):
            raise Refused("validation", f"{name}: expected a {attribute['type']}")
        if "range" in attribute and not attribute["range"][0] <= content <= attribute["range"][1]:
            raise Refused("validation", f"{name}: {content} is outside of {attribute['range']}")
        if "values" in attribute and content not in attribute["values"]:
            raise Refused("validation", f"{name}: expected one of {attribute['values']}")

    def _step(self, now: float) -> None:
        """Begins the next command where none is being carried out; goes on with those that are."""
        while self.queue and not any(self._is_ordinary(job) for job in self.running):
            self._begin(self.queue.popleft())
        for job in list(self.running):
            if job.wake_at <= now:
                self._advance(job)

    def _is_ordinary(self, job: Job) -> bool:
        return job.kind == "WRITE" or self.commands[job.name]["lane"] != "emergency"

    def _begin(self, job: Job) -> None:
        """Right before it begins all is looked at again that may have changed since it came."""
        try:
            if job.fence < self.fence:
                raise Refused(
                    "stale-fence", f"fence {job.fence} is below {self.fence}", fence=self.fence
                )
            if job.session.departed or job.silences != self.silences:
                raise Refused("expired", "its node left or fell silent before it was begun")
            if job.expires_at < self._now():
                raise Refused("expired", "its deadline passed before it was begun")
            allowed = self.commands[job.name].get("allowedIn") if job.kind == "INVOKE" else None
            if allowed is not None:
                state = self.device.read("state").value
                if state not in allowed:
                    raise Refused("state", f"{job.name} is not allowed while it is {state}")
            if job.kind == "WRITE":
                job.work = self.device.write(job.name, job.content)
            else:
                job.work = self.device.invoke(job.name, job.content)
        except Exception as error:
            return self._finish(job, error)
        self.running.append(job)
        self._advance(job)

    def _advance(self, job: Job) -> None:
        try:
            step = next(job.work) if job.work is not None else None
        except StopIteration as stop:
            return self._finish(job, None, stop.value)
        except Exception as error:
            return self._finish(job, error)
        if step is None:
            return self._finish(job, None)
        if isinstance(step, Progress):
            told = {"progress": min(1.0, max(0.0, step.progress))}
            if step.message is not None:
                told["message"] = step.message
            for asker in job.askers:
                self._send(asker, "PROGRESS", told)
            job.wake_at = self._now()
        else:
            job.wake_at = self._now() + step * 1_000

    def _finish(self, job: Job, error: Exception | None, result: Any = None) -> None:
        """Tells all who asked. What was refused did nothing, and is not remembered."""
        if job in self.running:
            self.running.remove(job)
        if isinstance(error, Refused):
            self.remembered.pop(job.command_id, None)
            job.answer = ("ERROR", error.body)
        elif error is not None:
            if not isinstance(error, (Failed, Unknown)):
                log.error("%s crashed", job.name, exc_info=error)
            code = "unknown" if isinstance(error, Unknown) else "failed"
            text = str(error)[: pdp1.MESSAGE_CHARACTERS_MAX]
            job.answer = ("ERROR", {"code": code, "message": text})
        else:
            job.answer = ("REPLY", {} if job.kind == "WRITE" else {"result": result})
        for asker in job.askers:
            self._send(asker, *job.answer)
        if job.answer[0] == "REPLY" and len(pdp1.encode(job.answer[1])) > ANSWER_BYTES_MAX:
            fault = "the result is too long to be kept"
            job.answer = ("REPLY", {"result": None, "resultFault": fault})
        job.askers, job.work, job.content = [], None, None
        if job.command_id in self.remembered:
            self.remembered.move_to_end(job.command_id)
        self._forget()
        if job.silences != self.silences:
            # It had begun before the device was made safe, and may have moved it since.
            self.device.safe()

    def _forget(self) -> None:
        ended = [key for key, job in self.remembered.items() if job.answer is not None]
        for command_id in ended[: max(0, len(ended) - REMEMBERED_MAX)]:
            del self.remembered[command_id]

    def _fall_silent(self, now: float) -> None:
        if self.heard_at is None or now - self.heard_at < SILENCE_SECONDS * 1_000:
            return
        log.warning("no node was heard for %s s: made safe", SILENCE_SECONDS)
        self.heard_at = None
        self.silences += 1
        self.device.safe()

    # -- readings, section 4 ---------------------------------------------------------------------

    def publish(self, *names: str) -> None:
        """Publishes what these attributes are now; without names, a sign of life alone."""
        self._publish(*names)

    def _publish(self, *names: str) -> None:
        wanted = list(names) if names else self.order
        batch = self._batch(self.seq + 1, wanted) if self.sessions else self._batch(self.seq, [])
        self.seq += len(batch["readings"])
        try:
            self.publisher.send_multipart([self.id.encode(), pdp1.MAGIC, pdp1.encode(batch)])
        except zmq.ZMQError as error:
            log.warning("readings were lost: %s", error)

    def _batch(self, seq: int, names: list[str]) -> pdp1.Body:
        return {
            "epoch": self.epoch,
            "seq": seq,
            "time": time.time() * 1_000,
            "readings": [self._reading(name) for name in names],
        }

    def _reading(self, name: str) -> list[Any]:
        try:
            reading = self.device.read(name)
        except Exception as error:  # one that cannot be read does not fail the others
            reading = Reading(None, "bad", str(error)[: pdp1.MESSAGE_CHARACTERS_MAX])
        index = self.order.index(name)
        if reading.quality == "good":
            return [index, reading.value]
        known = [index, reading.value, 0, reading.quality]
        return known if reading.reason is None else [*known, reading.reason]

    # -- answers ---------------------------------------------------------------------------------

    def _send(self, asker: tuple[bytes, bytes], kind: str, body: pdp1.Body) -> None:
        peer, request = asker
        try:
            frames = [peer, pdp1.MAGIC, kind.encode(), request, pdp1.encode(body)]
        except ValueError as error:
            if kind != "REPLY":
                return log.error("an answer cannot be sent: %s", error)
            return self._send(asker, kind, {"result": None, "resultFault": str(error)})
        try:
            self.router.send_multipart(frames)
        except zmq.ZMQError as error:
            log.warning("an answer was lost: %s", error)

    def _goodbye(self) -> None:
        for peer in self.sessions:
            self._send((peer, b"bye"), "BYE", {"reason": "the driver ends"})
        time.sleep(GOODBYE_SECONDS)

"""The messages of the device protocol PDP1: bytes to checked values, and back.

Whatever arrives from a socket is taken for hostile until it went through `decode` and the functions
that pick a field; all of them raise `Refused` with the code that the protocol has for it.
"""
import hashlib
import math
from typing import Any

import msgpack

MAGIC = b"PDP1"
VERSION = 1

# The limits of the protocol, section 1.
FRAME_BYTES_MAX = 1_048_576
TEXT_BYTES_MAX = 262_144
ELEMENTS_MAX = 16_384
DEPTH_MAX = 16
ID_BYTES_MAX = 32
WORD_CHARACTERS_MAX = 128
BATCH_READINGS_MAX = 4_096
INTEGER_MAX = 2**53 - 1
# A limit of this program: longer texts for people are cut off.
MESSAGE_CHARACTERS_MAX = 500

Body = dict[str, Any]


class Refused(Exception):
    """Nothing was done, and nothing will be: an ERROR with one of the codes that promise it."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.body: Body = {"code": code, "message": message[:MESSAGE_CHARACTERS_MAX], **more}


def malformed(message: str) -> Refused:
    """What is said of frames and fields that are not of this protocol."""
    return Refused("malformed", message)


def encode(body: Body) -> bytes:
    """The frame of a body; raises ValueError where a peer would refuse it."""
    _check_plain(body)
    try:
        frame = msgpack.packb(body)
    except OverflowError as error:
        raise ValueError("expected an integer of at most 64 bits") from error
    if len(frame) > FRAME_BYTES_MAX:
        raise ValueError(f"expected at most {FRAME_BYTES_MAX} bytes, got {len(frame)}")
    return frame


def decode(frame: bytes) -> Body:
    """The body in a frame."""
    try:
        body = msgpack.unpackb(
            frame,
            max_str_len=TEXT_BYTES_MAX,
            max_bin_len=TEXT_BYTES_MAX,
            max_array_len=ELEMENTS_MAX,
            max_map_len=ELEMENTS_MAX,
        )
        _check_plain(body)
    except Exception as error:  # whatever the bytes were, they are the sender's mistake
        raise malformed(f"the body: {type(error).__name__}: {error}") from None
    if not isinstance(body, dict):
        raise malformed(f"the body: expected a map, got {type(body).__name__}")
    return body


def _check_plain(value: Any, depth: int = 1) -> None:
    """Raises ValueError unless a value is MessagePack without extensions, and within the limits."""
    if value is None or isinstance(value, (bool, int, float)):
        return
    if isinstance(value, (str, bytes)):
        size = len(value.encode() if isinstance(value, str) else value)
        if size > TEXT_BYTES_MAX:
            raise ValueError(f"expected a text of at most {TEXT_BYTES_MAX} bytes, got {size}")
        return
    if not isinstance(value, (list, dict)):
        raise ValueError(f"a {type(value).__name__} cannot be sent")
    if depth > DEPTH_MAX:
        raise ValueError(f"nested more than {DEPTH_MAX} deep")
    if len(value) > ELEMENTS_MAX:
        raise ValueError(f"expected at most {ELEMENTS_MAX} elements, got {len(value)}")
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        raise ValueError("expected keys that are texts")
    for element in value.values() if isinstance(value, dict) else value:
        _check_plain(element, depth + 1)


def is_number(value: Any) -> bool:
    """True for finite numbers; Python takes a truth value for an integer, the protocol does not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)


def is_value(value: Any) -> bool:
    """True for what an attribute can hold."""
    return value is None or is_number(value) or isinstance(value, (bool, str))


def word(body: Body, name: str) -> str:
    """The field that is a text of 1 to 128 characters."""
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= WORD_CHARACTERS_MAX:
        raise malformed(f"{name}: expected a text of 1 to {WORD_CHARACTERS_MAX} characters")
    return value


def integer(body: Body, name: str) -> int:
    """The field that is an integer, which a float may stand for."""
    value = body.get(name)
    if not is_number(value) or value != int(value) or not 0 <= value <= INTEGER_MAX:
        raise malformed(f"{name}: expected an integer from 0 to 2^53 - 1")
    return int(value)


def millis(body: Body, name: str, minimum: float = -math.inf) -> float:
    """The field that is a finite number of milliseconds."""
    value = body.get(name)
    if not is_number(value) or value < minimum:
        raise malformed(f"{name}: expected milliseconds, finite and at least {minimum}")
    return float(value)


def fingerprint(*content: Any) -> bytes:
    """The same bytes for the same content, as section 7 compares it, and in all likelihood for no
    other: so that what was done can be told again without keeping what was sent."""
    return hashlib.sha256(msgpack.packb(_canonical(list(content)))).digest()


def _canonical(value: Any) -> Any:
    if is_number(value):
        return float(value) + 0.0  # 1 is 1.0, and -0.0 is 0.0
    if isinstance(value, dict):
        return {key: _canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_canonical(element) for element in value]
    return value


def difference(here: Any, there: Any, path: str = "description") -> str | None:
    """Where two descriptions differ first, for people; None where they agree."""
    if isinstance(here, dict) and isinstance(there, dict):
        for name in sorted(here.keys() | there.keys()):
            if name not in there:
                return f"{path}.{name}: is missing on the node"
            if name not in here:
                return f"{path}.{name}: is unknown to the device process"
            found = difference(here[name], there[name], f"{path}.{name}")
            if found is not None:
                return found
        return None
    if isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        pairs = enumerate(zip(here, there))
        found = (difference(a, b, f"{path}[{index}]") for index, (a, b) in pairs)
        return next((text for text in found if text is not None), None)
    if fingerprint(here) == fingerprint(there):
        return None
    return f"{path}: here {here!r}, on the node {there!r}"

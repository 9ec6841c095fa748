"""CRC-64 (ECMA-182, reflected), as OSS and Function Compute state it: a decimal number."""

from __future__ import annotations

import struct
from functools import cache

_POLYNOMIAL = 0xC96C5795D7870F42
_ALL = (1 << 64) - 1


def _step(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc


_TABLE = [_step(byte) for byte in range(256)]


@cache
def _pairs() -> list[list[int]]:
    """Return for each two of eight bytes what they are once all eight have gone through."""
    steps = [_TABLE]
    for _ in range(7):
        steps.append([(crc >> 8) ^ _TABLE[crc & 0xFF] for crc in steps[-1]])
    return [
        [low ^ high for high in steps[place] for low in steps[place + 1]] for place in (6, 4, 2, 0)
    ]


class Crc64:
    """The checksum of data that comes in pieces; eight bytes at a time, for packages are large."""

    def __init__(self) -> None:
        self._crc = _ALL

    def update(self, data: bytes) -> None:
        """Add a piece."""
        crc, whole = self._crc, len(data) // 8
        first, second, third, fourth = _pairs()
        for eight in struct.unpack_from(f"<{whole}Q", data):
            crc ^= eight
            crc = (
                first[crc & 0xFFFF]
                ^ second[crc >> 16 & 0xFFFF]
                ^ third[crc >> 32 & 0xFFFF]
                ^ fourth[crc >> 48]
            )
        for byte in data[whole * 8 :]:
            crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        self._crc = crc

    def __str__(self) -> str:
        return str(self._crc ^ _ALL)

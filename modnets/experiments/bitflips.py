"""One bit of a file that has flipped, found by its checksum and put right.

A cyclic redundancy check is linear: the difference gives the position of a single flipped bit, as
each position gives another difference (up to 2**32 bits).
"""

from __future__ import annotations

import zlib

POLYNOMIAL = 0xEDB88320  # of zlib's CRC-32, bits reversed


def mended(data: bytes, checksum: int) -> bytes | None:
    """The data whose CRC-32 this is, where one bit has flipped; None where more has changed.

    Parameters
    ----------
    data : bytes
        With one bit flipped.
    checksum : int
        Of the data as they were.

    Examples
    --------
    >>> mended(b"gooe data", zlib.crc32(b"good data"))
    b'good data'
    """
    difference = zlib.crc32(data) ^ checksum
    first = {_through_bits(1 << bit): bit for bit in range(8)}  # differences by the last byte
    for index in reversed(range(len(data))):
        if difference in first:
            repaired = bytearray(data)
            repaired[index] ^= 1 << first[difference]
            return bytes(repaired)
        difference = _back(difference)
    return None


def _through_bits(register: int) -> int:
    """What a byte of zeros makes of the register."""
    for _ in range(8):
        register = (register >> 1) ^ (POLYNOMIAL if register & 1 else 0)
    return register


#: Highest byte of a register -> the byte that was lowest before, and what to take off.
_BEFORE = {_through_bits(low) >> 24: (low, _through_bits(low)) for low in range(256)}


def _back(register: int) -> int:
    """The register before a byte of zeros."""
    low, added = _BEFORE[register >> 24]
    return ((register ^ added) << 8 | low) & 0xFFFFFFFF

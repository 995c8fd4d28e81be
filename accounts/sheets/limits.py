"""What a handed-in file may cost, and the one way of saying that it cannot be read."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


class UnreadableSheet(Exception):
    """The file cannot be read; the message is a Chinese sentence for whoever handed it in."""


@dataclass(frozen=True)
class Limits:
    """Bytes, counts and seconds that one file may take."""

    file_bytes: int = 50 * MEGABYTE
    # 51,005 people in 13 columns unpack to 36–45 MB of XML, so 50 MB would refuse a township's honest roll.
    unpacked_bytes: int = 160 * MEGABYTE
    ratio: int = 100
    # Small honest parts (empty styled rows) pack far better than 1:100 and do no harm.
    ratio_free_bytes: int = 8 * MEGABYTE
    members: int = 2000
    sheets: int = 60
    columns: int = 200
    cells: int = 6_000_000
    memory_bytes: int = 300 * MEGABYTE
    output_bytes: int = 400 * MEGABYTE
    cpu_seconds: int = 20
    wall_seconds: int = 40

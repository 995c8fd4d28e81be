"""The generator's own small tables."""

import csv
from pathlib import Path

HERE = Path(__file__).parent / "data"


def table(name: str) -> list[dict[str, str]]:
    """The rows of one of the data folder's CSV files."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(name: str) -> list[str]:
    """The lines of one of the data folder's text files."""
    return (HERE / name).read_text(encoding="utf-8").split()

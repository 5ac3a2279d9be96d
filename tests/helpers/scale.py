"""What a large study does to files, keys and memory: formulas that tests hold to what happens.

``text(1_000_000, 100)`` is the table in docs/clusters.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from modnets.experiments.compaction import FULL, MANY
from modnets.experiments.executors import IN_FLIGHT
from modnets.experiments.planning import CHUNK
from modnets.experiments.sweep import COMPACT_EVERY

#: Bytes of a run: as it is sent, listed as a config, with 21 evaluations in a file that holds a
#: chunk of them, in a table in memory, in one of last rows; and of a key in a set.
SENT, LISTED, STORED, TABLED, LAST, KEY = 400, 2_000, 1_100, 18_000, 1_000, 130


@dataclass(frozen=True)
class Scale:
    """A study of many runs on some workers.

    Parameters
    ----------
    runs, workers : int
    chunk : int
        Runs in a chunk.
    stored : float
        Bytes of a run in the file of its chunk.
    """

    runs: int
    workers: int
    chunk: int = CHUNK
    stored: float = STORED

    @property
    def chunks(self) -> int:
        """Chunks, each of which is written as a file, in time."""
        return -(-self.runs // self.chunk)

    @property
    def full_files(self) -> int:
        """Files that are large enough to stay as they are, at most."""
        return int(self.runs * self.stored // FULL)

    @property
    def at_the_end(self) -> int:
        """Files once all is merged, at most: those that are full, and a few of each size."""
        smallest, largest = (
            int(size).bit_length() // 2 for size in (self.chunk * self.stored, FULL)
        )
        return self.full_files + (MANY - 1) * (largest - smallest + 1)

    @property
    def at_most(self) -> int:
        """Files at any time, at most: before anybody merges, each worker has written some."""
        return min(self.chunks, self.at_the_end + self.workers * COMPACT_EVERY)

    @property
    def in_flight(self) -> int:
        """Bytes that an executor holds of chunks that wait."""
        return min(self.chunks, IN_FLIGHT) * self.chunk * SENT


def text(runs: int, workers: int) -> str:
    """Lines for people."""
    scale, share = Scale(runs, workers), -(-runs // workers)
    lines = {
        "chunks of 64 runs, each written once": f"{scale.chunks:,}",
        "files in the store at any time, at most": f"{scale.at_most:,}",
        "files at the end, at most": f"{scale.at_the_end:,}",
        "bytes in the store, before they are merged": f"{runs * STORED / 1e9:.1f} GB",
        "keys of all runs in memory": f"{runs * KEY / 1e6:.0f} MB",
        "configs of all runs in memory, of each job too": f"{runs * LISTED / 1e9:.1f} GB",
        "chunks that dask's scheduler holds at a time": f"{scale.in_flight / 1e6:.0f} MB",
        "table that a job hands back, of its shard": f"{share * TABLED / 1e6:.0f} MB",
        "table of all runs, every evaluation (mn.sweep)": f"{runs * TABLED / 1e9:.0f} GB",
        "table of last rows (modnets sweep)": f"{runs * LAST / 1e9:.1f} GB",
    }
    width = max(map(len, lines))
    head = f"{runs:,} runs on {workers} workers"
    return "\n".join([head, *(f"  {name:<{width}} {value:>8}" for name, value in lines.items())])

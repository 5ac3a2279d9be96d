"""Messages to the user on standard error, each printed once."""

from __future__ import annotations

import hashlib
import os
import sys

#: Environment variable with a hash of each message printed so far, which child processes inherit.
SAID = "MODNETS_SAID"


def say_once(text: str) -> None:
    """Print the line ``modnets: text``, once in this process and all that it starts."""
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    said = os.environ.get(SAID, "").split()
    if digest not in said:
        os.environ[SAID] = " ".join([*said, digest])
        print(f"modnets: {text}", file=sys.stderr)

"""Lines for people, on standard error, that are said once."""

from __future__ import annotations

import hashlib
import os
import sys

#: In the environment, so that processes started later know what has been said:
#: a hash of each text.
SAID = "MODNETS_SAID"


def say_once(text: str) -> None:
    """Print ``modnets: text`` in a line, once for this process and those that it starts."""
    text = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    said = os.environ.get(SAID, "").split()
    if mark not in said:
        os.environ[SAID] = " ".join([*said, mark])
        print(f"modnets: {text}", file=sys.stderr)

"""Which columns a table needs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from modnets.errors import require, shown


def require_columns(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise ValueError unless a table has these columns."""
    missing = [name for name in columns if name not in table]
    require(
        not missing,
        f"missing columns {shown(missing, 300)}; allowed is a table that has them; there are "
        f"{', '.join(map(str, table.columns))[:600]}",
    )

"""What the processes of a fork server have imported when they start; see ``fork_server``."""

from __future__ import annotations

import gc
import importlib
import os

from modnets.imports import collect_rarely, without_collections
from modnets.lazy import NAMESPACES, exports

#: What notebooks and kernels use beside the public names: they, or what these call.
OTHERS = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "matplotlib_inline.backend_inline",
    "seaborn",
    "torch._dynamo",
    "torch.func",
    "modnets.commands.execution",
    "modnets.commands.notebook",
    "modnets.commands.timings",
    "modnets.notebook_sources",
)

collect_rarely()
os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as kernels do
with without_collections():
    for module in OTHERS:
        importlib.import_module(module)
    for namespace in NAMESPACES:
        for name in exports(namespace):
            getattr(importlib.import_module(namespace), name)
    # The first trace imports more, and looks up what torch writes as simpler operations.
    torch, tracing = map(importlib.import_module, ("torch", "modnets.compiler.tracing"))
    tracing.trace_one(torch.neg, [tracing.TensorSpec(())])
gc.freeze()  # what is here stays: collections do not search it, and its memory stays shared

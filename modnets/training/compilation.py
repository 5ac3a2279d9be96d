"""Compiles a traced step into a library, kept on disk, that any process loads in milliseconds.

Uses torch's ahead-of-time inductor, which needs a C++ compiler.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from modnets.training.provenance import cpu_name


@cache
def can_compile() -> bool:
    """Whether a C++ compiler is at hand; says so once where it is not."""
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        get_cpp_compiler()
    except Exception as error:
        print(f"modnets: no C++ compiler ({error}); training stays eager, slower", file=sys.stderr)
        return False
    return True


def cache_folder() -> Path:
    """Where compiled steps are kept between processes."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(os.environ.get("MODNETS_CACHE", default / "modnets"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "modnets"
        folder.mkdir(exist_ok=True)
    return folder


def compile_step(
    graph: torch.fx.GraphModule, arguments: Sequence[Any]
) -> Callable[[Sequence[Any]], Any]:
    """The traced step as machine code, from the cache or compiled now.

    The library changes parameters and states in place; what it is handed must be contiguous.
    """
    from filelock import FileLock

    package = cache_folder() / f"step-{_fingerprint(graph, arguments)}.pt2"
    with FileLock(package.with_suffix(".lock")):
        if not package.exists():
            partial = package.with_suffix(f".{os.getpid()}.pt2")
            _compile_to(partial, graph, arguments)
            partial.replace(package)
    loader = torch._inductor.aoti_load_package(str(package)).loader

    def run(arguments: Sequence[Any]) -> tuple[Tensor, list[Tensor]]:
        loader.boxed_run(_tensors(arguments))
        flat, states, *_ = arguments
        return flat, states

    return run


def _compile_to(package: Path, graph: torch.fx.GraphModule, arguments: Sequence[Any]) -> None:
    class InPlace(nn.Module):
        def forward(self, *given: Tensor) -> Tensor:
            flat, states, *_ = filled = _refill(arguments, iter(given))
            new_flat, new_states = graph(filled)
            flat.copy_(new_flat)
            for state, new in zip(states, new_states, strict=True):
                state.copy_(new)
            return given[-1].clone()  # a library has to return something

    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(InPlace(), tuple(_tensors(arguments)))
        torch._inductor.aoti_compile_and_package(
            exported, package_path=str(package), inductor_configs=INDUCTOR
        )


#: One thread for each chunk.  The wrapper is run once a step, so it need not be optimized.  Fused
#: multiply-adds save a sixth of the time of modular networks.
INDUCTOR = {
    "cpp.threads": 1,
    "aot_inductor.compile_wrapper_opt_level": "O0",
    "cpp.enable_floating_point_contract_flag": "fast",
}


def _tensors(arguments: Sequence[Any]) -> list[Tensor]:
    """The tensors of a step's arguments in order; by hand, a tree library takes 0.1 ms a step."""
    found = []
    for part in arguments:
        if isinstance(part, Tensor):
            found.append(part)
        elif part is not None:
            found += _tensors(part.values() if isinstance(part, dict) else part)
    return found


def _refill(part: Any, tensors: Iterator[Tensor]) -> Any:
    """The arguments with other tensors in the same places."""
    if isinstance(part, Tensor):
        return next(tensors)
    if isinstance(part, dict):
        return {name: _refill(value, tensors) for name, value in part.items()}
    return None if part is None else type(part)(_refill(value, tensors) for value in part)


def _fingerprint(graph: torch.fx.GraphModule, arguments: Sequence[Any]) -> str:
    """A name for the machine code of a step: what it computes, with what, and for what machine."""
    digest = hashlib.sha256(graph.code.encode())
    for name, constant in sorted(graph.state_dict().items()):
        digest.update(f"{name} {constant.tolist()}".encode())
    digest.update(repr([(t.shape, t.dtype, t.stride()) for t in _tensors(arguments)]).encode())
    machine = [torch.__version__, torch.backends.cpu.get_cpu_capability(), cpu_name(), INDUCTOR]
    machine += [arguments[0].device.type, sys.version_info[:2]]
    digest.update(repr(machine).encode())
    return digest.hexdigest()[:20]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep a compiler's chatter on the standard streams of the process away from the user."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(stream) for stream in (1, 2)]
    with open(os.devnull, "w") as nowhere:
        try:
            for stream in (1, 2):
                os.dup2(nowhere.fileno(), stream)
            yield
        finally:
            for stream, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, stream)
                os.close(copy)

"""Options of several commands: where and how precisely to compute, and the C program."""

from __future__ import annotations

import re
from types import MappingProxyType

import click

device_option = click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Where to compute: cpu, cuda (all of them), cuda:0, mps, or auto: cuda if there is any.",
)
dtype_option = click.option(
    "--dtype",
    type=click.Choice(["float64", "float32"]),
    default="float64",
    show_default=True,
    help="float64 agrees with nanoBragg to rounding; float32 keeps its phases in float64.",
)
ENGINES = ["auto", "eager", "compiled"]


class EngineName(click.ParamType[str]):
    """One of the engines of nb, or one that a plugin brings."""

    name = "engine"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(ENGINES)}|NAME]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if value in ENGINES:
            return str(value)
        from nb_physics import known_engines

        known = known_engines()
        if value not in known:
            names = ", ".join(dict.fromkeys([*ENGINES, *known]))
            self.fail(f"{value!r} is no engine; known are {names}", param, ctx)
        return str(value)


engine_option = click.option(
    "--engine",
    type=EngineName(),
    default="auto",
    show_default=True,
    help="Torch operation by operation, kernels compiled once and kept, or what is sooner done; or "
    "an engine that a plugin brings.",
)


def _use_threads(context: click.Context, option: click.Parameter, value: int | None) -> int | None:
    """Sets how many threads torch and the kernels take, from here on."""
    if value is not None:
        import torch

        torch.set_num_threads(value)
    return value


threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    callback=_use_threads,
    expose_value=False,
    help="Processor cores to use.  [default: all]",
)


class ByteCount(click.ParamType[int]):
    """A number of bytes: 500M, 2G, 2GB, 1000000."""

    name = "size"
    _UNITS = MappingProxyType({"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40})

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([KMGT]?)(?:i?B)?", str(value), re.IGNORECASE)
        if found is None:
            self.fail(f"{value!r} is no size; give bytes, or 500M, 2G", param, ctx)
        return int(float(found[1]) * self._UNITS[found[2].upper()])


max_memory_option = click.option(
    "--max-memory",
    type=ByteCount(),
    metavar="SIZE",
    help="Memory to work with beside the image, as 500M or 2G.  [default: some 200M]",
)
rng_option = click.option(
    "--rng",
    type=click.Choice(["torch", "nanobragg"]),
    default="torch",
    show_default=True,
    help="Random numbers of the noise image: fast, or the C program's own stream.",
)
c_bin_option = click.option(
    "--c-bin",
    metavar="PATH",
    help="The C program.  [default: NB_C_BIN, ./nanoBragg, or nanoBragg on the PATH]",
)

"""The options that say where and how precisely to compute."""

from __future__ import annotations

import click

device_option = click.option(
    "--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, ..."
)
dtype_option = click.option(
    "--dtype",
    type=click.Choice(["float64", "float32"]),
    default="float64",
    show_default=True,
    help="float64 agrees with nanoBragg to rounding; float32 keeps its phases in float64.",
)
rng_option = click.option(
    "--rng",
    type=click.Choice(["torch", "nanobragg"]),
    default="torch",
    show_default=True,
    help="Random numbers of the noise image: fast, or the C program's own stream.",
)

"""nb trace: what is computed inside a pixel, from the beam to its photons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nb_cli.compute_options import device_option, dtype_option, rng_option
from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    from nb_core import Experiment
    from nb_taps import TapEntry, Traced

Pixel = tuple[int, ...]
DEFAULT_FOLDER = "nb-trace"


class TraceGroup(click.Group):
    """Traces pixels, unless its first argument is the name of a subcommand."""

    allow_interspersed_args = True

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        subcommand = self.commands.get(args[0]) if args else None
        if subcommand is None:
            return super().make_context(info_name, with_panels(args), parent, **extra)
        return subcommand.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)


def with_panels(args: list[str]) -> list[str]:
    """The arguments, with --panel-pixel for each --pixel that three whole numbers follow."""
    found = list(args)
    end = found.index("--") if "--" in found else len(found)
    for place in range(end):
        numbers = found[place + 1 : min(place + 4, end)]
        if found[place] == "--pixel" and len(numbers) == 3 and all(map(_is_whole, numbers)):
            found[place] = "--panel-pixel"
    return found


def _is_whole(word: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+", word) is not None


@click.group("trace", cls=TraceGroup, invoke_without_command=True)
@click.option(
    "--pixel",
    "pixels",
    type=(int, int),
    multiple=True,
    metavar="[PANEL] SLOW FAST",
    help="Repeatable; of a detector of several panels, the panel's number first.",
)
@click.option(
    "--panel-pixel",
    "of_panels",
    type=(int, int, int),
    multiple=True,
    metavar="PANEL SLOW FAST",
    help="The same, of a detector of several panels; what --pixel with three numbers is.",
)
@click.option(
    "--roi",
    "region",
    type=(int, int, int, int),
    metavar="XMIN XMAX YMIN YMAX",
    help="All pixels of a rectangle (fast, then slow; bounds included).",
)
@click.option(
    "--crystal-number",
    "number",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Which crystal, where there are several.",
)
@click.option("--tag", metavar="NAME", help="A name for this run, in files and JSON.")
@click.option("--taps", metavar="A,B", help="Taps to read.  [default: all but noise]")
@click.option("--oversample", type=int, metavar="N", help="Instead of the experiment's.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON file a tap and pixel.")
@click.option("--lines", is_flag=True, help="Also print the lines `TRACE_PY: name=value`.")
@click.option("--out-dir", metavar="DIR", help="Write there.  [default: a new one in nb-trace]")
@click.option("--no-plugins", is_flag=True, help="Leave out the taps of installed plugins.")
@device_option
@dtype_option
@rng_option
@experiment_arguments
def command(
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    pixels: tuple[Pixel, ...],
    of_panels: tuple[Pixel, ...],
    region: tuple[int, int, int, int] | None,
    number: int,
    tag: str | None,
    taps: str | None,
    oversample: int | None,
    as_json: bool,
    lines: bool,
    out_dir: str | None,
    no_plugins: bool,
    device: str,
    dtype: str,
    rng: str,
) -> None:
    """Show what is computed inside pixels, from the beam to the photons.

    \b
    nb trace --pixel 64 70 -- -cell 70 80 90 75 85 95 -N 5 -default_F 100 -detpixels 128
    nb trace --pixel 0 0 --tag edge --taps f_cell --json --out-dir OUT experiment.toml
    nb trace diff OUT_A OUT_B

    A pixel is named slow first, or by panel, slow and fast where there are several panels. Prints
    what the taps recorded, a table, and last a sentence that says why the pixel is as bright as it
    is. The photons are those of the image, bit for bit; of several crystals, those of one of them
    (--crystal-number).
    With --json or --out-dir writes files; one has lines `TRACE_PY: name=value`, in the order in
    which nanoBragg computes, which --lines prints.
    """
    from nb_cli.plugins import known_taps
    from nb_physics import NoiseGenerator
    from nb_taps import NoiseChoice, choose_taps

    names = None if taps is None else _split(taps)
    chosen = choose_taps(known_taps(no_plugins=no_plugins), names)
    check_tag(tag)
    experiment = _experiment(arguments, profile, ignore_unknown_flags, oversample)
    noise = NoiseChoice(NoiseGenerator(rng), experiment.outputs.noise_seed)
    kept = as_json or bool(out_dir)
    inputs = _inputs(experiment, arguments) if kept else {}
    with _named("--pixel" if (pixels or of_panels) else "--roi"):
        named = _pixels((*pixels, *of_panels), region)
        traced = _trace(experiment, named, chosen, number, device, dtype, noise)
    folder = None
    if kept:  # before printing, which may end early: `nb trace ... | head`
        folder = _save(traced, inputs, out_dir, tag, as_json, (device, dtype))
    _print(traced, lines=lines)
    if len(experiment.crystals) > 1:
        count = len(experiment.crystals)
        click.echo(f"\ncrystal {number} of {count}, 0 to {count - 1} (--crystal-number)")
    if folder is not None:
        click.echo(f"wrote {folder}")


@command.command("diff")
@click.argument("folder_a", metavar="OUT_A", type=click.Path(path_type=Path))
@click.argument("folder_b", metavar="OUT_B", type=click.Path(path_type=Path))
@click.option(
    "--rtol",
    type=float,
    default=1e-12,
    show_default=True,
    help="Relative difference that still counts as equal.",
)
def diff(folder_a: Path, folder_b: Path, rtol: float) -> int:
    """Compare what taps recorded in two folders; exit code 3 where it differs.

    Files are paired by tap, tag and pixel; where that leaves one of a tap on each side, by tap.
    """
    from nb_compare import compare_tap_folders
    from nb_core import ExitCode

    report = compare_tap_folders(folder_a, folder_b, rtol)
    click.echo(report.text())
    return ExitCode.OK if report.agree else ExitCode.DIFFERENT


def check_tag(tag: str | None) -> None:
    """Refuses a tag that cannot be part of a file's name."""
    from nb_core import InputError

    if tag is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", tag):
        raise InputError("--tag", tag, "use letters, digits, dots, dashes and underscores")


def _split(names: str) -> list[str]:
    from nb_core import InputError

    found = [name.strip() for name in names.split(",") if name.strip()]
    if not found:
        raise InputError("--taps", names, "name at least one; nb taps list has them")
    return found


def _experiment(
    arguments: tuple[str, ...], profile: str | None, ignore: bool, oversample: int | None
) -> Experiment:
    import dataclasses

    from nb_core import InputError

    experiment = read_experiment(arguments, profile, ignore)
    if oversample is None:
        return experiment
    if oversample < 1:
        raise InputError("--oversample", oversample, "must be 1 or more")
    sampling = dataclasses.replace(experiment.sampling, oversample=oversample)
    return dataclasses.replace(experiment, sampling=sampling)


def _pixels(pixels: tuple[Pixel, ...], region: tuple[int, int, int, int] | None) -> list[Pixel]:
    from nb_core import InputError, Roi
    from nb_taps import roi_pixels

    found = list(pixels)
    if region is not None:
        found += roi_pixels(Roi(*region))
    if not found:
        raise InputError("--pixel", "(not given)", "name a pixel: --pixel SLOW FAST")
    return found


@contextmanager
def _named(option: str) -> Iterator[None]:
    """Errors about a pixel, a rectangle or a crystal name the option that it comes from."""
    from nb_core import InputError

    names = {"pixel": option, "roi": "--roi", "crystal": "--crystal-number"}
    try:
        yield
    except InputError as error:
        if error.field not in names:
            raise
        raise InputError(names[error.field], error.value, error.remedy) from None


def _trace(
    experiment: Experiment,
    pixels: list[Pixel],
    taps: list[TapEntry],
    crystal: int,
    device: str,
    dtype: str,
    noise: Any,
) -> list[Traced]:
    import torch

    from nb_cli.progress import pixel_progress
    from nb_physics import available_device
    from nb_taps import trace_pixels

    target = available_device(device)
    whole = any(entry.tap.whole_image for entry in taps)
    with pixel_progress("simulating the whole image" if whole else "tracing") as progress:
        return trace_pixels(
            experiment,
            pixels,
            taps,
            crystal=crystal,
            device=target,
            dtype=getattr(torch, dtype),
            noise=noise,
            progress=progress,
        )


def _print(traced: Sequence[Traced], *, lines: bool) -> None:
    """What matters most comes last, where it stays in sight."""
    from nb_cli.account import describe_pixel, describe_reason, describe_record, describe_results

    for number, pixel in enumerate(traced):
        blocks = [
            describe_pixel(pixel.record),
            *([_lines(pixel).rstrip("\n")] if lines else []),
            describe_results(pixel.results),
            describe_record(pixel.record),
            describe_reason(pixel.record),
        ]
        click.echo(("\n" if number else "") + "\n\n".join(blocks))


def _lines(pixel: Traced) -> str:
    from nb_taps import TRACE_PREFIX, trace_lines

    return "".join(f"{TRACE_PREFIX}{line}\n" for line in trace_lines(pixel.record))


def _inputs(experiment: Experiment, arguments: tuple[str, ...]) -> dict[str, str]:
    """The sha256 of the files that were read, by name: the experiment's, and those it names."""
    from nb_compare import input_checksums
    from nb_physics import input_files

    own = [name for name in arguments[:1] if not name.startswith("-")]
    return input_checksums({name: Path(name) for name in [*own, *input_files(experiment)]})


def _save(
    traced: list[Traced],
    inputs: dict[str, str],
    out_dir: str | None,
    tag: str | None,
    as_json: bool,
    computed: tuple[str, str],
) -> Path:
    """Writes the traces, the taps' JSON where wanted, and the evidence; returns the folder."""
    from nb_cli.main import command_line
    from nb_cli.unfinished import filled_or_as_before
    from nb_compare import result_folder, write_evidence
    from nb_physics import Choice, Engine

    engine = Choice(Engine.EAGER, "taps see every operation")

    def fill(folder: Path) -> None:
        for name, text in _files(traced, tag, as_json):
            _write(folder / name, text)
        where = dict(zip(("device", "dtype"), computed, strict=True))
        write_evidence(folder, [command_line()], inputs=inputs, engine=engine, **where)

    if out_dir is None:
        with result_folder(Path(DEFAULT_FOLDER), command_line()) as (working, final):
            fill(working)
        return final
    folder = Path(out_dir)
    with filled_or_as_before(folder):
        _make(folder)
        fill(folder)
    return folder


def _make(folder: Path) -> None:
    from nb_core import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, f"no such folder can be made: {error.strerror}") from error


def _files(traced: list[Traced], tag: str | None, as_json: bool) -> Iterator[tuple[str, str]]:
    """Each file's name, and its text."""
    for pixel in traced:
        place, crystal = "-".join(map(str, pixel.record.place)), pixel.record.crystal
        stem = f"{tag}-{place}" if tag else place
        stem += "" if crystal is None else f"-crystal-{crystal}"
        yield f"{stem}.trace", _lines(pixel)
        for result in pixel.results if as_json else ():
            content = json.dumps(result.to_json(tag), indent=2, allow_nan=False)
            yield f"{stem}-{result.entry.name}.json", content + "\n"


def _write(path: Path, text: str) -> None:
    from nb_core.formats import atomic_write

    with atomic_write(path) as handle:
        handle.write(text.encode())

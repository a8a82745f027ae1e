"""Writes docs/reference from the packages themselves: python docs/generate.py [--check].

With --check nothing is written; pages that are not up to date are named, and the exit code is 1.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from api_page import api_page
from gradient_page import gradients_page
from page_parts import page, table, text, value_text

from nb_cli.main import cli
from nb_compare.divergence.trace_log import ALIASES
from nb_core import (
    QUANTITIES,
    SHAPES,
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    CrystalShape,
    Detector,
    DetectorConfig,
    DetectorConvention,
    DetectorPivot,
    ExitCode,
    Experiment,
    GoniometerConfig,
    OutputConfig,
    Panel,
    PanelGroup,
    Profile,
    SamplingConfig,
    Sensor,
    image_formats,
    make_manager,
)
from nb_core.flags import GROUPS, Option
from nb_taps import TRACE_LOOPS, TRACE_NAMES, collect_taps
from nb_taps import make_manager as make_tap_manager

FOLDER = Path(__file__).resolve().parent / "reference"
HELP_WIDTH = 96

CONFIGS = (
    Experiment,
    CrystalConfig,
    DetectorConfig,
    BeamConfig,
    SamplingConfig,
    BackgroundConfig,
    OutputConfig,
    Detector,
    Panel,
    Sensor,
    PanelGroup,
    GoniometerConfig,
)
ENUMS = (Profile, CrystalShape, DetectorConvention, DetectorPivot)

CODES = {
    ExitCode.OK: "done; what was compared agrees",
    ExitCode.BAD_INPUT: "usage or bad input: an option, a value or a file that you named; "
    "the line says what to change",
    ExitCode.DIFFERENT: "what was compared differs beyond the thresholds; `nb refine`: no fit",
    ExitCode.SHAPES_DIFFER: "the images have different shapes, and `--resample` was not given",
    ExitCode.UNREADABLE: "I/O or parse error: a disk or file failed, or what a program wrote "
    "(a log, an image, a folder of results) cannot be understood",
    ExitCode.PROGRAM_FAILED: "a program that was run failed; the line has what it said on stderr",
    ExitCode.INTERRUPTED: "interrupted; nothing unfinished is left behind",
    ExitCode.PIPE_CLOSED: "nobody read the output (`nb config flags | head`)",
}

FIELDS = {
    "file.hkl": "structure_factors",
    "file.dump": "structure_factors, or outputs.dumpfile",
    "file.mat": "crystal.matrix",
    "file.sources": "beam.sources",
    "file.mask": "mask, and the camera",
    "file.img": "the camera: see below",
    "size.fpixels": "detector.fpixels",
    "size.spixels": "detector.spixels",
    "size.detsize_f_mm": "detector.detsize_f_mm",
    "size.detsize_s_mm": "detector.detsize_s_mm",
    "pivot.explicit": "detector.detector_pivot",
    "printout.fast": "outputs.printout_pixel",
    "printout.slow": "outputs.printout_pixel",
}
"""Settings of the option table that are no fields, and what they come to."""


def flags_page() -> str:
    """nanoBragg's options, from the table that parses them."""
    parts = [
        "# nanoBragg's options",
        "These go after `--` on the command line of `nb`, or into `flags_to_experiment`. A longer "
        "spelling is understood where nanoBragg takes it for one option only. `nb config flags` "
        "prints the same list. The last column is the field of the [experiment](configs.md) that "
        "the option sets.",
    ]
    for title, options in GROUPS.items():
        rows = [_option_row(option) for option in options]
        parts += [f"## {title}", table(("option", "values", "meaning", "field"), rows)]
    parts.append(
        "The header of an `-img` or `-mask` file sets the numbers of pixels, pixel size, distance, "
        "wavelength, beam centre, phi and rotation range. Options override it."
    )
    return page(*parts)


def _option_row(option: Option) -> tuple[str, str, str, str]:
    names = ", ".join(f"`{name}`" for name in option.names)
    if option.values == 0:
        values = "none"
    else:
        fewest = option.values if option.least is None else option.least
        count = f"{fewest} to {option.values}" if fewest < option.values else str(option.values)
        values = f"{count}: {option.kind.value}" if not option.ignored else count
    return names, values, option.help, "<br>".join(_option_fields(option))


def _option_fields(option: Option) -> list[str]:
    """The fields that the option sets, each once, and what it fixes besides."""
    found = []
    for key in option.keys:
        if key != "pivot.state":
            section, _, rest = key.partition(".")
            name, _, index = rest.partition(".")
            field = "roi" if section == "roi" else FIELDS.get(key, f"{section}.{name}")
            found.append(f"{field}[{index}]" if index else field)
    for key, value in option.sets.items():
        if key != "pivot.state":
            shown = str(value).lower() if isinstance(value, bool) else value
            found.append(f"{key} = {shown}")
    return list(dict.fromkeys(found))


def configs_page() -> str:
    """The fields of an experiment, from the dataclasses."""
    parts = [
        "# Fields of an experiment",
        "Each class is a frozen dataclass; the unit is part of the name. In a TOML file the "
        "fields of `crystal`, `detector`, `beam`, `sampling`, `background`, `outputs` and "
        "`goniometer` stand in sections of those names, and `profile` and `roi` at the top; "
        "[panels](../how-to/panels.md) are tables `[[panel]]`. The files of an experiment "
        "are named there too: `hkl`, `dump` and `mask` at the top, `crystal.matrix` and "
        "`beam.sources`.",
        "`Scalar` is an int, a float or a tensor of one element; `Vector` is three of those or a "
        "tensor of shape (3,).",
    ]
    for config in CONFIGS:
        rows = [
            (f"`{field.name}`", f"`{field.type}`", f"`{_default(field)}`")
            for field in dataclasses.fields(config)
        ]
        parts += [
            f"## {config.__name__}",
            text(inspect.getdoc(config) or ""),
            table(("field", "type", "default"), rows),
        ]
    parts.append("## Choices")
    for kind in ENUMS:
        values = ", ".join(f"`{member.value}`" for member in kind)
        parts.append(f"`{kind.__name__}`: {values}")
    return page(*parts)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return value_text(field.default)
    factory = field.default_factory
    if factory is not dataclasses.MISSING:
        return f"{getattr(factory, '__name__', factory)}()"
    return "(required)"


def quantities_page() -> str:
    """The vocabulary of the probes."""
    rows = [
        (f"`{q.name}`", q.unit, f"`{q.grain}`", q.stage, q.meaning) for q in QUANTITIES.values()
    ]
    return page(
        "# Quantities",
        "What `nb_taps.probe` can show, and what the simulation offers to a `Recorder`. The axes "
        "are those of the recorded value: `pixels` of a tile, `sources`, and `steps`, which runs "
        "over phi steps and mosaic domains, the domain fastest. A leading 3 holds lab x, y, z. A "
        "`Reading` of the probe is of one pixel, and lacks the axis `pixels`. The stage is "
        "the part of the simulation that computes it.",
        table(("name", "unit", "axes", "stage", "meaning"), rows),
    )


def taps_page() -> str:
    """The taps that come with nb."""
    parts = [
        "# Taps",
        "The probes that come with `nb`; `nb taps list` names those of installed plugins too. In "
        "JSON ([schema nb-tap/1](../../packages/nb-taps/src/nb_taps/schema/nb-tap-1.json)) each "
        "field has its unit, its axes and its value: a number, or nested lists along the axes. "
        "`subpixel` runs over sensor layers and sub-pixels, in the order of the list `subpixels`.",
    ]
    for name, entry in collect_taps(make_tap_manager(external=False)).items():
        tap = entry.tap
        rows = [
            (f"`{f.name}`", f.unit, " x ".join(f.axes) or "one value", f.meaning)
            for f in tap.fields
        ]
        parts += [f"## {name}", f"{tap.summary[0].upper()}{tap.summary[1:]}."]
        parts.append(table(("field", "unit", "axes", "meaning"), rows))
    return page(*parts)


def image_formats_page() -> str:
    """The image formats that come with nb."""
    rows = [
        (
            f"`{known.name}`",
            known.title,
            ", ".join(f"`{ending}`" for ending in known.endings),
            ", ".join(kind.value for kind in known.holds),
            "several" if known.several_panels else "one",
            known.summary,
        )
        for known in image_formats(make_manager(external=False))
    ]
    return page(
        "# Image formats",
        "The formats that come with `nb`; `nb plugins` names those of installed plugins too, and "
        "[your own](../extending/image-format.md) is one small package. `nb simulate --out` writes "
        "the first kind that a format holds. A file is read by what its content says, else by its "
        "ending, else as raw float32.",
        table(("name", "called", "endings", "holds", "panels", "what"), rows),
    )


def shapes_page() -> str:
    """The crystal shapes that come with nb."""
    known = SHAPES.known(make_manager(external=False))
    rows = [(f"`{name}`", entry.thing.label, entry.thing.summary) for name, entry in known.items()]
    return page(
        "# Crystal shapes",
        "The shapes that come with `nb`, by `shape` under `[crystal]`; `nb plugins` names those "
        "of installed plugins too, and [your own](../extending/crystal-shape.md) is one small "
        "package.",
        table(("name", "called", "what"), rows),
    )


def trace_page() -> str:
    """The names of the TRACE_PY lines."""
    rows = [
        (f"`{entry.name}`", entry.unit or "", entry.stage, entry.meaning)
        for entry in TRACE_NAMES.values()
    ]
    aliases = [(f"`{other}`", f"`{name}`") for other, name in ALIASES.items()]
    loops = ", ".join(f"`{name}`" for name in TRACE_LOOPS)
    return page(
        "# Lines of a trace",
        "`nb trace --lines` prints lines `TRACE_PY: name=value` in the order in which nanoBragg "
        "computes, and `--out-dir` keeps them in a file: "
        "numbers with 15 significant digits, vectors as three of them. The lines of the loops "
        f"({loops}) say where the following ones belong.",
        table(("name", "unit", "stage", "meaning"), rows),
        "`nb first-divergence --c-log` reads lines `TRACE_C: name=value` (or `name value`) of an "
        "instrumented C program under these names, or these others:",
        table(("in the log", "read as"), aliases),
        "`lambda_angstroms` is converted to metres, and a `scattering_vec_A_inv` in 1/metre to "
        "1/Angstrom. Without lines of the loops, lines belong together by their order.",
    )


def exit_codes_page() -> str:
    """What the exit codes of every command mean."""
    rows = [(str(int(code)), CODES[code]) for code in ExitCode]
    return page(
        "# Exit codes",
        "The same in every command. Errors are one line on stderr.",
        table(("code", "meaning"), rows),
    )


def cli_page() -> str:
    """The help of every command."""
    parts = ["# Commands of nb", "What `--help` prints."]
    parts.append("Exit codes mean the same in every command; see [exit codes](exit-codes.md).")
    for path, command, context in walk_commands():
        parts += [f"## {path}", text(command.get_help(context))]
    return page(*parts)


def walk_commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command with its full name, the group `nb` first."""

    def walk(command: click.Command, context: click.Context) -> Iterator[Any]:
        yield context.command_path, command, context
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                yield from walk(found, click.Context(found, info_name=name, parent=context))

    settings = {"terminal_width": HELP_WIDTH, **cli.context_settings}
    yield from walk(cli, click.Context(cli, info_name="nb", **settings))


PAGES: dict[str, Callable[[], str]] = {
    "flags.md": flags_page,
    "configs.md": configs_page,
    "quantities.md": quantities_page,
    "gradients.md": gradients_page,
    "taps.md": taps_page,
    "image-formats.md": image_formats_page,
    "shapes.md": shapes_page,
    "trace.md": trace_page,
    "exit-codes.md": exit_codes_page,
    "cli.md": cli_page,
    "api.md": lambda: api_page(CONFIGS),
}


def main(arguments: list[str]) -> int:
    """Writes the pages, or with --check says which would change."""
    stale = []
    for name, make in PAGES.items():
        path, made = FOLDER / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == made:
            continue
        stale.append(name)
        if "--check" not in arguments:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(made, encoding="utf-8")
    word = "out of date" if "--check" in arguments else "written"
    print(f"{word}: {', '.join(stale) or 'none'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

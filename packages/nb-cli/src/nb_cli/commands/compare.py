"""nb compare: the same arguments through the C program and nb, and how far the images agree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nb_cli.compute_options import (
    c_bin_option,
    device_option,
    dtype_option,
    engine_option,
    threads_option,
)
from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    from nb_compare import Choices, Comparison
    from nb_core import Profile

DEFAULT_FOLDER = "nb-compare"


@click.command("compare", short_help="Compare nb with the C program.")
@c_bin_option
@click.option("--golden", metavar="DIR", help="Compare with an image recorded there instead.")
@click.option(
    "--roi",
    type=(int, int, int, int),
    metavar="XMIN XMAX YMIN YMAX",
    help="Render and compare a rectangle (fast, then slow; bounds included).",
)
@click.option(
    "--threshold", type=float, default=0.9999999, show_default=True, help="Least correlation."
)
@click.option(
    "--sum-tolerance",
    type=float,
    default=1e-6,
    show_default=True,
    help="How far the ratio of the sums may be from 1.",
)
@click.option("--resample", is_flag=True, help="Bring nb's image to the reference's shape.")
@click.option(
    "--png-scale",
    type=float,
    default=99.5,
    show_default=True,
    metavar="PCT",
    help="Percentile of the pixels at which the scale of the pictures ends.",
)
@click.option("--save-diff", is_flag=True, help="Write the difference as raw float32, too.")
@click.option(
    "--outdir",
    metavar="DIR",
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Where the result gets a folder of its own.",
)
@device_option
@dtype_option
@engine_option
@threads_option
@experiment_arguments
def command(
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    c_bin: str | None,
    golden: str | None,
    outdir: str,
    **options: Any,
) -> int:
    """Run the C program and nb on the same arguments, and compare their images.

    \b
    nb compare --c-bin ./nanoBragg -- -cell 70 80 90 75 85 95 -N 5 -default_F 100 -lambda 1
    nb compare --golden recorded -- -cell 100 100 100 90 90 90 -default_F 100 ...

    Each runs in a fresh folder that holds only the files that the arguments name, so that no
    stale Fdump.bin is read. Writes a folder with both images, the logs, summary.json, pictures
    and report.html, a page that can be mailed. Exit code 0: they agree, 3: they differ.
    """
    from nb_cli.main import command_line
    from nb_cli.progress import pixel_progress
    from nb_compare import (
        compare_with_golden,
        compare_with_program,
        find_program,
        program_arguments,
    )
    from nb_compare.golden import read_golden
    from nb_core import ExitCode

    experiment = read_experiment(arguments, profile, ignore_unknown_flags)
    flags = program_arguments(experiment, arguments)
    choices = _choices(experiment.profile, ignore_unknown_flags, options)
    parent, line = Path(outdir), command_line()
    with pixel_progress("comparing") as progress:
        if golden is not None:
            recorded = read_golden(Path(golden))
            found = compare_with_golden(
                recorded, flags, choices, parent, command=line, progress=progress
            )
        else:
            found = compare_with_program(
                find_program(c_bin), flags, choices, parent, command=line, progress=progress
            )
    click.echo(describe(found))
    return ExitCode.OK if found.agree else ExitCode.DIFFERENT


def _choices(profile: Profile, ignore_unknown: bool, options: Mapping[str, Any]) -> Choices:
    from nb_compare import Choices, Thresholds
    from nb_core import Roi
    from nb_physics import available_device

    available_device(options["device"])
    roi = options["roi"]
    return Choices(
        thresholds=Thresholds(options["threshold"], options["sum_tolerance"]),
        roi=None if roi is None else Roi(*roi),
        resample=options["resample"],
        percentile=options["png_scale"],
        save_difference=options["save_diff"],
        device=options["device"],
        dtype=options["dtype"],
        engine=options["engine"],
        profile=profile,
        ignore_unknown=ignore_unknown,
    )


def describe(found: Comparison) -> str:
    """The measures of a comparison, aligned, and where the rest lies."""
    from nb_core.wording import aligned

    summary = found.summary
    metrics, peaks = summary["metrics"], summary["peaks"]
    slow, fast = metrics["worst"]
    rows = [
        ("correlation", _number(metrics["correlation"])),
        ("sum_ratio", _number(metrics["sum_ratio"])),
        ("mse, rmse", f"{_number(metrics['mse'])}, {_number(metrics['rmse'])}"),
        (
            "max |difference|",
            f"{_number(metrics['max_difference'])} ({_number(metrics['max_relative'])} of the "
            f"maximum) at slow {slow}, fast {fast}",
        ),
        ("same float32", f"{100.0 * metrics['same_float32']:.4g} %"),
        (
            "peaks",
            f"{peaks['matched']} matched of {peaks['reference']} and {peaks['image']}; displaced "
            f"by {_number(peaks['mean_displacement'])} px mean, "
            f"{_number(peaks['max_displacement'])} max",
        ),
        ("seconds", _seconds(summary)),
        ("engine", "{name}: {reason}".format(**summary["nb"]["engine"])),
    ]
    lines = aligned(rows)
    lines += [f"differ: {reason}" for reason in summary["reasons"]]
    verdict = "agree" if found.agree else "differ"
    return "\n".join([*lines, f"wrote {found.folder / 'report.html'}", f"images {verdict}"])


def _seconds(summary: Mapping[str, Any]) -> str:
    reference, nb = summary["reference"], summary["nb"]
    ours = f"nb {nb['seconds']:.3g} (without its start)"
    if reference["seconds"] is None:
        return ours
    return f"C {reference['seconds']:.3g} (whole program), {ours}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"

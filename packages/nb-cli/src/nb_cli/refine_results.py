"""What nb refine writes: a folder with the refined experiment, numbers and pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from nb_cli.refine_picture import draw_comparison
from nb_compare import input_checksums, result_folder, write_evidence
from nb_core import Experiment, experiment_to_toml
from nb_core.formats import atomic_write
from nb_core.wording import aligned
from nb_physics import Choice, input_files
from nb_refine import Observation, Result


@dataclass(frozen=True)
class Origin:
    """What a result came of, for those who ask later: files, and where and how it was computed.

    inputs: the sha256 of each file that was read, by name
    """

    inputs: Mapping[str, str]
    device: str
    dtype: str
    engine: Choice | None


def inputs_of(model: str | None, image: str, experiment: Experiment) -> dict[str, str]:
    """The sha256 of the files that a refinement reads; taken before it begins.

    model: None where options say it all
    """
    names = [*([model] if model else []), image, *input_files(experiment)]
    return input_checksums({name: Path(name) for name in names})


def describe_result(result: Result) -> str:
    """The refined values with their standard uncertainties, aligned, and how well they fit."""
    rows = [("parameter", "start", "refined", "s.u.", "unit")]
    for number, parameter in enumerate(result.parameters):
        value, own = float(result.values[number]), float(result.uncertainties[number])
        bound = " (at its bound)" if parameter.name in result.at_bound else ""
        digits = max(0, min(9, 1 - int(np.floor(np.log10(max(own, 1e-9))))))
        figures = (f"{parameter.start:.{digits}f}", f"{value:.{digits}f}", f"{own:.2g}")
        rows.append((parameter.name, *figures, parameter.unit + bound))
    lines = aligned(rows, right=(1, 2, 3))
    return "\n".join([*lines, f"chi^2 {result.chi_squared:.4g} a pixel; stopped: {result.reason}"])


def write_result(
    result: Result,
    observation: Observation,
    parent: Path,
    command: Sequence[str],
    origin: Origin,
) -> Path:
    """Writes a folder of its own in `parent`, whole or not at all, and returns its name.

    Raises OutputError as `result_folder` and `atomic_write` do.
    """
    counts, usable = _one_plane(observation.photons), _one_plane(observation.usable)
    with result_folder(parent, command[1:]) as (working, final):
        texts = {
            "refined.toml": experiment_to_toml(result.experiment, working),
            "parameters.csv": _parameters_text(result),
            "correlation.csv": _correlation_text(result),
            "history.csv": _history_text(result),
            "refine.log": describe_result(result) + "\n",
        }
        for name, text in texts.items():
            with atomic_write(working / name) as handle:
                handle.write(text.encode())
        for name, image in (("before", result.before), ("after", result.after)):
            with atomic_write(working / f"{name}.png") as handle:
                title = f"model {name} refinement"
                handle.write(draw_comparison(counts, _one_plane(image), usable, title))
        write_evidence(
            working,
            [command],
            inputs=origin.inputs,
            device=origin.device,
            dtype=origin.dtype,
            engine=origin.engine,
        )
        return final


def _one_plane(image: Tensor) -> np.ndarray:
    """An image as (slow, fast); of several panels, one below the other."""
    plane: np.ndarray = image.detach().reshape(-1, image.shape[-1]).numpy()
    return plane


def _table(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _parameters_text(result: Result) -> str:
    rows: list[tuple[object, ...]] = [
        ("parameter", "unit", "start", "value", "standard_uncertainty", "at_bound")
    ]
    numbers = zip(result.values.tolist(), result.uncertainties.tolist(), strict=True)
    for parameter, (value, own) in zip(result.parameters, numbers, strict=True):
        held = "yes" if parameter.name in result.at_bound else "no"
        rows.append((parameter.name, parameter.unit, parameter.start, value, own, held))
    return _table(rows)


def _correlation_text(result: Result) -> str:
    names = [parameter.name for parameter in result.parameters]
    lines = zip(names, result.correlation.tolist(), strict=True)
    return _table([("", *names), *((name, *(f"{r:.4f}" for r in row)) for name, row in lines)])


def _history_text(result: Result) -> str:
    names = [parameter.name for parameter in result.parameters]
    rows: list[tuple[object, ...]] = [("stage", "step", "pixels", "loss", "distance", *names)]
    for step in result.history:
        values = (step.values[name] for name in names)
        rows.append((step.stage, step.number, step.pixels, step.loss, step.distance, *values))
    return _table(rows)

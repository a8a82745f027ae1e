"""The gradient that `nb bench` times: of the sum of an image, by what a refinement would move."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from nb_core import Experiment


def with_parameters(experiment: Experiment) -> tuple[Experiment, list[Tensor]]:
    """The experiment with 14 numbers as tensors that ask for a gradient, and these: the cell,
    misset, Na, Nb, Nc, distance and wavelength.
    """
    parameters: list[Tensor] = []

    def parameter(value: object) -> Tensor:
        made = torch.as_tensor(value, dtype=torch.float64).clone().requires_grad_()
        parameters.append(made)
        return made

    given = experiment.crystal
    Na, Nb, Nc = (parameter(cells) for cells in given.N_cells)
    crystal = dataclasses.replace(
        given,
        cell_a=parameter(given.cell_a),
        cell_b=parameter(given.cell_b),
        cell_c=parameter(given.cell_c),
        cell_alpha=parameter(given.cell_alpha),
        cell_beta=parameter(given.cell_beta),
        cell_gamma=parameter(given.cell_gamma),
        misset_deg=parameter(given.misset_deg or (0.0, 0.0, 0.0)),
        N_cells=(Na, Nb, Nc),
    )
    distance, wavelength = experiment.plane.distance_mm, experiment.beam.wavelength_A
    detector = dataclasses.replace(experiment.plane, distance_mm=parameter(distance))
    beam = dataclasses.replace(experiment.beam, wavelength_A=parameter(wavelength))
    made = dataclasses.replace(experiment, crystal=crystal, detector=detector, beam=beam)
    return made, parameters

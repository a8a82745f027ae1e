"""The crystals that the beam meets, each resolved as if it were alone."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import (
    BackgroundConfig,
    CrystalConfig,
    CrystalShape,
    Experiment,
    InputError,
    NbWarning,
    Profile,
)
from nb_core.configs import scalar_tensor
from nb_core.showing import Brief
from nb_core.sweeps import Sweep, refuse_too_many, resolve_mosaic
from nb_core.units import A_to_m, cell_A_to_m, mm_to_m
from nb_physics import arguments
from nb_physics.frame import DetectorFrame, meets_the_beam
from nb_physics.lattice import LatticeFactor, lattice_factor, try_shape
from nb_physics.orientation import (
    UnitCell,
    mosaic_rotations,
    phi_angles,
    phi_sweep,
    step_vectors,
    unit_cell,
)
from nb_physics.panels import PanelPlan
from nb_physics.structure import StructureGrid, structure_grid
from nb_physics.vectors import length

MOST_SUBPIXELS = 1_000_000
"""Along a pixel's edge: what asks for more has a length of another unit."""

Tell = Callable[[str], None]
"""Says what is odd about a crystal, or was chosen for it."""


@dataclass(frozen=True, eq=False, repr=False)
class CrystalPlan(Brief):
    """A crystal, resolved. Float64 tensors on one device; Angstrom, radians.

    cell_vectors: a, b, c of every step (phi x mosaic domain), shape (3, 3, steps)
    cells: Na, Nb, Nc; interpolate: whether F_cell is interpolated; oversample: its sub-pixels
    structure: the list that all crystals share, with its own default_F in the gaps
    phi: the rotation; phi_angles: radians, of each step
    fraction: of the illuminated volume, which its photons are multiplied by
    """

    cell: UnitCell
    cell_vectors: Float[Tensor, "3 3 steps"]
    cells: Float[Tensor, "3"]
    structure: StructureGrid
    interpolate: bool
    oversample: int
    phi: Sweep
    phi_angles: Float[Tensor, " phi"]
    mosaic_count: int
    fudge: Float[Tensor, ""]
    shape: LatticeFactor
    fraction: Float[Tensor, ""]

    @property
    def terms_of_source(self) -> float:
        """Terms of a pixel, sensor layer and source: phi steps, domains and sub-pixels."""
        return float(self.phi_angles.numel() * self.mosaic_count * self.oversample**2)


def crystal_experiment(experiment: Experiment, number: int) -> Experiment:
    """The experiment with one of its crystals alone, which keeps its fraction.

    The background goes with the first crystal: the photons of these experiments add up to those of
    all crystals together. Raises InputError for a crystal that there is not.
    """
    number = arguments.whole("crystal", number, "expected the number of a crystal")
    if not 0 <= number < len(experiment.crystals):
        last = len(experiment.crystals) - 1
        remedy = f"the crystals are numbered 0 to {last}" if last else "there is one crystal, 0"
        raise InputError("crystal", number, remedy)
    if not experiment.more_crystals:
        return experiment
    chosen = dict[str, Any](crystal=experiment.crystals[number], more_crystals=())
    if number:
        spindle = experiment.crystal.spindle_axis
        chosen["crystal"] = dataclasses.replace(chosen["crystal"], spindle_axis=spindle)
        chosen["background"] = BackgroundConfig()
    return dataclasses.replace(experiment, **chosen)


def each_crystal(experiment: Experiment) -> Iterator[tuple[str, Experiment, Tell]]:
    """Each crystal: what its messages begin with, the experiment of it alone, and who warns."""
    for number in range(len(experiment.crystals)):
        where = f"crystal {number}: " if experiment.more_crystals else ""

        def tell(message: str, where: str = where) -> None:
            warnings.warn(f"{where}{message}", NbWarning, stacklevel=5)

        yield where, crystal_experiment(experiment, number), tell


def crystal_plans(
    experiment: Experiment,
    spindle: Float[Tensor, "3"],
    panels: Sequence[PanelPlan],
    notes: list[str],
) -> tuple[CrystalPlan, ...]:
    """All crystals of an experiment; notes: takes what was chosen for them, and why.

    Crystals of the same default_F share one grid of structure factors. Raises InputError, which
    names the crystal where there are several, for what cannot be resolved.
    """
    plans: list[CrystalPlan] = []
    grids: dict[int | float, StructureGrid] = {}
    for where, alone, tell in each_crystal(experiment):
        default = alone.crystal.default_F
        known = id(default) if isinstance(default, Tensor) else float(default)
        if known not in grids:
            factors = experiment.structure_factors
            grids[known] = structure_grid(factors, scalar_tensor(default))
        own: list[str] = []
        try:
            plans.append(_crystal_plan(alone, spindle, panels, grids[known], own.append, tell))
        except InputError as error:
            raise InputError(f"{where}{error.field}", error.value, error.remedy) from error
        notes += [f"{where}{note}" for note in own]
    return tuple(plans)


def _crystal_plan(
    experiment: Experiment,
    spindle: Float[Tensor, "3"],
    panels: Sequence[PanelPlan],
    structure: StructureGrid,
    note: Tell,
    tell: Tell,
) -> CrystalPlan:
    crystal, profile = experiment.crystal, experiment.profile
    cell = unit_cell(crystal, experiment.beam.wavelength_A, profile)
    _refuse_steps(experiment)
    mosaic, phi = mosaic_rotations(crystal, profile), phi_angles(crystal, profile)
    given = torch.stack([scalar_tensor(cells) for cells in crystal.N_cells])
    cells = _sample_cells(experiment, cell, given, tell)
    return CrystalPlan(
        cell=cell,
        cell_vectors=step_vectors(cell, spindle, phi, mosaic),
        cells=cells,
        structure=structure,
        interpolate=_interpolates(experiment, given, cells, note),
        oversample=_oversample(experiment, panels, cell, cells, note, tell),
        phi=phi_sweep(crystal, profile),
        phi_angles=phi,
        mosaic_count=mosaic.shape[2],
        fudge=scalar_tensor(crystal.fudge),
        shape=_shape(crystal, cells),
        fraction=scalar_tensor(crystal.fraction),
    )


def _shape(crystal: CrystalConfig, cells: Float[Tensor, "3"]) -> LatticeFactor:
    """What computes the crystal's shape, with its numbers as tensors; cells: Na, Nb, Nc."""
    shape = lattice_factor(crystal.shape)
    if isinstance(crystal.shape, CrystalShape):
        return shape
    counts = tuple(cells.detach().tolist())
    resolved = dataclasses.replace(crystal, N_cells=counts, sample_size_mm=(None, None, None))
    return try_shape(shape.as_tensors(), resolved)


def _refuse_steps(experiment: Experiment) -> None:
    """InputError for more steps of the crystal, phi times domains, than fit in memory."""
    crystal = experiment.crystal
    _, domains, _ = resolve_mosaic(crystal.mosaic_spread_deg, crystal.mosaic_domains)
    phi = phi_sweep(crystal, experiment.profile).count
    refuse_too_many({"phi_steps (-phisteps)": phi, "mosaic_domains (-mosaic_domains)": domains})


def _sample_cells(
    experiment: Experiment, cell: UnitCell, given: Float[Tensor, "3"], tell: Tell
) -> Float[Tensor, "3"]:
    """Na, Nb, Nc: as given, or as many as cover the sample size; at least 1.

    The sample's height and width are clipped to the beam.
    """
    beamsize = mm_to_m(scalar_tensor(experiment.beam.beamsize_mm))
    cells = []
    for axis, size_mm in enumerate(experiment.crystal.sample_size_mm):
        count = given[axis]
        if size_mm is not None and size_mm > 0:
            size = mm_to_m(scalar_tensor(size_mm))
            if axis > 0 and beamsize < size:
                name = "abc"[axis]
                tell(f"sample of {size.item():g} m along {name} is clipped to the beam's size")
                size = beamsize
            count = torch.ceil(size / length(cell_A_to_m(cell.real[axis])))
        cells.append(count)
    return torch.stack(cells).clamp(min=1.0)


def _interpolates(
    experiment: Experiment,
    given: Float[Tensor, "3"],
    cells: Float[Tensor, "3"],
    note: Tell,
) -> bool:
    """Tricubic interpolation: as asked, else where an edge has two cells or fewer.

    Reference: judged by the numbers of cells given, before a sample size replaces them.
    """
    asked = experiment.sampling.interpolate
    judged = given if experiment.profile is Profile.REFERENCE else cells
    thin = bool((judged.detach() <= 2).any())
    wanted = thin if asked is None else asked
    if experiment.structure_factors is None:
        return False
    if asked is None:
        edge = "a crystal edge has 2 cells or fewer" if thin else "all edges have over 2 cells"
        note(f"interpolation of structure factors {'on' if wanted else 'off'}: {edge}")
    return wanted


def _oversample(
    experiment: Experiment,
    panels: Sequence[PanelPlan],
    cell: UnitCell,
    cells: Float[Tensor, "3"],
    note: Tell,
    tell: Tell,
) -> int:
    """Sub-pixels a pixel edge: as given, or three for each fringe that a pixel can hold, in the
    panel where it holds most.
    """
    frame = max((panel.frame for panel in panels), key=_pixel_angle)
    edges = torch.stack([length(cell_A_to_m(vector)) for vector in cell.real]) * cells
    wavelength = A_to_m(scalar_tensor(experiment.beam.wavelength_A))
    resolvable = wavelength * _viewing_distance(experiment, frame) / frame.pixel_size
    ratio = float((3.0 * edges.max() / resolvable).detach())
    recommended = max(1, math.ceil(min(ratio, MOST_SUBPIXELS)))
    if experiment.sampling.oversample is None and recommended >= MOST_SUBPIXELS:
        remedy = (
            f"a crystal of {edges.max().item():.3g} m at this wavelength and distance needs "
            f"{ratio:.3g} sub-pixels a pixel's edge; correct these, or give oversample"
        )
        raise InputError("oversample (-oversample)", "not given", remedy)
    if experiment.sampling.oversample is None:
        note(f"oversample {recommended}: three sub-pixels for each fringe of the crystal")
        return recommended
    if experiment.sampling.oversample < recommended:
        tell(
            f"oversample {experiment.sampling.oversample}: intensity may vary across a pixel; "
            f"{recommended} is recommended for a crystal of this size"
        )
    return experiment.sampling.oversample


def _pixel_angle(frame: DetectorFrame) -> float:
    """The largest angle (radians) that a pixel may take up."""
    return float(frame.pixel_size.detach()) / float(frame.close_distance.detach() or 1.0)


def _viewing_distance(experiment: Experiment, frame: DetectorFrame) -> Float[Tensor, ""]:
    """The distance (metres) that sub-pixels are chosen by.

    Reference: with its sign, and infinite where the beam never meets the detector, as in nanoBragg.
    """
    if experiment.profile is Profile.CORRECTED:
        return frame.close_distance
    met = meets_the_beam(frame.beam, frame.normal)
    return frame.distance if met else torch.full_like(frame.distance, torch.inf)


def warn_of_rotation(experiment: Experiment, tell: Tell) -> None:
    """Says what of a crystal's mosaic spread and rotation does not count."""
    spread = experiment.crystal.mosaic_spread_deg
    if spread is not None and spread < 0:
        tell(f"mosaic_spread_deg {float(spread):g} is negative: it counts as not given")
    _warn_of_phi_step(experiment, tell)


def _warn_of_phi_step(experiment: Experiment, tell: Tell) -> None:
    """Corrected: range and number of steps come before a step that says otherwise."""
    crystal = experiment.crystal
    osc, step, count = crystal.osc_range_deg, crystal.phi_step_deg, crystal.phi_steps
    if experiment.profile is Profile.REFERENCE or osc is None or count is None or not step:
        return
    right = float(osc or 0.0) / max(count or 1, 1)
    if not math.isclose(float(step), right, rel_tol=1e-6):
        tell(f"phi_step_deg {float(step):g} does not count: range and steps make it {right:g}")

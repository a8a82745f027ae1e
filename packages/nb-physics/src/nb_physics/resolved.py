"""What an experiment comes to: every number that is the same for all pixels."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from nb_core import Experiment, Profile
from nb_core.showing import Rows, rows_to_html, rows_to_text
from nb_core.sweeps import Sweep
from nb_physics.axes import LabAxes
from nb_physics.background import Background
from nb_physics.frame import DetectorFrame
from nb_physics.lattice import LatticeFactor
from nb_physics.orientation import UnitCell
from nb_physics.panels import PanelPlan
from nb_physics.sources import Sources
from nb_physics.structure import StructureGrid


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """An experiment, resolved. Float64 tensors on one device; metres, Angstrom, radians.

    panels: of the detector, each where it stands; nanoBragg's plane is one
    cell_vectors: a, b, c of every step (phi x mosaic domain), shape (3, 3, steps)
    cells: Na, Nb, Nc; interpolate: whether F_cell is interpolated
    phi: the rotation; phi_angles: radians, of each step
    background: water, photons per steradian at one fluence; backgrounds: others
    notes: what was chosen automatically, and why
    """

    experiment: Experiment
    axes: LabAxes
    panels: tuple[PanelPlan, ...]
    sources: Sources
    cell: UnitCell
    cell_vectors: Float[Tensor, "3 3 steps"]
    cells: Float[Tensor, "3"]
    structure: StructureGrid
    interpolate: bool
    oversample: int
    phi: Sweep
    phi_angles: Float[Tensor, " phi"]
    mosaic_count: int
    fluence: Float[Tensor, ""]
    background: Float[Tensor, ""]
    polarization: Float[Tensor, ""]
    fudge: Float[Tensor, ""]
    shape: LatticeFactor
    backgrounds: tuple[Background, ...]
    dmin: Float[Tensor, ""]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        profile, shape = self.experiment.profile.value, self.experiment.shape
        size, axes = " x ".join(map(str, shape)), "panel, slow, fast"[7 * (len(shape) < 3) :]
        sources = self.sources.wavelength.numel()
        return (
            f"Plan({profile} profile: {size} "
            f"pixels ({axes}) of {self.oversample} x {self.oversample} sub-pixels, "
            f"{self.layers.count} layers, {sources} sources, {self.phi_count} phi steps, "
            f"{self.mosaic_count} domains)"
        )

    def __str__(self) -> str:
        """What `nb config show` prints: every number that is used, and why."""
        return rows_to_text(_rows_of(self))

    def _repr_html_(self) -> str:
        """The same as a table, for a notebook."""
        return rows_to_html(_rows_of(self))

    @property
    def frame(self) -> DetectorFrame:
        """Of the plane, or of the first panel."""
        return self.panels[0].frame

    @property
    def layers(self) -> Sweep:
        """The sensor of the plane, or of the first panel."""
        return self.panels[0].layers

    @property
    def absorbing(self) -> bool:
        """Whether that sensor has a thickness."""
        return self.panels[0].absorbing

    @property
    def attenuation(self) -> Float[Tensor, ""]:
        """Of that sensor, 1/metre."""
        return self.panels[0].attenuation

    @property
    def layer_depth(self) -> Float[Tensor, ""]:
        """Thickness of a layer of that sensor, metres."""
        return self.panels[0].layer_depth

    @property
    def corrected(self) -> bool:
        return self.experiment.profile is Profile.CORRECTED

    @property
    def phi_count(self) -> int:
        return self.phi_angles.numel()

    @property
    def steps(self) -> float:
        """Terms of a pixel and sensor layer: sources, phi steps, domains and sub-pixels."""
        return self.sources.wavelength.numel() * self.terms_of_source

    @property
    def terms_of_source(self) -> float:
        return float(self.phi_count * self.mosaic_count * self.oversample**2)

    @property
    def divisor(self) -> float:
        """What a pixel's sum is divided by; corrected: source weights add up to 1 already."""
        return self.terms_of_source if self.corrected else self.steps


def _rows_of(plan: Plan) -> Rows:
    from nb_physics.summary import plan_rows  # which takes what is made of plans

    return plan_rows(plan)

"""What an experiment comes to: every number that is the same for all pixels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from nb_core import Experiment, Profile
from nb_core.showing import Rows, rows_to_html, rows_to_text
from nb_core.sweeps import Sweep
from nb_physics.axes import LabAxes
from nb_physics.background import Background
from nb_physics.crystals import CrystalPlan
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
    crystals: each as it is alone; most have one, whose numbers the plan gives itself
    background: water, photons per steradian at one fluence; backgrounds: others
    notes: what was chosen automatically, and why
    """

    experiment: Experiment
    axes: LabAxes
    panels: tuple[PanelPlan, ...]
    crystals: tuple[CrystalPlan, ...]
    sources: Sources
    fluence: Float[Tensor, ""]
    background: Float[Tensor, ""]
    polarization: Float[Tensor, ""]
    backgrounds: tuple[Background, ...]
    dmin: Float[Tensor, ""]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        profile, shape = self.experiment.profile.value, self.experiment.shape
        size, axes = " x ".join(map(str, shape)), "panel, slow, fast"[7 * (len(shape) < 3) :]
        sources, count = self.sources.wavelength.numel(), len(self.crystals)
        crystals = f" of the first of {count} crystals" if count > 1 else ""
        return (
            f"Plan({profile} profile: {size} "
            f"pixels ({axes}) of {self.oversample} x {self.oversample} sub-pixels, "
            f"{self.layers.count} layers, {sources} sources, {self.phi_count} phi steps, "
            f"{self.mosaic_count} domains{crystals})"
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
    def cell(self) -> UnitCell:
        """Of the first crystal, as all that follows."""
        return self.crystals[0].cell

    @property
    def cell_vectors(self) -> Float[Tensor, "3 3 steps"]:
        """a, b, c of every step (phi x mosaic domain)."""
        return self.crystals[0].cell_vectors

    @property
    def cells(self) -> Float[Tensor, "3"]:
        """Na, Nb, Nc."""
        return self.crystals[0].cells

    @property
    def structure(self) -> StructureGrid:
        """The structure factors, with the crystal's default_F."""
        return self.crystals[0].structure

    @property
    def interpolate(self) -> bool:
        """Whether F_cell is interpolated."""
        return self.crystals[0].interpolate

    @property
    def oversample(self) -> int:
        """Sub-pixels along a pixel's edge."""
        return self.crystals[0].oversample

    @property
    def phi(self) -> Sweep:
        """The rotation."""
        return self.crystals[0].phi

    @property
    def phi_angles(self) -> Float[Tensor, " phi"]:
        """Radians, of each step."""
        return self.crystals[0].phi_angles

    @property
    def mosaic_count(self) -> int:
        """How many mosaic domains there are."""
        return self.crystals[0].mosaic_count

    @property
    def fudge(self) -> Float[Tensor, ""]:
        """Factor on the squared argument of its spots."""
        return self.crystals[0].fudge

    @property
    def shape(self) -> LatticeFactor:
        """What computes its lattice factor."""
        return self.crystals[0].shape

    @property
    def phi_count(self) -> int:
        return self.phi_angles.numel()

    @property
    def steps(self) -> float:
        """Terms of a pixel and sensor layer: sources, phi steps, domains and sub-pixels."""
        return self.sources.wavelength.numel() * self.terms_of_source

    @property
    def terms_of_source(self) -> float:
        return self.crystals[0].terms_of_source

    @property
    def evaluations(self) -> float:
        """Terms of a pixel, over its sensor layers and all crystals."""
        terms = sum(crystal.terms_of_source for crystal in self.crystals)
        return self.sources.wavelength.numel() * terms * self.layers.count

    @property
    def crystal_fluence(self) -> Float[Tensor, ""]:
        """The fluence, times the first crystal's fraction of the illuminated volume."""
        return self.fluence * self.crystals[0].fraction

    def with_crystal(self, **changes: Any) -> Plan:
        """The plan with other numbers of its first crystal."""
        first, *more = self.crystals
        return dataclasses.replace(self, crystals=(dataclasses.replace(first, **changes), *more))

    @property
    def divisor(self) -> float:
        """What a pixel's sum is divided by; corrected: source weights add up to 1 already."""
        return self.terms_of_source if self.corrected else self.steps


def _rows_of(plan: Plan) -> Rows:
    from nb_physics.summary import plan_rows  # which takes what is made of plans

    return plan_rows(plan)

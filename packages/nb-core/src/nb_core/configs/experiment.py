"""An experiment: all that decides an image."""

from __future__ import annotations

from dataclasses import dataclass, field

from nb_core.configs import checks
from nb_core.configs.background import BackgroundConfig
from nb_core.configs.base import Config, all_of
from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.detector import DetectorConfig, require_custom
from nb_core.configs.goniometer import GoniometerConfig
from nb_core.configs.output import OutputConfig
from nb_core.configs.panel import Detector, Panel
from nb_core.configs.sampling import Profile, Roi, SamplingConfig
from nb_core.conventions import DetectorConvention
from nb_core.data import Mask, StructureFactors
from nb_core.errors import InputError
from nb_core.showing import Rows, rows_to_html, rows_to_text
from nb_core.wording import counted

_OPTIONAL: dict[str, type] = {"structure_factors": StructureFactors, "roi": Roi, "mask": Mask}
_KINDS: dict[str, type] = {
    "crystal": CrystalConfig,
    "beam": BeamConfig,
    "sampling": SamplingConfig,
    "background": BackgroundConfig,
    "outputs": OutputConfig,
    "goniometer": GoniometerConfig,
    **_OPTIONAL,
}

_OF_PANELS = ("direction", "polarization_normal", "polarization_fraction")
"""Fields of the beam that stand in for a convention's."""


@dataclass(frozen=True, eq=False, repr=False)
class Experiment(Config):
    """Crystal, detector and beam, how to sample them, and which program's slips to keep.

    detector: nanoBragg's, of one plane, or a Detector of panels, which knows no convention and
        exists in the corrected profile only
    structure_factors: None gives every reflection crystal.default_F
    roi, mask: pixels outside are 0; of panels, each has its own
    goniometer: the rotation axis, with panels only
    profile: `reference` is what a nanoBragg command line gets, so it is asked for by name
    more_crystals: that the beam meets at the same time, each with a cell, an orientation, a size
        and a rotation of its own. Photons are the sum over all crystals of each one's `fraction`
        times its photons alone, and the background once. All share the list of structure factors
        and the spindle axis. Corrected profile only
    """

    crystal: CrystalConfig
    detector: DetectorConfig | Detector = field(default_factory=DetectorConfig)
    beam: BeamConfig = field(default_factory=BeamConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    background: BackgroundConfig = field(default_factory=BackgroundConfig)
    structure_factors: StructureFactors | None = None
    roi: Roi | None = None
    mask: Mask | None = None
    profile: Profile = Profile.CORRECTED
    outputs: OutputConfig = field(default_factory=OutputConfig)
    goniometer: GoniometerConfig = field(default_factory=GoniometerConfig)
    more_crystals: tuple[CrystalConfig, ...] = ()

    __no_type_check__ = True  # all fields are checked here

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in _KINDS.items():
            self._check_kind(name, kind)
        self.choose("profile", Profile)
        if self.profile is Profile.REFERENCE:
            for name in ("U_matrix", "vectors_A"):
                remedy = "nanoBragg has none: take the corrected profile, or an A matrix (-mat)"
                self._refuse("crystal", name, remedy)
        self._check_crystals()
        if not isinstance(self.detector, DetectorConfig | Detector):
            remedy = "expected a DetectorConfig (nanoBragg's) or a Detector (of panels)"
            raise InputError("detector", self.detector, remedy)
        if isinstance(self.detector, Detector):
            self._check_with_panels(self.detector)
        else:
            self._check_with_convention(self.detector)

    def _check_crystals(self) -> None:
        """That there are several crystals, or parts of them, in the corrected profile only."""
        more = all_of("more_crystals", self.more_crystals, CrystalConfig)
        object.__setattr__(self, "more_crystals", more)
        if self.profile is Profile.REFERENCE:
            if more:
                remedy = "nanoBragg has one crystal; several take the corrected profile"
                raise InputError("more_crystals", f"{len(self.crystals)} crystals", remedy)
            if checks.plain_number(self.crystal.fraction) != 1:
                remedy = "nanoBragg has none: take the corrected profile"
                raise InputError("fraction", self.crystal.fraction, remedy)
        for number, crystal in enumerate(more, 1):
            if crystal.spindle_axis is not None:
                remedy = "all crystals turn about the axis of the first; leave it out"
                where = f"spindle_axis of crystal {number}"
                raise InputError(where, crystal.spindle_axis, remedy)

    @property
    def crystals(self) -> tuple[CrystalConfig, ...]:
        """All crystals, numbered from 0: `crystal`, and `more_crystals` after it."""
        return (self.crystal, *self.more_crystals)

    def __str__(self) -> str:
        """What `nb config show` prints; without nb_physics, a line for each config."""
        return rows_to_text(_rows_of(self))

    def _repr_html_(self) -> str:
        """The same as a table, for a notebook."""
        return rows_to_html(_rows_of(self))

    def _check_with_convention(self, detector: DetectorConfig) -> None:
        """What belongs to panels is refused, and what has to fit the plane."""
        for name in _OF_PANELS:
            self._refuse("beam", name, "with a Detector of panels only; here the convention counts")
        if self.goniometer.axis is not None:
            remedy = "with a Detector of panels only; give crystal.spindle_axis"
            raise InputError("goniometer.axis", self.goniometer.axis, remedy)
        custom = detector.detector_convention is DetectorConvention.CUSTOM
        require_custom("spindle_axis", self.crystal.spindle_axis, custom)
        require_custom("beam_vector", self.beam.beam_vector, custom)
        require_custom("polar_vector", self.beam.polar_vector, custom)
        size = detector.spixels, detector.fpixels
        self._check_roi(size)
        self._check_mask(size)
        self._check_printout_pixel(size)

    def _check_kind(self, name: str, kind: type) -> None:
        value = getattr(self, name)
        if value is None and name not in _OPTIONAL:
            raise InputError(name, value, f"expected a {kind.__name__}")
        checks.instance(name, value, kind)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the image: (slow, fast), or (panel, slow, fast) with several panels."""
        if isinstance(self.detector, Detector):
            return self.detector.shape
        return self.detector.spixels, self.detector.fpixels

    @property
    def plane(self) -> DetectorConfig:
        """nanoBragg's detector. Raises InputError where there are panels."""
        if isinstance(self.detector, Detector):
            remedy = "one plane is taken here; `panel_experiment` makes one of a panel"
            raise InputError("detector", counted(len(self.panels), "panel"), remedy)
        return self.detector

    @property
    def panels(self) -> tuple[Panel, ...]:
        """The panels of its detector; none where that is nanoBragg's plane."""
        return self.detector.panels if isinstance(self.detector, Detector) else ()

    def _refuse(self, section: str, name: str, remedy: str) -> None:
        value = getattr(getattr(self, section), name)
        if value is not None:
            raise InputError(name, value, remedy)

    def _check_with_panels(self, detector: Detector) -> None:
        if self.profile is Profile.REFERENCE:
            remedy = "nanoBragg has one plane: a Detector of panels takes the corrected profile"
            raise InputError("profile", self.profile.value, remedy)
        for section, name, instead in (
            ("beam", "beam_vector", "direction"),
            ("beam", "polar_vector", "polarization_normal, the normal of its plane"),
            ("crystal", "spindle_axis", "goniometer.axis"),
        ):
            remedy = f"belongs to a nanoBragg convention; with panels give {instead}"
            self._refuse(section, name, remedy)
        if checks.plain_number(self.beam.polarization_factor) != 0:
            remedy = "with panels give polarization_fraction, which is (1 + Kahn's factor) / 2"
            raise InputError("polarization_factor", self.beam.polarization_factor, remedy)
        for name in ("roi", "mask"):
            if getattr(self, name) is not None:
                value = f"of a detector of {counted(len(detector.panels), 'panel')}"
                raise InputError(name, value, f"each panel has its own: {name} of the panel")
        self._check_printout_pixel(detector.panels[0].shape)

    def _check_roi(self, size: tuple[int, int]) -> None:
        if self.roi is None:
            return
        spixels, fpixels = size
        edges = ((self.roi.xmin, self.roi.xmax, fpixels), (self.roi.ymin, self.roi.ymax, spixels))
        for low, high, pixels in edges:
            checks.count("roi", low, least=0)
            checks.count("roi", high, least=0)
            if low > high or low >= pixels:
                remedy = (
                    "no pixel lies in it: xmin xmax ymin ymax, "
                    f"and the detector has {fpixels} x {spixels} pixels"
                )
                raise InputError("roi", tuple(self.roi), remedy)

    def _check_mask(self, size: tuple[int, int]) -> None:
        if self.mask is not None and self.mask.values.shape != size:
            where = self.mask.source or "mask"
            remedy = f"a mask must have the detector's size, {size} pixels (slow, fast)"
            raise InputError(where, self.mask.values.shape, remedy)

    def _check_printout_pixel(self, size: tuple[int, int]) -> None:
        if self.outputs.printout_pixel is None:
            return
        slow, fast = self.outputs.printout_pixel
        if slow >= size[0] or fast >= size[1]:
            shape = f"the detector has {size[0]} x {size[1]} pixels"
            raise InputError("printout_pixel", (slow, fast), f"{shape} (slow, fast)")


def _rows_of(experiment: Experiment) -> Rows:
    from nb_core.experiment_rows import rows_of  # it asks plugins, which import this module

    return rows_of(experiment)

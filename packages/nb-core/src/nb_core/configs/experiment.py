"""An experiment: all that decides an image."""

from __future__ import annotations

from dataclasses import dataclass, field

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.detector import DetectorConfig, require_custom
from nb_core.configs.output import OutputConfig
from nb_core.configs.sampling import BackgroundConfig, Profile, Roi, SamplingConfig
from nb_core.conventions import DetectorConvention
from nb_core.data import Mask, StructureFactors
from nb_core.errors import InputError

_OPTIONAL: dict[str, type] = {"structure_factors": StructureFactors, "roi": Roi, "mask": Mask}
_KINDS: dict[str, type] = {
    "crystal": CrystalConfig,
    "detector": DetectorConfig,
    "beam": BeamConfig,
    "sampling": SamplingConfig,
    "background": BackgroundConfig,
    "outputs": OutputConfig,
    **_OPTIONAL,
}


@dataclass(frozen=True, eq=False, repr=False)
class Experiment(Config):
    """Crystal, detector and beam, how to sample them, and which program's slips to keep.

    structure_factors: None gives every reflection crystal.default_F
    roi, mask: pixels outside are 0
    profile: `reference` is what a nanoBragg command line gets, so it is asked for by name
    """

    crystal: CrystalConfig
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    beam: BeamConfig = field(default_factory=BeamConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    background: BackgroundConfig = field(default_factory=BackgroundConfig)
    structure_factors: StructureFactors | None = None
    roi: Roi | None = None
    mask: Mask | None = None
    profile: Profile = Profile.CORRECTED
    outputs: OutputConfig = field(default_factory=OutputConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in _KINDS.items():
            self._check_kind(name, kind)
        self.choose("profile", Profile)
        custom = self.detector.detector_convention is DetectorConvention.CUSTOM
        require_custom("spindle_axis", self.crystal.spindle_axis, custom)
        require_custom("beam_vector", self.beam.beam_vector, custom)
        require_custom("polar_vector", self.beam.polar_vector, custom)
        self._check_roi()
        self._check_mask()
        self._check_printout_pixel()

    def _check_kind(self, name: str, kind: type) -> None:
        value = getattr(self, name)
        if value is None and name not in _OPTIONAL:
            raise InputError(name, value, f"expected a {kind.__name__}")
        checks.instance(name, value, kind)

    def _check_roi(self) -> None:
        if self.roi is None:
            return
        shape = f"the detector has {self.detector.fpixels} x {self.detector.spixels} pixels"
        edges = (
            (self.roi.xmin, self.roi.xmax, self.detector.fpixels),
            (self.roi.ymin, self.roi.ymax, self.detector.spixels),
        )
        for low, high, pixels in edges:
            checks.count("roi", low, least=0)
            checks.count("roi", high, least=0)
            if low > high or low >= pixels:
                remedy = f"no pixel lies in it: xmin xmax ymin ymax, and {shape}"
                raise InputError("roi", tuple(self.roi), remedy)

    def _check_mask(self) -> None:
        if self.mask is None:
            return
        shape = (self.detector.spixels, self.detector.fpixels)
        if self.mask.values.shape != shape:
            where = self.mask.source or "mask"
            remedy = f"a mask must have the detector's size, {shape} pixels (slow, fast)"
            raise InputError(where, self.mask.values.shape, remedy)

    def _check_printout_pixel(self) -> None:
        if self.outputs.printout_pixel is None:
            return
        slow, fast = self.outputs.printout_pixel
        if slow >= self.detector.spixels or fast >= self.detector.fpixels:
            shape = f"the detector has {self.detector.spixels} x {self.detector.fpixels} pixels"
            raise InputError("printout_pixel", (slow, fast), f"{shape} (slow, fast)")

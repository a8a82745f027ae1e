"""The taps that come with nb, in the order in which an experiment flows through the simulation."""

from __future__ import annotations

from nb_taps.builtin.crystal import HklBoundsTap, HklSubpixelTap, OrientationTap
from nb_taps.builtin.detector import AbsorptionTap, GeometryTap, OmegaTap
from nb_taps.builtin.factors import FCellTap, FLattTap
from nb_taps.builtin.rays import PolarizationTap, ScatteringTap
from nb_taps.builtin.sums import AccumulationTap, IntensityTap, NoiseTap, WaterTap
from nb_taps.hooks import hookimpl
from nb_taps.tap import Tap


@hookimpl
def nb_register_taps() -> list[Tap]:
    return [
        GeometryTap(),
        OmegaTap(),
        AbsorptionTap(),
        PolarizationTap(),
        ScatteringTap(),
        OrientationTap(),
        HklSubpixelTap(),
        HklBoundsTap(),
        FCellTap(),
        FLattTap(),
        AccumulationTap(),
        IntensityTap(),
        WaterTap(),
        NoiseTap(),
    ]

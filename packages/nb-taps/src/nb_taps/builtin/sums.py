"""Taps on the sums: from the terms of a pixel to its photons and counts."""

from __future__ import annotations

from collections.abc import Mapping

from nb_physics.formulas import ELECTRON_RADIUS_SQUARED_M2
from nb_taps.record import PixelRecord
from nb_taps.tap import Field, Tap, Value


class AccumulationTap(Tap):
    """The terms, and the sum as it grows."""

    name = "accumulation"
    summary = "F_cell^2 F_latt^2 of each term, the weights, and the running sum"
    quantities = ("term", "weight", "within_dmin", "running_sum", "intensity")
    fields = (
        Field("term", "electrons^2", ("subpixel", "source", "phi", "domain"), "F_cell^2 F_latt^2"),
        Field(
            "weight",
            "1",
            ("subpixel", "source"),
            "what multiplies a term (corrected) or the sum after it (-oversample_*); else null",
        ),
        Field("within_dmin", "1", ("subpixel", "source"), "0 where dmin drops the terms, or null"),
        Field("running_sum", "electrons^2", ("addition",), "after each sub-pixel and block"),
        Field("intensity", "electrons^2", (), "the last of them"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {name: record.array(name) for name in self.quantities}


class IntensityTap(Tap):
    """From the sum to photons: every factor by which it is multiplied."""

    name = "intensity"
    summary = "sum before scaling, background, steps, every factor, and the photons"
    quantities = ("intensity", "capture_used", "polarization_used", "omega_used", "photons")
    fields = (
        Field("intensity", "electrons^2", (), "sum before scaling, background included"),
        Field("I_bg", "photons/sr", (), "water background that the sum of a pixel starts from"),
        Field("r_e_sqr", "m^2", (), "square of the classical electron radius"),
        Field("fluence", "photons/m^2", (), "incident photons, times the crystal's fraction"),
        Field("steps", "1", (), "what the sum is divided by: its number of terms"),
        Field("capture", "1", (), "capture fraction used; null where it is in the sum"),
        Field("polarization", "1", (), "Kahn factor used; null where it is in the sum"),
        Field("omega", "sr", (), "solid angle used; null where it is in the sum"),
        Field("photons", "photons", (), "the pixel of the image"),
        Field("rendered", "1", (), "whether the pixel is in the region of interest and the mask"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        plan = record.plan
        return {
            "intensity": record.number("intensity"),
            "I_bg": plan.background,
            "r_e_sqr": ELECTRON_RADIUS_SQUARED_M2,
            "fluence": plan.crystal_fluence,
            "steps": plan.divisor,
            "capture": record.number("capture_used"),
            "polarization": record.number("polarization_used"),
            "omega": record.number("omega_used"),
            "photons": record.number("photons"),
            "rendered": record.rendered,
        }


class WaterTap(Tap):
    """The background of water around the crystal, and other backgrounds."""

    name = "water"
    summary = "background of the water: its size, intensity and photons; photons of others"
    quantities = ("water_photons", "background_photons", "photons")
    fields = (
        Field("water_size", "um", (), "edge of the cube of water"),
        Field("I_bg", "photons/sr", (), "its intensity"),
        Field("water_photons", "photons", (), "its share of the pixel; null with -oversample_*"),
        Field("background_photons", "photons", (), "that of other backgrounds; null without"),
        Field("photons", "photons", (), "the pixel of the image"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {
            "water_size": float(record.plan.experiment.background.water_size_um),
            "I_bg": record.plan.background,
            "water_photons": record.number("water_photons"),
            "background_photons": record.number("background_photons"),
            "photons": record.number("photons"),
        }


class NoiseTap(Tap):
    """The counting noise of the pixel, drawn as for the noise image."""

    name = "noise"
    summary = "expected photons, counted photons and digital value (simulates the whole image)"
    quantities = ("photons",)
    fields = (
        Field("expected", "photons", (), "the pixel of the image"),
        Field("counted", "photons", (), "the Poisson draw"),
        Field("digital", "ADU", (), "the pixel of the noise image"),
        Field("adc_offset", "ADU", (), "what is added to the counts"),
        Field("generator", "1", (), "whose random numbers: torch or nanobragg"),
        Field("seed", "1", (), "seed of the noise"),
    )
    whole_image = True

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        draw = record.noise
        assert draw is not None
        return {
            "expected": record.number("photons"),
            "counted": draw.count,
            "digital": draw.digital,
            "adc_offset": float(record.plan.experiment.outputs.adc_offset),
            "generator": draw.generator.value,
            "seed": draw.seed,
        }

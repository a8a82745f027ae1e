"""Taps on the detector: where the sub-pixels are, and what they see and absorb of a ray."""

from __future__ import annotations

from collections.abc import Mapping

from nb_taps.record import PixelRecord
from nb_taps.tap import Field, Tap, Value


class GeometryTap(Tap):
    """Where each sub-pixel is, seen from the sample."""

    name = "geometry"
    summary = "position, diffracted direction and air path of each sub-pixel"
    quantities = ("position", "diffracted", "airpath")
    fields = (
        Field("position", "m", ("subpixel", "xyz"), "sub-pixel centre, from the sample"),
        Field("diffracted", "1", ("subpixel", "xyz"), "unit vector towards it"),
        Field("airpath", "m", ("subpixel",), "distance to it"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {name: record.array(name) for name in self.quantities}


class OmegaTap(Tap):
    """The solid angle: nanoBragg multiplies a pixel by that of its first sub-pixel."""

    name = "omega"
    summary = "solid angle of each sub-pixel, and the one that is used"
    quantities = ("omega", "omega_used")
    fields = (
        Field("omega", "sr", ("subpixel",), "solid angle of the pixel, at each sub-pixel"),
        Field("first", "sr", (), "that of the first sub-pixel"),
        Field("last", "sr", (), "that of the last sub-pixel"),
        Field("mean", "sr", (), "mean over sub-pixels and layers"),
        Field("last_over_mean", "1", (), "how far one sub-pixel is from the mean"),
        Field("used", "sr", (), "what multiplies the sum; null where each term has its own"),
        Field("point_pixel", "1", (), "whether the obliquity is left out"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        omega = record.array("omega")
        assert omega is not None
        mean = omega.mean()
        return {
            "omega": omega,
            "first": omega[0],
            "last": omega[-1],
            "mean": mean,
            "last_over_mean": omega[-1] / mean,
            "used": record.number("omega_used"),
            "point_pixel": record.plan.experiment.plane.point_pixel,
        }


class AbsorptionTap(Tap):
    """What the layers of the sensor absorb."""

    name = "absorption"
    summary = "capture fraction of each sensor layer and sub-pixel, and the one that is used"
    quantities = ("capture", "capture_used")
    fields = (
        Field("capture", "1", ("subpixel",), "share of the photons that the layer absorbs"),
        Field("used", "1", (), "what multiplies the sum; null where each term has its own"),
        Field("layers", "1", (), "sensor layers"),
        Field("layer_depth", "m", (), "thickness of a layer"),
        Field("attenuation", "1/m", (), "inverse of the attenuation depth"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {
            "capture": record.array("capture"),
            "used": record.number("capture_used"),
            "layers": record.plan.layers.count,
            "layer_depth": record.plan.layer_depth,
            "attenuation": record.plan.attenuation,
        }

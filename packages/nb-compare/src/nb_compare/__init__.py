"""Measure how two diffraction images differ."""

from nb_compare.metrics import ImageDifference, compare_images

__version__ = "0.1.0"

__all__ = ["ImageDifference", "compare_images"]

"""Look at any intermediate quantity of any pixel of a simulated image."""

from nb_taps.probe import PixelRecorder, Reading, probe

__version__ = "0.1.0"

__all__ = ["PixelRecorder", "Reading", "probe"]

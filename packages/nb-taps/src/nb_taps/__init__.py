"""Look at any intermediate quantity of any pixel of a simulated image."""

from nb_taps.explain import Explanation, Reflection, explain_pixel
from nb_taps.hooks import hookimpl
from nb_taps.manager import (
    TapEntry,
    choose_taps,
    collect_taps,
    make_manager,
    register_plugin,
)
from nb_taps.probe import PixelRecorder, Reading, probe
from nb_taps.record import PixelRecord, record_pixels
from nb_taps.result import TapResult, tap_schema
from nb_taps.run import NoiseChoice, Traced, trace_pixels
from nb_taps.selection import roi_pixels
from nb_taps.tap import Field, Tap, Value
from nb_taps.trace import TRACE_LOOPS, TRACE_NAMES, TRACE_PREFIX, TraceLine, trace_lines

__version__ = "0.1.0"

__all__ = [
    "Explanation",
    "Field",
    "NoiseChoice",
    "PixelRecord",
    "PixelRecorder",
    "Reading",
    "Reflection",
    "TRACE_LOOPS",
    "TRACE_NAMES",
    "TRACE_PREFIX",
    "Tap",
    "TapEntry",
    "TapResult",
    "TraceLine",
    "Traced",
    "Value",
    "choose_taps",
    "collect_taps",
    "explain_pixel",
    "hookimpl",
    "make_manager",
    "probe",
    "record_pixels",
    "register_plugin",
    "roi_pixels",
    "tap_schema",
    "trace_lines",
    "trace_pixels",
]

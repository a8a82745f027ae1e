"""Names the first quantity of a pixel in which the C program and nb differ."""

from nb_compare.divergence.find import find_divergence
from nb_compare.divergence.printout import PixelPrintout, ProgramLog, parse_log
from nb_compare.divergence.program_log import print_pixel, worst_pixel
from nb_compare.divergence.report import Cause, Divergence
from nb_compare.divergence.rows import Row
from nb_compare.divergence.trace_log import has_trace, read_trace, trace_rows

__all__ = [
    "Cause",
    "Divergence",
    "PixelPrintout",
    "ProgramLog",
    "Row",
    "find_divergence",
    "has_trace",
    "parse_log",
    "print_pixel",
    "read_trace",
    "trace_rows",
    "worst_pixel",
]

"""Fit crystal, detector and beam to a diffraction image, with standard uncertainties."""

from nb_refine.errors import FitError
from nb_refine.kernels import refinement_kernels
from nb_refine.lattice import Lattice
from nb_refine.losses import Loss
from nb_refine.observation import Observation, observe, read_image
from nb_refine.optimizers import Optimizer
from nb_refine.parameters import GROUP_NAMES, Parameter
from nb_refine.refinement import Refinement
from nb_refine.result import Result, Step

__version__ = "0.1.0"

__all__ = [
    "GROUP_NAMES",
    "FitError",
    "Lattice",
    "Loss",
    "Observation",
    "Optimizer",
    "Parameter",
    "Refinement",
    "Result",
    "Step",
    "observe",
    "read_image",
    "refinement_kernels",
]

"""X-ray diffraction of nanocrystals, pixel by pixel, as differentiable PyTorch."""

from nb_physics.batch import simulate_batch
from nb_physics.engine.choice import Engine
from nb_physics.figures import Figures, image_figures
from nb_physics.header import smv_header
from nb_physics.jacobian import structure_factor_jacobian
from nb_physics.models import Crystal, Detector, Simulator
from nb_physics.noise import NoiseGenerator, counted_photons
from nb_physics.plan import Plan, make_plan
from nb_physics.loop import Progress
from nb_physics.simulate import photons_at, simulate, simulate_pixels
from nb_physics.tiles import select_pixels

__version__ = "0.1.0"

__all__ = [
    "Crystal",
    "Detector",
    "Engine",
    "Figures",
    "NoiseGenerator",
    "Plan",
    "Progress",
    "Simulator",
    "counted_photons",
    "image_figures",
    "make_plan",
    "photons_at",
    "select_pixels",
    "simulate",
    "simulate_batch",
    "simulate_pixels",
    "smv_header",
    "structure_factor_jacobian",
]

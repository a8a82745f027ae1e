"""X-ray diffraction of nanocrystals, pixel by pixel, as differentiable PyTorch."""

from nb_physics.batch import simulate_batch
from nb_physics.engine.cache import KeptKernel, cache_folder
from nb_physics.engine.choice import Choice, Engine, choose_engine
from nb_physics.engine.describe import describe_kernel
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.make import BuildError
from nb_physics.figures import Figures, image_figures
from nb_physics.header import smv_header
from nb_physics.jacobian import structure_factor_jacobian
from nb_physics.kernels import build_kernels, clear_kernels, kept_kernels, kernels_of
from nb_physics.lattice import Domain, LatticeFactor, Operations, lattice_factor
from nb_physics.loop import Progress
from nb_physics.models import Crystal, Detector, Simulator
from nb_physics.noise import NoiseGenerator, counted_photons
from nb_physics.one_panel import as_panels, panel_experiment, plan_of_panel
from nb_physics.plan import Plan, make_plan
from nb_physics.resolution import pixel_resolution, resolution_at
from nb_physics.simulate import photons_at, simulate, simulate_pixels
from nb_physics.tangents import kernels_of_jacobian, photons_and_jacobian
from nb_physics.tiles import rendered_indices, select_pixels

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "Choice",
    "Crystal",
    "Detector",
    "Domain",
    "Engine",
    "Figures",
    "KeptKernel",
    "KernelKind",
    "LatticeFactor",
    "NoiseGenerator",
    "Operations",
    "Plan",
    "Progress",
    "Simulator",
    "as_panels",
    "build_kernels",
    "cache_folder",
    "choose_engine",
    "clear_kernels",
    "counted_photons",
    "describe_kernel",
    "image_figures",
    "kept_kernels",
    "kernels_of",
    "kernels_of_jacobian",
    "lattice_factor",
    "make_plan",
    "panel_experiment",
    "photons_and_jacobian",
    "photons_at",
    "pixel_resolution",
    "plan_of_panel",
    "rendered_indices",
    "resolution_at",
    "select_pixels",
    "simulate",
    "simulate_batch",
    "simulate_pixels",
    "smv_header",
    "structure_factor_jacobian",
]

"""X-ray diffraction of nanocrystals, pixel by pixel, as differentiable PyTorch."""

from nb_physics.arguments import pixel as checked_pixel
from nb_physics.background import Background, ScatteredRays
from nb_physics.batch import simulate_batch
from nb_physics.crystals import CrystalPlan, crystal_experiment
from nb_physics.devices import available_device, computing_device
from nb_physics.digital import DigitalImage, checked_photons, digital_image, image_files
from nb_physics.digitize import noise_counts
from nb_physics.effort import long_work
from nb_physics.engine.cache import KeptKernel, cache_folder
from nb_physics.engine.choice import Choice, Engine, choose_engine
from nb_physics.engine.describe import describe_kernel
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.make import BuildError
from nb_physics.figures import Figures, image_figures, panel_figures
from nb_physics.frame import DetectorFrame
from nb_physics.header import default_header_style, dials_misreads, smv_header
from nb_physics.jacobian import structure_factor_jacobian
from nb_physics.kernels import build_kernels, clear_kernels, kept_kernels, kernels_of
from nb_physics.lattice import Domain, LatticeFactor, Operations, lattice_factor
from nb_physics.loop import Progress
from nb_physics.models import Crystal, Detector, Simulator
from nb_physics.noise import NoiseGenerator, counted_photons
from nb_physics.one_crystal import plan_of_crystal
from nb_physics.one_panel import as_panels, panel_experiment, plan_of_panel
from nb_physics.orientation import cell_parameters
from nb_physics.outputs import (
    Output,
    Written,
    chosen_outputs,
    input_files,
    nanobragg_outputs,
    write_outputs,
)
from nb_physics.panels import PanelPlan, moving_axes
from nb_physics.plan import Plan, make_plan
from nb_physics.resolution import pixel_resolution, resolution_at
from nb_physics.simulate import photons_at, simulate, simulate_pixels
from nb_physics.sources import beam_sweeps
from nb_physics.summary import describe_plan
from nb_physics.tangents import kernels_of_jacobian, photons_and_jacobian
from nb_physics.tile_engine import Runner, TangentRunner, TileEngine, known_engines
from nb_physics.tiles import (
    pixels_to_render,
    rendered_indices,
    select_of_panel,
    select_pixels,
    selections_of,
)

__version__ = "0.1.0"

__all__ = [
    "Background",
    "BuildError",
    "Choice",
    "Crystal",
    "CrystalPlan",
    "Detector",
    "DetectorFrame",
    "DigitalImage",
    "Domain",
    "Engine",
    "Figures",
    "KeptKernel",
    "KernelKind",
    "LatticeFactor",
    "NoiseGenerator",
    "Operations",
    "Output",
    "PanelPlan",
    "Plan",
    "Progress",
    "Runner",
    "ScatteredRays",
    "Simulator",
    "TangentRunner",
    "TileEngine",
    "Written",
    "as_panels",
    "available_device",
    "beam_sweeps",
    "build_kernels",
    "cache_folder",
    "cell_parameters",
    "checked_photons",
    "checked_pixel",
    "choose_engine",
    "chosen_outputs",
    "clear_kernels",
    "computing_device",
    "counted_photons",
    "crystal_experiment",
    "default_header_style",
    "describe_kernel",
    "describe_plan",
    "dials_misreads",
    "digital_image",
    "image_figures",
    "image_files",
    "input_files",
    "kept_kernels",
    "kernels_of",
    "kernels_of_jacobian",
    "known_engines",
    "lattice_factor",
    "long_work",
    "make_plan",
    "moving_axes",
    "nanobragg_outputs",
    "noise_counts",
    "panel_experiment",
    "panel_figures",
    "photons_and_jacobian",
    "photons_at",
    "pixel_resolution",
    "pixels_to_render",
    "plan_of_crystal",
    "plan_of_panel",
    "rendered_indices",
    "resolution_at",
    "select_of_panel",
    "select_pixels",
    "selections_of",
    "simulate",
    "simulate_batch",
    "simulate_pixels",
    "smv_header",
    "structure_factor_jacobian",
    "write_outputs",
]

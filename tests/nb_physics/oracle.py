"""A slow twin of the whole simulation: one number at a time, in plain Python floats.

It takes the resolved inputs of a plan (detector frame, sources, cell vectors of every step, cells,
layers, fluence), which have tests of their own, and does everything else by itself.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch

from nb_core import CrystalShape, Experiment, Profile
from nb_physics import make_plan

Vector = tuple[float, float, float]

ELECTRON_RADIUS_SQUARED = 7.94079248018965e-30
WATER_ELECTRONS, WATER_MOLAR_MASS, AVOGADRO = 2.57, 18.0, 6.02214179e23
SPHERE_IN_CUBE = 0.723601254558268


@dataclass(frozen=True)
class Ray:
    """A diffracted ray of one sub-pixel and layer, and the factors that go with it."""

    diffracted: Vector
    omega: float
    capture: float


def oracle_image(experiment: Experiment) -> torch.Tensor:
    """The whole image, photons per pixel, shape (slow, fast), float64."""
    walk = Walk(experiment)
    pixel = walk.corrected_pixel if walk.corrected else walk.reference_pixel
    detector = experiment.detector
    rows = [[pixel(s, f) for f in range(detector.fpixels)] for s in range(detector.spixels)]
    return torch.tensor(rows, dtype=torch.float64)


def grazes(experiment: Experiment, least: float = 0.05) -> bool:
    """Whether a ray runs nearly along the sensor, or comes from behind it: the cosine of its angle
    with the normal is less than that. An absorbing layer is then infinitely thick, or more.
    """
    walk, detector = Walk(experiment), experiment.plane
    pixels = itertools.product(range(detector.spixels), range(detector.fpixels))
    places = list(itertools.product(range(walk.oversample), repeat=2))
    return any(
        dot(walk.ray(s, f, 0, *place, absorbed=False).diffracted, walk.normal) < least
        for s, f in pixels
        for place in places
    )


class Walk:
    """The loops over layers, sub-pixels, sources and steps of one experiment."""

    def __init__(self, experiment: Experiment) -> None:
        plan = make_plan(experiment)
        self.experiment, self.sampling = experiment, experiment.sampling
        self.corrected = experiment.profile is Profile.CORRECTED
        frame = plan.frame
        self.fast, self.slow, self.normal, self.origin, self.beam = (
            plain(v) for v in (frame.fast, frame.slow, frame.normal, frame.origin, frame.beam)
        )
        self.pixel, self.distance = frame.pixel_size.item(), frame.distance.item()
        self.close_distance = frame.close_distance.item()
        self.beam_fast, self.beam_slow = frame.beam_fast.item(), frame.beam_slow.item()
        self.close_fast, self.close_slow = frame.close_fast.item(), frame.close_slow.item()
        self.sources = [
            (plain(incident), wavelength.item(), weight.item())
            for incident, wavelength, weight in zip(
                plan.sources.incident.T, plan.sources.wavelength, plan.sources.weight, strict=True
            )
        ]
        self.steps = [
            tuple(plain(edge) for edge in step) for step in plan.cell_vectors.permute(2, 0, 1)
        ]
        self.cells = plain(plan.cells)
        self.reciprocal = [plain(vector) for vector in plan.cell.reciprocal]
        self.oversample, self.interpolate = plan.oversample, plan.interpolate
        self.layers, self.absorbing = plan.layers.count, plan.absorbing
        self.layer_depth, self.attenuation = plan.layer_depth.item(), plan.attenuation.item()
        self.fluence, self.kahn = plan.fluence.item(), plan.polarization.item()
        self.electric, self.dmin = plain(plan.axes.polarization), plan.dmin.item()
        self.fudge = plan.fudge.item()
        water = float(experiment.background.water_size_um) * 1e-6
        self.water = WATER_ELECTRONS**2 * ELECTRON_RADIUS_SQUARED * self.fluence
        self.water *= water**3 * 1e6 * AVOGADRO / WATER_MOLAR_MASS

    def reference_pixel(self, s: int, f: int) -> float:
        """nanoBragg's sum, with what it remembers from the first sub-pixel."""
        sampling, nopolar = self.sampling, self.experiment.beam.nopolar
        total, steps = self.water, 0
        omega, capture, polar = None, 1.0, 1.0 if nopolar else 0.0
        for layer in range(self.layers):
            capture = None
            for sub_s, sub_f in itertools.product(range(self.oversample), repeat=2):
                ray = self.ray(s, f, layer, sub_s, sub_f)
                omega = ray.omega if omega is None or sampling.oversample_omega else omega
                fresh = capture is None or sampling.oversample_thick
                capture = ray.capture if fresh else capture
                for incident, wavelength, _ in self.sources:
                    steps += len(self.steps) if layer == 0 else 0
                    q = scattering_vector(ray.diffracted, incident, wavelength)
                    if self.beyond_dmin(q):
                        continue
                    if polar == 0.0 or sampling.oversample_polar:
                        polar = kahn_factor(ray.diffracted, incident, self.electric, self.kahn)
                    for step in self.steps:
                        F_latt, F_cell = self.amplitudes(q, step)
                        if F_latt == 0.0 and self.water == 0.0:
                            continue
                        total += F_cell**2 * F_latt**2
                        total *= capture if sampling.oversample_thick else 1.0
                        total *= polar if sampling.oversample_polar else 1.0
                        total *= omega if sampling.oversample_omega else 1.0
        photons = ELECTRON_RADIUS_SQUARED * self.fluence * total / steps
        photons *= 1.0 if sampling.oversample_thick else capture
        photons *= 1.0 if sampling.oversample_polar else polar
        return photons * (1.0 if sampling.oversample_omega else omega)

    def corrected_pixel(self, s: int, f: int) -> float:
        """Every term carries its own factors; the water is added once, even beyond dmin."""
        spots = water = 0.0
        for layer in range(self.layers):
            for sub_s, sub_f in itertools.product(range(self.oversample), repeat=2):
                ray = self.ray(s, f, layer, sub_s, sub_f)
                for incident, wavelength, weight in self.sources:
                    share = ray.omega * ray.capture * weight / self.oversample**2
                    if not self.experiment.beam.nopolar:
                        share *= kahn_factor(ray.diffracted, incident, self.electric, self.kahn)
                    water += share * self.water
                    q = scattering_vector(ray.diffracted, incident, wavelength)
                    if self.beyond_dmin(q):
                        continue
                    for step in self.steps:
                        F_latt, F_cell = self.amplitudes(q, step)
                        spots += share * F_cell**2 * F_latt**2 / len(self.steps)
        return ELECTRON_RADIUS_SQUARED * self.fluence * spots + water

    def ray(
        self, s: int, f: int, layer: int, sub_s: int, sub_f: int, *, absorbed: bool = True
    ) -> Ray:
        detector, width = self.experiment.detector, self.pixel / self.oversample
        fast = (f * self.oversample + sub_f + 0.5) * width
        slow = (s * self.oversample + sub_s + 0.5) * width
        depth = layer * self.layer_depth
        position = combine(
            (fast, self.fast), (slow, self.slow), (depth, self.normal), (1.0, self.origin)
        )
        if detector.curved_detector:
            position = self.on_a_sphere(position, fast, slow)
        path = math.sqrt(dot(position, position))
        diffracted = combine((1.0 / path, position))
        plane = self.close_distance
        if self.corrected and not detector.curved_detector:
            plane += depth
        omega = self.pixel**2 / path**2 * plane / path
        if detector.point_pixel:
            omega = (self.pixel**2 if self.corrected else 1.0) / path**2
        capture = 1.0
        if absorbed and (self.absorbing or (self.sampling.oversample_thick and not self.corrected)):
            slanted = self.layer_depth / dot(diffracted, self.normal) * self.attenuation
            capture = math.exp(-layer * slanted) - math.exp(-(layer + 1) * slanted)
        return Ray(diffracted, omega, capture)

    def on_a_sphere(self, flat: Vector, fast: float, slow: float) -> Vector:
        if not self.corrected:
            centre = combine((self.distance, self.beam))
            turned = rotate(centre, self.slow, flat[1] / self.distance)
            return rotate(turned, self.fast, flat[2] / self.distance)
        radius = self.close_distance
        nearest = combine((radius, self.normal))
        along = (fast - self.close_fast, self.fast), (slow - self.close_slow, self.slow)
        across = combine(*along)
        far = math.sqrt(dot(across, across))
        if far == 0.0:
            return nearest
        return rotate(nearest, normalised(cross(self.normal, across)), far / radius)

    def beyond_dmin(self, q: Vector) -> bool:
        length = math.sqrt(dot(q, q))
        return self.dmin > 0 and length > 0 and 1.0 / length < self.dmin

    def amplitudes(self, q: Vector, step: tuple[Vector, ...]) -> tuple[float, float]:
        """F_latt and F_cell of one scattering vector and one orientation."""
        hkl = tuple(dot(q, edge) for edge in step)
        whole = tuple(math.ceil(index - 0.5) for index in hkl)
        offset = tuple(index - near for index, near in zip(hkl, whole, strict=True))
        F_latt = lattice_factor(self.experiment, hkl, offset, self.cells, self.reciprocal)
        corners = [[math.floor(index) + reach for index in hkl] for reach in (-1, 2)]
        if self.interpolate and all(in_list(self.experiment, corner) for corner in corners):
            return F_latt, interpolated_F(self.experiment, hkl)
        return F_latt, listed_F(self.experiment, whole)


def lattice_factor(
    experiment: Experiment,
    hkl: tuple[float, ...],
    offset: tuple[float, ...],
    cells: Vector,
    reciprocal: list[Vector],
) -> float:
    shape, fudge = experiment.crystal.shape, float(experiment.crystal.fudge)
    peak = math.prod(cells)
    if shape is CrystalShape.SQUARE:
        return math.prod(grating(i, round(n)) for i, n in zip(hkl, cells, strict=True))
    if shape is CrystalShape.ROUND:
        radius = math.sqrt(sum((d * n) ** 2 for d, n in zip(offset, cells, strict=True)))
        return peak * SPHERE_IN_CUBE * sphere(math.pi * radius * math.sqrt(fudge))
    away = combine(*zip(offset, reciprocal, strict=True))
    radius_squared = dot(away, away) * peak**2 * fudge
    if shape is CrystalShape.GAUSS:
        return peak * math.exp(-radius_squared / 0.63)
    return peak if radius_squared < 0.3969 else 0.0


def grating(index: float, slits: int) -> float:
    """The amplitude of equidistant slits, added up one by one."""
    return math.fsum(
        math.cos(2 * math.pi * index * (slit - (slits - 1) / 2)) for slit in range(slits)
    )


def sphere(x: float) -> float:
    """The transform of a ball of unit volume: 3 (sin x - x cos x) / x^3, or its whole series."""
    if x > 1.0:
        return 3 * (math.sin(x) - x * math.cos(x)) / x**3
    return 3 * math.fsum(
        (-1) ** (n + 1) * 2 * n * x ** (2 * n - 2) / math.factorial(2 * n + 1) for n in range(1, 15)
    )


def in_list(experiment: Experiment, hkl: list[int] | tuple[int, ...]) -> bool:
    factors = experiment.structure_factors
    if factors is None:
        return False
    lowest = (factors.h_min, factors.k_min, factors.l_min)
    return all(
        low <= index < low + size
        for index, low, size in zip(hkl, lowest, factors.F.shape, strict=True)
    )


def listed_F(experiment: Experiment, hkl: list[int] | tuple[int, ...]) -> float:
    """The list's entry; default_F outside the list and in its gaps."""
    factors = experiment.structure_factors
    if factors is None or not in_list(experiment, hkl):
        return float(experiment.crystal.default_F)
    where = (hkl[0] - factors.h_min, hkl[1] - factors.k_min, hkl[2] - factors.l_min)
    if not factors.present[where]:
        return float(experiment.crystal.default_F)
    return factors.F[where].item()


def interpolated_F(experiment: Experiment, hkl: tuple[float, ...]) -> float:
    """Cubic polynomials through four entries, along l, then k, then h (Neville's scheme)."""
    around = [range(math.floor(index) - 1, math.floor(index) + 3) for index in hkl]
    planes = []
    for h in around[0]:
        rows = []
        for k in around[1]:
            entries = [listed_F(experiment, (h, k, l)) for l in around[2]]
            rows.append(neville(around[2], entries, hkl[2]))
        planes.append(neville(around[1], rows, hkl[1]))
    return neville(around[0], planes, hkl[0])


def neville(nodes: range, values: list[float], x: float) -> float:
    """The polynomial through all points, at x."""
    column = list(values)
    for width in range(1, len(column)):
        for i in range(len(column) - width):
            left, right = nodes[i], nodes[i + width]
            column[i] = ((x - right) * column[i] + (left - x) * column[i + 1]) / (left - right)
    return column[0]


def kahn_factor(diffracted: Vector, incident: Vector, electric: Vector, kahn: float) -> float:
    """Kahn et al. (1982), with the azimuth psi as an angle."""
    magnetic = normalised(cross(electric, incident))
    along_e = dot(diffracted, normalised(cross(incident, magnetic)))
    psi = -math.atan2(dot(diffracted, magnetic), along_e)
    cosine = dot(diffracted, incident)
    return 0.5 * (1.0 + cosine**2 - kahn * math.cos(2 * psi) * (1.0 - cosine**2))


def scattering_vector(diffracted: Vector, incident: Vector, wavelength: float) -> Vector:
    return combine((1.0 / wavelength, diffracted), (-1.0 / wavelength, incident))


def plain(tensor: torch.Tensor) -> Vector:
    x, y, z = tensor.detach().tolist()
    return x, y, z


def dot(v: Vector, w: Vector) -> float:
    return math.fsum(a * b for a, b in zip(v, w, strict=True))


def cross(v: Vector, w: Vector) -> Vector:
    return v[1] * w[2] - v[2] * w[1], v[2] * w[0] - v[0] * w[2], v[0] * w[1] - v[1] * w[0]


def combine(*terms: tuple[float, Vector]) -> Vector:
    x, y, z = (math.fsum(factor * vector[i] for factor, vector in terms) for i in range(3))
    return x, y, z


def normalised(v: Vector) -> Vector:
    return combine((1.0 / math.sqrt(dot(v, v)), v))


def rotate(v: Vector, axis: Vector, angle: float) -> Vector:
    """Right-handed, about a unit axis: the part along it stays, the rest turns in its plane."""
    along = combine((dot(v, axis), axis))
    across = combine((1.0, v), (-1.0, along))
    sideways = cross(axis, v)
    return combine((1.0, along), (math.cos(angle), across), (math.sin(angle), sideways))

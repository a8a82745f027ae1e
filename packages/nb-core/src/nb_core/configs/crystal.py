"""The crystal: unit cell, orientation, size, shape, rotation and mosaic spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.configs.checks import Matrix, Scalar, Vector
from nb_core.configs.shape import CrystalShape, Shape, shape_of
from nb_core.data import OrientationMatrix
from nb_core.errors import InputError
from nb_core.sweeps import MOST_STEPS

ORTHONORMAL = 1e-4
"""How far a U matrix, which may come from a file with few digits, is from a rotation at most."""

SPACE_GROUPS = 230
LONGEST_NAME = 64


@dataclass(frozen=True, eq=False, repr=False)
class CrystalConfig(Config):
    """A crystal. Continuous fields take a float or a tensor; nanoBragg resolves None.

    cell_a, cell_b, cell_c: Angstrom; b and c default to a
    cell_alpha, cell_beta, cell_gamma: degrees; default 90
    matrix: a MOSFLM A matrix in place of the cell; with a cell, the matrix gives the directions
    U_matrix: in place of the default orientation of the cell, a rotation: rows x, y, z of the lab
        by columns of the axes in which a* lies along the first, b* in the plane of the first two
        (Busing & Levy, Acta Cryst. 22, 1967); the A matrix is U B. Corrected profile only
    vectors_A: a, b, c in the lab, Angstrom, in place of cell and orientation; corrected only
    misset_deg: rotations about lab x, then y, then z, or "random" (needs misset_seed)
    N_cells: unit cells along a, b, c; 0 counts as 1
    sample_size_mm: full width along a, b, c; where given, replaces that N (rounded up)
    shape, fudge: how the crystal ends (one of nanoBragg's, or a shape that a package brings, with
        its fields), and the factor on the squared argument of its spots
    default_F: amplitude of reflections that no list gives, electrons
    phi_start_deg, osc_range_deg, phi_step_deg, phi_steps: rotation about spindle_axis; a negative
        range turns backwards (in the reference profile it counts as not given)
    spindle_axis: with DetectorConvention.CUSTOM only
    mosaic_spread_deg: largest rotation of a domain; mosaic_seed: seed of their orientations
    mosaic_domains: default 10 where there is a spread
    fraction: of the illuminated volume, by which its photons are multiplied; fractions of several
        crystals need not add up to 1. Corrected profile only
    space_group: its name or number, kept with the crystal as a text and written with it. Nothing is
        computed from it: the list of structure factors holds all reflections
    """

    cell_a: Scalar | None = None
    cell_b: Scalar | None = None
    cell_c: Scalar | None = None
    cell_alpha: Scalar | None = None
    cell_beta: Scalar | None = None
    cell_gamma: Scalar | None = None
    matrix: OrientationMatrix | None = None
    U_matrix: Matrix | None = None
    vectors_A: Matrix | None = None
    misset_deg: Vector | Literal["random"] | None = None
    misset_seed: int | None = None
    N_cells: tuple[Scalar, Scalar, Scalar] = (5, 5, 5)
    sample_size_mm: tuple[Scalar | None, Scalar | None, Scalar | None] = (None, None, None)
    shape: CrystalShape | Shape = CrystalShape.SQUARE
    fudge: Scalar = 1.0
    default_F: Scalar = 0.0
    phi_start_deg: Scalar = 0.0
    osc_range_deg: Scalar | None = None
    phi_step_deg: Scalar | None = None
    phi_steps: int | None = None
    spindle_axis: Vector | None = None
    mosaic_spread_deg: Scalar | None = None
    mosaic_domains: int | None = None
    mosaic_seed: int = 12345678
    fraction: Scalar = 1.0
    space_group: str | int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("U_matrix", "vectors_A"):
            rows = getattr(self, name)
            if isinstance(rows, tuple):
                rows = tuple(tuple(r) if isinstance(r, list) else r for r in rows)
                object.__setattr__(self, name, rows)
        self._check_vectors()
        self._check_cell()
        self._check_orientation()
        self._check_size()
        self._check_rotation()
        checks.positive("fraction", self.fraction, "")
        self._check_space_group()

    def _check_space_group(self) -> None:
        """A text that can be a name; of a number its digits."""
        given = self.space_group
        if isinstance(given, int) and not isinstance(given, bool):
            if not 1 <= given <= SPACE_GROUPS:
                raise InputError("space_group", given, f"are numbered 1 to {SPACE_GROUPS}")
            object.__setattr__(self, "space_group", str(given))
        elif given is not None and not _is_a_name(checks.text("space_group", given)):
            remedy = "expected a name of a space group, such as P 43 21 2, or its number"
            raise InputError("space_group", given, remedy)

    def _check_cell(self) -> None:
        checks.instance("matrix", self.matrix, OrientationMatrix)
        if self.cell_a is None and self.matrix is None and self.vectors_A is None:
            raise InputError("cell_a", None, "give the unit cell, or an orientation matrix")
        for name in ("cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma"):
            if self.cell_a is None and getattr(self, name) is not None:
                raise InputError(name, getattr(self, name), "a cell needs its edge cell_a too")
        for name in ("cell_a", "cell_b", "cell_c"):
            if (length := getattr(self, name)) is not None:
                checks.length(name, length, "Angstrom")
        angles = []
        for name in ("cell_alpha", "cell_beta", "cell_gamma"):
            angle = getattr(self, name)
            plain = 90.0 if angle is None else checks.positive(name, angle, "degrees")
            if plain >= 180:
                raise InputError(name, plain, "a cell angle must be less than 180 degrees")
            angles.append(plain)
        alpha, beta, gamma = angles
        impossible = (
            alpha + beta + gamma >= 360
            or alpha >= beta + gamma
            or beta >= alpha + gamma
            or gamma >= alpha + beta
        )
        if impossible:
            remedy = "these angles enclose no volume; each must be less than the sum of the others"
            raise InputError("cell_alpha, cell_beta, cell_gamma", tuple(angles), remedy)

    def _check_vectors(self) -> None:
        if self.vectors_A is not None:
            for name in ("cell_a", "matrix", "U_matrix"):
                if getattr(self, name) is not None:
                    remedy = f"says cell and orientation too; leave one of it and {name} out"
                    raise InputError("vectors_A", "a, b, c", remedy)
            a, b, c = checks.matrix("vectors_A", self.vectors_A)
            volume = _triple(a, b, c)
            if volume <= 1e-6 * math.hypot(*a) * math.hypot(*b) * math.hypot(*c):
                what = (
                    "enclose no volume" if volume > -1e-6 else "are left-handed; swap two of them"
                )
                raise InputError("vectors_A", (a, b, c), f"a, b and c {what}")
        if self.U_matrix is None:
            return
        if self.cell_a is None:
            remedy = "turns a cell, and none is given; give cell_a, or vectors_A in its place"
            raise InputError("U_matrix", "without a cell", remedy)
        if self.matrix is not None:
            raise InputError("U_matrix", "with a matrix", "an A matrix has its own orientation")
        x, y, z = rows = checks.matrix("U_matrix", self.U_matrix)
        square = (abs(math.hypot(*row) - 1.0) < ORTHONORMAL for row in rows)
        if not all(square) or abs(_triple(x, y, z) - 1.0) > ORTHONORMAL:
            remedy = (
                "is no rotation: its rows must be square to each other, 1 long and right-handed"
            )
            raise InputError("U_matrix", tuple(rows), remedy)

    def _check_orientation(self) -> None:
        if isinstance(self.misset_deg, str):
            if self.misset_deg != "random":
                raise InputError("misset_deg", self.misset_deg, 'three angles, or "random"')
            if self.misset_seed is None:
                raise InputError("misset_seed", None, "a random orientation needs a seed")
        elif self.misset_deg is not None:
            checks.vector("misset_deg", self.misset_deg)
        checks.optional_count("misset_seed", self.misset_seed, least=0)
        checks.direction("spindle_axis", self.spindle_axis)

    def _check_size(self) -> None:
        for cells in checks.sequence("N_cells", self.N_cells, 3, "numbers of unit cells"):
            checks.not_negative("N_cells", cells, "unit cells")
        for width in checks.sequence("sample_size_mm", self.sample_size_mm, 3, "lengths"):
            if width is not None and checks.not_negative("sample_size_mm", width, "mm"):
                checks.length("sample_size_mm", width, "mm")
        object.__setattr__(self, "shape", shape_of("shape", self.shape))
        checks.not_negative("fudge", self.fudge, "")
        checks.number("default_F", self.default_F, "electrons")

    def _check_rotation(self) -> None:
        checks.number("phi_start_deg", self.phi_start_deg, "degrees")
        for name in ("osc_range_deg", "phi_step_deg", "mosaic_spread_deg"):
            checks.optional_number(name, getattr(self, name), "degrees")
        for name in ("phi_steps", "mosaic_domains"):
            checks.optional_count(name, getattr(self, name), least=0, most=MOST_STEPS)
        checks.count("mosaic_seed", self.mosaic_seed, least=0)


def _is_a_name(text: str) -> bool:
    """Whether a text can name a space group: short, with a letter or a digit."""
    return any(letter.isalnum() for letter in text) and len(text) <= LONGEST_NAME


def _triple(
    a: tuple[float, float, float], b: tuple[float, float, float], c: tuple[float, float, float]
) -> float:
    """a . (b x c)"""
    cross = (b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0])
    return sum(part * other for part, other in zip(a, cross, strict=True))

"""The crystal systems, and which terms of the cell each leaves free.

International Tables for Crystallography A, table 2.1.2.1; monoclinic with b unique.
"""

from __future__ import annotations

from enum import Enum

from nb_core import InputError

TERMS = ("a", "b", "c", "alpha", "beta", "gamma")
AGREEMENT = 1e-6
"""How far a cell may be from its lattice, as a fraction: no more than the rounding of a file."""

Tie = str | float
"""What a term equals: a free term, by its name, or an angle in degrees."""


class Lattice(Enum):
    """A crystal system, by the restrictions on its cell; hexagonal axes for trigonal crystals."""

    TRICLINIC = "triclinic"
    MONOCLINIC = "monoclinic"
    ORTHORHOMBIC = "orthorhombic"
    TETRAGONAL = "tetragonal"
    TRIGONAL = "trigonal"
    RHOMBOHEDRAL = "rhombohedral"
    HEXAGONAL = "hexagonal"
    CUBIC = "cubic"


TIES: dict[Lattice, tuple[Tie, ...]] = {
    Lattice.TRICLINIC: TERMS,
    Lattice.MONOCLINIC: ("a", "b", "c", 90.0, "beta", 90.0),
    Lattice.ORTHORHOMBIC: ("a", "b", "c", 90.0, 90.0, 90.0),
    Lattice.TETRAGONAL: ("a", "a", "c", 90.0, 90.0, 90.0),
    Lattice.TRIGONAL: ("a", "a", "c", 90.0, 90.0, 120.0),
    Lattice.RHOMBOHEDRAL: ("a", "a", "a", "alpha", "alpha", "alpha"),
    Lattice.HEXAGONAL: ("a", "a", "c", 90.0, 90.0, 120.0),
    Lattice.CUBIC: ("a", "a", "a", 90.0, 90.0, 90.0),
}


def free_terms(lattice: Lattice) -> list[str]:
    """The terms of the cell that are refined, in the order of `TERMS`."""
    return [term for term in TERMS if term in TIES[lattice]]


def check_cell(lattice: Lattice, cell: dict[str, float]) -> None:
    """Refuses a cell (Angstrom, degrees; by `TERMS`) that is not of the lattice."""
    for term, tie in zip(TERMS, TIES[lattice], strict=True):
        expected = cell[tie] if isinstance(tie, str) else tie
        if abs(cell[term] - expected) > AGREEMENT * expected:
            rule = f"{term} = {tie}" if isinstance(tie, str) else f"{term} = {tie:g} degrees"
            remedy = f"a {lattice.value} cell has {rule}; mend the cell, or choose its lattice"
            raise InputError(f"cell_{term}", cell[term], remedy)

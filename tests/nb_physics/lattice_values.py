"""F_latt of a shape, of plain arguments."""

from nb_physics.elementary import EAGER
from nb_physics.lattice import Domain, lattice_factor


def lattice_value(shape, offset, cells, reciprocal, fudge, arithmetic=EAGER):
    """offset: shape (3, *n); cells: (3,); reciprocal: (3, 3); fudge: ()"""
    domain = Domain(cells, reciprocal, fudge, arithmetic)
    return lattice_factor(shape).amplitude(offset, domain)

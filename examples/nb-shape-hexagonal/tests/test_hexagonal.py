"""The shape keeps the contract of all crystal shapes, and is the sum over the cells of a plate."""

import cmath

import pytest
import torch

from nb_core import CrystalConfig, InputError, flags_to_experiment, read_toml, write_toml
from nb_physics import Domain, make_plan, simulate
from nb_physics.testing import LatticeFactorContract
from nb_shape_hexagonal import Hexagonal


class TestContract(LatticeFactorContract):
    shape = Hexagonal()


def slow_sum(offset, edge, height):
    """The sum over all cells of the plate, one by one."""
    h, k, l = offset
    across = range(1 - edge, edge)
    cells = [(i, j) for i in across for j in across if abs(i - j) < edge]
    plate = sum(cmath.exp(2j * cmath.pi * (h * i + k * j)) for i, j in cells)
    return plate * sum(cmath.exp(2j * cmath.pi * l * m) for m in range(height))


@pytest.mark.parametrize("edge", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("height", [1, 4, 9])
def test_the_amplitude_is_the_sum_over_the_cells(edge, height):
    generator = torch.Generator().manual_seed(10 * edge + height)
    offsets = torch.rand(3, 40, generator=generator, dtype=torch.float64) - 0.5
    offsets[:, 0], offsets[:, 1] = 0.0, 0.5
    offsets[:, 2], offsets[:, 3] = torch.tensor([0.5, -0.5, 0.0]), torch.tensor([0.0, 0.5, 1e-9])
    cells = torch.tensor([edge, edge, height], dtype=torch.float64)
    one = torch.ones((), dtype=torch.float64)
    domain = Domain(cells, torch.eye(3, dtype=torch.float64), one)
    found = Hexagonal().amplitude(offsets, domain).abs()
    expected = [abs(slow_sum(offset, edge, height)) for offset in offsets.T.tolist()]
    # Some hundred terms of 1, each rounded to 1e-16 of its phase of up to 2 pi 12.
    assert found.tolist() == pytest.approx(expected, abs=1e-11)


CELL = ["-cell", "50", "50", "80", "90", "90", "120", "-Na", "5", "-Nb", "5", "-Nc", "3"]
WORDS = [*CELL, "-default_F", "10", "-lambda", "1", "-distance", "100", "-detpixels", "16"]


def test_command_lines_and_files_name_it(tmp_path):
    experiment = flags_to_experiment([*WORDS, "-shape", "hexagonal"])
    assert experiment.crystal.shape == Hexagonal()
    write_toml(tmp_path / "plate.toml", experiment)
    assert read_toml(tmp_path / "plate.toml") == experiment
    assert torch.equal(simulate(read_toml(tmp_path / "plate.toml")), simulate(experiment))


def test_unequal_edges_are_refused():
    with pytest.raises(InputError, match=r"N_cells: 5, 4: .* as many cells along a as along b"):
        Hexagonal().check(CrystalConfig(cell_a=50.0, N_cells=(5, 4, 3)))


def test_the_number_of_cells_is_that_of_the_plate():
    """3 N (N - 1) + 1 of a hexagon."""
    plan = make_plan(flags_to_experiment([*WORDS, "-shape", "hexagonal"]))
    one = torch.ones((), dtype=torch.float64)
    domain = Domain(plan.cells, plan.cell.reciprocal, one)
    height = Hexagonal().amplitude(torch.zeros(3, dtype=torch.float64), domain)
    assert height.item() == (3 * 5 * 4 + 1) * 3

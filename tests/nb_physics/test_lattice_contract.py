"""The shapes that come with nb keep the contract that those of plugins keep."""

from dataclasses import dataclass

import pytest

from nb_core import CrystalConfig, InputError, Shape
from nb_physics import choose_engine, lattice_factor, make_plan
from nb_physics.lattice import Gauss, Round, Square, TopHat
from nb_physics.testing import LatticeFactorContract


class TestSquare(LatticeFactorContract):
    shape = Square()
    compiled = False  # here and below: the tests of the engine build it


class TestRound(LatticeFactorContract):
    shape = Round()
    compiled = False


class TestGauss(LatticeFactorContract):
    shape = Gauss()
    compiled = False


class TestTopHat(LatticeFactorContract):
    shape = TopHat()
    compiled = False


@dataclass(frozen=True)
class Nothing(Shape):
    name, label, summary = "nothing", "nothing", "computes nothing"


def test_a_shape_that_computes_nothing_is_refused():
    with pytest.raises(InputError, match=r"shape: Nothing: .*LatticeFactor"):
        lattice_factor(Nothing())


def test_a_shape_that_no_other_process_can_import_has_no_kernel():
    @dataclass(frozen=True)
    class Local(Square):
        name = "local"

    contract = TestSquare()
    plan = make_plan(contract._experiment(Local()))
    choice = choose_engine(plan)
    assert choice.engine.value == "eager"
    assert "kernels need classes that can be imported, and Local cannot" in choice.reason
    with pytest.raises(InputError, match="Local cannot; choose eager or auto"):
        choose_engine(plan, engine="compiled")


def test_a_shape_may_refuse_a_crystal():
    @dataclass(frozen=True)
    class Picky(Square):
        name = "picky"

        def check(self, crystal: CrystalConfig) -> None:
            raise InputError("N_cells", crystal.N_cells, "too many")

    with pytest.raises(InputError, match="too many"):
        make_plan(TestSquare()._experiment(Picky()))

"""What formulas of plugins may be: tried once, and refused with their name where they fail."""

import dataclasses
import math
import sys
import types
from dataclasses import dataclass

import pytest
import torch
from small_experiments import Slope, small_experiment

from nb_core import InputError, Profile
from nb_core.configs import Scalar
from nb_physics import Background, make_plan, simulate
from nb_physics.engine import cache
from nb_physics.lattice import Square
from nb_physics.scene import kind_of

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


@dataclass(frozen=True)
class Bent(Square):
    name = "bent"


@dataclass(frozen=True)
class Hazy(Background):
    name, label, summary = "hazy", "hazy", "hazy"

    def intensity(self, rays):
        return torch.ones_like(rays.stol)


def planned(part):
    if isinstance(part, Background):
        return make_plan(small_experiment(profile=Profile.CORRECTED, terms=(part,)))
    return make_plan(small_experiment(shape=part))


def crash():
    raise ZeroDivisionError("of mine")


AMPLITUDES = {
    "a row": lambda o, d: o[0].reshape(-1)[:5],
    "vectors": lambda o, d: o,
    "a number": lambda o, d: 3.0,
    "complex": lambda o, d: o[0] + 1j,
    "whole": lambda o, d: o[0].long(),
    "no number": lambda o, d: o[0] / 0.0,
    "an error": lambda o, d: crash(),
}
INTENSITIES = {
    "of pixels": lambda r: r.stol[:, 0],
    "of sources first": lambda r: r.stol.T,
    "complex": lambda r: r.stol + 1j,
    "no number": lambda r: r.stol * math.nan,
    "an error": lambda r: crash(),
}


@pytest.mark.parametrize("amplitude", AMPLITUDES.values(), ids=AMPLITUDES)
def test_an_amplitude_that_is_none_is_refused(monkeypatch, amplitude):
    monkeypatch.setattr(Bent, "amplitude", lambda self, offset, domain: amplitude(offset, domain))
    with pytest.raises(InputError, match="bent: amplitude: "):
        planned(Bent())


@pytest.mark.parametrize("intensity", INTENSITIES.values(), ids=INTENSITIES)
def test_an_intensity_that_is_none_is_refused(monkeypatch, intensity):
    monkeypatch.setattr(Hazy, "intensity", lambda self, rays: intensity(rays))
    with pytest.raises(InputError, match="hazy: intensity: "):
        planned(Hazy())


def test_an_error_says_what_it_is(monkeypatch):
    monkeypatch.setattr(Bent, "check", lambda self, crystal: crash())
    with pytest.raises(InputError, match="it fails: ZeroDivisionError: of mine"):
        planned(Bent())


def test_fields_of_another_sort_are_refused():
    """A kernel would be made with their defaults."""

    @dataclass(frozen=True)
    class Powers(Square):
        name = "powers"
        order: int = 2

    with pytest.raises(InputError, match=r"Powers\.order: .*annotated Scalar or made by file_fi"):
        planned(Powers(order=3))


def test_a_crystal_is_checked_with_the_cells_that_it_has():
    @dataclass(frozen=True)
    class Even(Square):
        name = "even"

        def check(self, crystal):
            found.append(crystal.N_cells)

    found = []
    make_plan(small_experiment(shape=Even(), sample_size_mm=(1e-5, None, None)))
    assert found == [(5.0, 4.0, 5.0)]  # 1e-5 mm are 100 Angstrom, of 21 each


def test_plain_numbers_keep_all_their_digits():
    fields = {"profile": Profile.CORRECTED}
    tensor = torch.tensor(0.1, dtype=torch.float64)
    plain, exact = (
        simulate(small_experiment(**fields, terms=(Slope(slope=slope),))) for slope in (0.1, tensor)
    )
    assert torch.equal(plain, exact)


def test_a_kernel_is_made_anew_when_its_package_changes(tmp_path, monkeypatch):
    """That of a class, or of what it derives from; of a folder without __init__.py, too."""

    def digest():
        cache._package_digest.cache_clear()
        return cache._foreign_sources(kind_of(planned(Outside())))

    (tmp_path / "shapes.py").write_text("a = 1")
    module = types.ModuleType("outside_shapes")
    monkeypatch.setitem(sys.modules, "outside_shapes", module)

    @dataclass(frozen=True)
    class Outside(Bent):
        name = "outside"
        width: Scalar = 1.0

    Outside.__module__ = "outside_shapes.shapes"
    for where in ({"__path__": [str(tmp_path)]}, {"__file__": str(tmp_path / "shapes.py")}):
        vars(module).pop("__path__", None)
        vars(module).update(where)
        first = digest()
        assert digest() == first
        (tmp_path / "shapes.py").write_text(f"a = {where!r}")
        assert digest() != first
    own = planned(Slope())
    assert cache._foreign_sources(kind_of(dataclasses.replace(own))) != []  # of these tests
    assert cache._foreign_sources(kind_of(make_plan(small_experiment()))) == []

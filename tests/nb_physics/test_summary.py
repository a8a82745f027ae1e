"""The account of an experiment: of its plan, and of the experiment itself."""

import dataclasses
import warnings

import pytest

from nb_core import BeamConfig, CrystalConfig, DetectorConfig, Experiment, NbWarning
from nb_physics import Figures, choose_engine, describe_plan, make_plan


@pytest.fixture
def experiment() -> Experiment:
    crystal = CrystalConfig(cell_a=70, cell_b=80, cell_c=90, default_F=100)
    return Experiment(crystal, DetectorConfig(fpixels=16, spixels=8, pixel_size_mm=0.4))


def test_printing_a_plan_gives_its_account(experiment: Experiment) -> None:
    plan = make_plan(experiment)
    lines = str(plan).splitlines()
    assert lines[0] == "  unit cell     70 80 90 A  90 90 90 deg, volume 504000 A^3"
    assert "  detector      8 x 16 pixels (slow, fast) of 0.4 mm" in lines
    assert lines[-1].startswith("  chosen        oversample 6: ")
    assert str(plan) == describe_plan(plan)
    assert repr(plan).startswith("Plan(corrected profile: 8 x 16 pixels")


def test_printing_an_experiment_gives_the_same(experiment: Experiment) -> None:
    assert str(experiment) == str(make_plan(experiment))
    assert experiment._repr_html_() == make_plan(experiment)._repr_html_()
    assert "<td" in experiment._repr_html_()


def test_printing_an_experiment_warns_of_nothing(experiment: Experiment) -> None:
    odd = dataclasses.replace(experiment, beam=BeamConfig(wavelength_A=12000.0))
    with pytest.warns(NbWarning, match="electronvolts"):
        make_plan(odd)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "unit cell" in str(odd)


def test_an_experiment_that_has_no_plan_prints_why(experiment: Experiment) -> None:
    many = {"osc_range_deg": 1.0, "phi_steps": 10**6, "mosaic_spread_deg": 1.0}
    crystal = dataclasses.replace(experiment.crystal, **many, mosaic_domains=10**6)
    lines = str(dataclasses.replace(experiment, crystal=crystal)).splitlines()
    assert lines[0].startswith("  crystal ")
    assert lines[-1].startswith("  no image    phi_steps (-phisteps), mosaic_domains ")


def test_the_engine_is_named_last(experiment: Experiment) -> None:
    plan = make_plan(experiment)
    lines = describe_plan(plan, choose_engine(plan, engine="eager")).splitlines()
    assert lines[-1].startswith("  engine        eager")


def test_figures_print_in_one_line() -> None:
    figures = Figures(maximum=4.5, slow=1, fast=2, mean=0.5, rms=1.0, rmsd=0.25, panel=3)
    expected = "max 4.5 photons at panel 3, slow 1, fast 2; mean 0.5, rms 1, rmsd 0.25"
    assert str(figures) == expected

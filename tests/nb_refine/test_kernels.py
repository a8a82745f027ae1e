"""The kernels of a refinement, named beforehand, are those that it asks for."""

import dataclasses

import pytest

import nb_physics
from nb_core import InputError, NbWarning
from nb_physics import kernels_of, kernels_of_jacobian
from nb_refine import Refinement, refinement_kernels

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


@pytest.fixture
def asked(monkeypatch):
    """The kernels that work would take; it is done eagerly."""
    found = set()
    simulate, derive = nb_physics.simulate, nb_physics.photons_and_jacobian

    def simulated(experiment, *, engine, **more):
        found.update(kernels_of(experiment))
        return simulate(experiment, engine="eager", **more)

    def derived(experiment, values, pixels, *, engine, **more):
        found.update(kernels_of_jacobian(experiment, values) or ())
        return derive(experiment, values, pixels, engine="eager", **more)

    monkeypatch.setattr("nb_refine.continuation.simulate", simulated)
    monkeypatch.setattr("nb_physics.photons_and_jacobian", derived)
    return found


@pytest.mark.parametrize(
    "crystal",
    [{}, {"mosaic_spread_deg": 0.1, "mosaic_domains": 2}],
    ids=["one domain", "mosaic"],
)
def test_all_stages_take_them(near, image, asked, crystal):
    crystal = dataclasses.replace(near.crystal, **crystal)
    experiment, names = dataclasses.replace(near, crystal=crystal), ("misset", "scale")
    refinement = Refinement(experiment, image, names, start_error_deg=0.2, steps=1)
    while not refinement.finished:
        refinement.step()
    named = refinement_kernels(experiment, names, start_error_deg=0.2)
    assert len(named) == len(set(named))
    assert set(named) == asked
    assert {kernel.kind.shape.name for kernel in named} == {"tophat", "gauss", "square"}


def test_derivatives_without_kernels_are_told_of(near):
    detector = dataclasses.replace(near.detector, curved_detector=True)
    curved = dataclasses.replace(near, detector=detector)
    with pytest.warns(NbWarning, match="derivatives by some of these parameters have no kernels"):
        named = refinement_kernels(curved)
    assert not any(kernel.gradient for kernel in named)


def test_parameters_that_there_are_not(near):
    with pytest.raises(InputError, match="mist: expected some of"):
        refinement_kernels(near, ["mist"])

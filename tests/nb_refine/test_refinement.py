"""A refinement from start to end: optimisers, losses, stages, callbacks, and how it fails."""

import dataclasses

import pytest
import torch

from nb_core import CrystalShape, ExitCode, InputError
from nb_physics import simulate
from nb_refine import FitError, Lattice, Loss, Optimizer, Refinement, observe
from nb_refine.refinement import CLOSE

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
MISSET = ("misset_x", "misset_y", "misset_z")
GEOMETRY = (*MISSET, "cell_a", "cell_b", "cell_c")
QUICK = ("misset", "scale")
CLOSE_BY = {"start_error_deg": 0.2}


def plain(experiment, name):
    crystal = experiment.crystal
    if name.startswith("misset"):
        return crystal.misset_deg["xyz".index(name[-1])]
    return getattr(crystal, name)


def far_off(result, truth, names=GEOMETRY):
    """The largest error in standard uncertainties; of ten parameters 4 is one in a thousand."""
    values = ((*result.value(name), plain(truth, name)) for name in names)
    return max(abs(value - true) / own for value, own, true in values)


@pytest.mark.parametrize("optimizer", [Optimizer.GAUSS_NEWTON, Optimizer.LBFGS])
def test_the_truth_is_recovered(truth, image, start, optimizer):
    result = Refinement(start, image, optimizer=optimizer).run()
    assert far_off(result, truth) < 4
    assert result.value("scale")[0] == pytest.approx(1 / 1.3, abs=4 * result.value("scale")[1])
    assert result.reason.startswith("converged")
    assert result.history[-1].distance < CLOSE


def test_adam_recovers_the_truth(truth, image, near):
    """Steps of bounded length need more of them."""
    result = Refinement(near, image, QUICK, optimizer=Optimizer.ADAM, steps=150, **CLOSE_BY).run()
    assert far_off(result, truth, MISSET) < 4


@pytest.mark.parametrize("loss", [Loss.GAUSSIAN, Loss.ROBUST])
def test_other_losses_recover_the_truth(truth, image, near, loss):
    result = Refinement(near, image, QUICK, loss=loss, **CLOSE_BY).run()
    assert far_off(result, truth, MISSET) < 4


def test_the_robust_loss_spares_outliers(truth, image, near):
    """A hundred hot pixels near spots: the other losses have no fit at all.

    Each pulls with three standard deviations at most: together less than one uncertainty more.
    """
    spoilt = image.clone()
    bright = torch.argsort(simulate(truth).flatten())[-4000:-3900]
    spoilt.view(-1)[bright] = 300.0
    options = {"max_chi_squared": 10.0, **CLOSE_BY}
    result = Refinement(near, spoilt, QUICK, loss="robust", **options).run()
    assert far_off(result, truth, MISSET) < 5
    with pytest.raises(FitError, match="does not fit"):
        Refinement(near, spoilt, QUICK, steps=5, **options).run()


def test_all_pixels_give_the_same_as_those_near_reflections(image, near):
    """Pixels far from spots say next to nothing."""
    results = [
        Refinement(near, image, QUICK, roi_from_prediction=roi, **CLOSE_BY).run()
        for roi in (True, False)
    ]
    assert results[0].pixels < results[1].pixels == image.numel()
    for name in MISSET:
        (value, own), (other, _) = (result.value(name) for result in results)
        assert abs(value - other) < own


def test_a_lattice_keeps_its_ties(truth):
    crystal = dataclasses.replace(
        truth.crystal, cell_a=22.0, cell_b=22.0, cell_alpha=90.0, cell_beta=90.0, cell_gamma=90.0
    )
    tetragonal = dataclasses.replace(truth, crystal=crystal)
    image = torch.poisson(simulate(tetragonal), generator=torch.Generator().manual_seed(2))
    off = dataclasses.replace(crystal, cell_a=22.05, cell_b=22.05, cell_c=27.95)
    start = dataclasses.replace(truth, crystal=off)
    result = Refinement(start, image, ["cell"], lattice=Lattice.TETRAGONAL).run()
    refined = result.experiment.crystal
    assert float(refined.cell_a) == float(refined.cell_b)
    assert (refined.cell_alpha, refined.cell_beta, refined.cell_gamma) == (90.0, 90.0, 90.0)
    assert [p.name for p in result.parameters if p.group == "cell"] == ["cell_a", "cell_c"]
    value, own = result.value("cell_a")
    assert abs(value - 22.0) < 4 * own


def test_steps_one_by_one_tell_the_callbacks(image, start):
    seen = []
    refinement = Refinement(start, image, ["misset", "scale"], callbacks=[seen.append])
    assert refinement.loss is None
    assert [p.name for p in refinement.parameters] == ["misset_x", "misset_y", "misset_z", "scale"]
    step = refinement.step()
    assert seen == [step]
    assert refinement.loss == step.loss
    assert step.values["misset_x"] != 10.25
    assert float(refinement.experiment.crystal.misset_deg[0]) == step.values["misset_x"]
    assert not refinement.finished
    with pytest.raises(InputError, match="not finished"):
        refinement.result()


def test_spots_narrow_from_stage_to_stage(image, start):
    widths = [stage.width for stage in Refinement(start, image).stages]
    assert widths[-1] is None
    assert widths[:-1] == sorted(widths[:-1], reverse=True)
    assert len(Refinement(start, image, start_error_deg=0.01).stages) < len(widths) + 1
    assert len(Refinement(start, image, ["scale"]).stages) == 1


def test_bounds_hold(image, near):
    """The truth, 10 degrees, lies outside of these."""
    limits = {"misset_x": (10.05, 10.2)}
    options = {"limits": limits, "max_chi_squared": 1e9, **CLOSE_BY}
    result = Refinement(near, image, QUICK, **options).run()
    assert 10.05 <= result.value("misset_x")[0] <= 10.2
    assert result.at_bound == ("misset_x",)


def refused(start, image, **options):
    with pytest.raises(InputError) as caught:
        Refinement(start, image, **options)
    return str(caught.value)


def test_bad_options_are_refused(start, image):
    assert refused(start, image, parameters=["mosiac"]).startswith("parameters: mosiac: expected")
    assert refused(start, image, parameters=[]).startswith("parameters: none: name one")
    assert refused(start, image, lattice="round").startswith("lattice: round: expected one of")
    assert refused(start, image, loss="l1").startswith("loss: l1: expected one of")
    assert refused(start, image, optimizer="sgd").startswith("optimizer: sgd: expected one of")
    assert refused(start, image, steps=0) == "steps: 0: must be 1 or more"
    assert refused(start, image, start_error_deg=0.0).startswith("start_error_deg: 0.0: must be")
    assert "must enclose the start" in refused(start, image, limits={"misset_x": (0.0, 1.0)})
    assert "the parameters are" in refused(start, image, limits={"phi": (0.0, 1.0)})


def test_flat_topped_spots_are_refused(start, image):
    crystal = dataclasses.replace(start.crystal, shape=CrystalShape.TOPHAT)
    assert "no gradient" in refused(dataclasses.replace(start, crystal=crystal), image)


def failed(start, image, *parameters, **options):
    with pytest.raises(FitError) as caught:
        Refinement(start, image, parameters or QUICK, **{"steps": 4, **options}).run()
    assert caught.value.exit_code == ExitCode.DIFFERENT
    return str(caught.value)


def test_a_bad_start_does_not_fit(near, image):
    crystal = dataclasses.replace(near.crystal, misset_deg=(14.0, 24.0, 35.0))
    message = failed(dataclasses.replace(near, crystal=crystal), image)
    assert "does not fit the image: chi^2" in message


def test_a_wrong_cell_does_not_fit(near, image):
    crystal = dataclasses.replace(near.crystal, cell_a=23.0, cell_c=25.0)
    message = failed(dataclasses.replace(near, crystal=crystal), image, "cell", "scale", steps=5)
    assert "does not fit" in message


def test_an_image_without_spots_is_noticed(truth, near):
    """Counting noise of the background alone; its level fits, so chi^2 cannot tell."""
    empty = dataclasses.replace(truth, crystal=dataclasses.replace(truth.crystal, default_F=0.0))
    image = torch.poisson(simulate(empty), generator=torch.Generator().manual_seed(3))
    message = failed(near, image, "scale", "background", steps=50)
    assert "spots are not in the image" in message


def test_too_few_steps_are_said(near, image):
    message = failed(near, image, steps=1, max_chi_squared=1e9)
    assert "out of steps: 1 taken, and not converged" in message


def test_a_parameter_without_effect_is_named(near, image):
    dark = dataclasses.replace(near, crystal=dataclasses.replace(near.crystal, default_F=0.0))
    message = failed(dark, image, roi_from_prediction=False)
    assert "misset_x has no effect on the image" in message


def test_predicted_spots_must_lie_on_the_detector(near, image):
    dark = dataclasses.replace(near, crystal=dataclasses.replace(near.crystal, default_F=0.0))
    assert "only 0 usable pixels" in failed(dark, image)


def test_masked_pixels_are_not_fitted(truth, image, near):
    """A quarter of the image that holds nonsense, and is marked as unusable."""
    spoilt, usable = image.clone(), torch.ones_like(image, dtype=torch.bool)
    spoilt[:80, :80], usable[:80, :80] = 1e4, False
    observation = observe(spoilt, near, usable=usable)
    result = Refinement(near, observation, QUICK, **CLOSE_BY).run()
    assert far_off(result, truth, MISSET) < 4


def test_uncertainties_shrink_with_the_light(truth, image, near):
    """Four times the photons in spots: half the uncertainty, less where background limits it."""
    brighter = dataclasses.replace(truth.crystal, default_F=200.0)
    bright = dataclasses.replace(truth, crystal=brighter)
    image_2 = torch.poisson(simulate(bright), generator=torch.Generator().manual_seed(4))
    start = dataclasses.replace(near.crystal, default_F=200.0)
    first = Refinement(near, image, QUICK, **CLOSE_BY).run()
    second = Refinement(dataclasses.replace(near, crystal=start), image_2, QUICK, **CLOSE_BY).run()
    ratio = second.value("misset_x")[1] / first.value("misset_x")[1]
    assert 0.25 < ratio < 0.5

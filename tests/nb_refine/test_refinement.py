"""A refinement from start to end: optimisers, losses, stages, callbacks, and how it fails."""

import dataclasses
import math

import pytest
import torch

from nb_core import CrystalShape, ExitCode, InputError
from nb_physics import simulate
from nb_refine import FitError, Lattice, Loss, Optimizer, Refinement, observe
from nb_refine.refinement import CLOSE

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
GEOMETRY = ("misset_x", "misset_y", "misset_z", "cell_a", "cell_b", "cell_c")


def plain(experiment, name):
    crystal = experiment.crystal
    if name.startswith("misset"):
        return crystal.misset_deg["xyz".index(name[-1])]
    return getattr(crystal, name)


def far_off(result, truth):
    """The largest error in standard uncertainties; of ten parameters 4 is one in a thousand."""
    values = ((*result.value(name), plain(truth, name)) for name in GEOMETRY)
    return max(abs(value - true) / own for value, own, true in values)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_each_optimiser_recovers_the_truth(truth, image, start, optimizer):
    result = Refinement(start, image, optimizer=optimizer).run()
    assert far_off(result, truth) < 4
    assert result.value("scale")[0] == pytest.approx(1 / 1.3, abs=4 * result.value("scale")[1])
    assert result.reason.startswith("converged")
    assert result.history[-1].distance < CLOSE


@pytest.mark.parametrize("loss", [Loss.GAUSSIAN, Loss.ROBUST])
def test_other_losses_recover_the_truth(truth, image, start, loss):
    assert far_off(Refinement(start, image, loss=loss).run(), truth) < 4


def test_the_robust_loss_spares_outliers(truth, image, start):
    """A hundred hot pixels near spots pull the other losses away, or have no fit at all."""
    spoilt = image.clone()
    bright = torch.argsort(simulate(truth).flatten())[-4000:-3900]
    spoilt.view(-1)[bright] = 3000.0
    result = Refinement(start, spoilt, loss="robust", max_chi_squared=20.0).run()
    # a hundred outliers of bounded pull each still shift by about one uncertainty
    assert far_off(result, truth) < 6
    with pytest.raises(FitError, match="does not fit"):
        Refinement(start, spoilt).run()


def test_all_pixels_give_the_same_as_those_near_reflections(truth, image, start):
    """Pixels far from spots say next to nothing."""
    near = Refinement(start, image, ["misset", "scale"], start_error_deg=0.3)
    start = near.model.base
    moved = dataclasses.replace(truth.crystal, misset_deg=start.crystal.misset_deg)
    start = dataclasses.replace(start, crystal=moved)
    results = [
        Refinement(start, image, ["misset", "scale"], roi_from_prediction=roi).run()
        for roi in (True, False)
    ]
    assert results[0].pixels < results[1].pixels == image.numel()
    for name in ("misset_x", "misset_y", "misset_z"):
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
    result = Refinement(start, image, ["cell", "misset"], lattice=Lattice.TETRAGONAL).run()
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


def test_bounds_hold(image, start):
    """The truth, 10 degrees, lies outside of these."""
    limits = {"misset_x": (10.2, 10.3)}
    refinement = Refinement(
        start, image, ["misset", "cell", "scale"], limits=limits, max_chi_squared=1e9
    )
    result = refinement.run()
    assert 10.2 <= result.value("misset_x")[0] <= 10.3
    assert "misset_x" in result.at_bound


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
        Refinement(start, image, parameters or ("misset", "cell", "scale"), **options).run()
    assert caught.value.exit_code == ExitCode.DIFFERENT
    return str(caught.value)


def test_a_bad_start_does_not_fit(start, image):
    crystal = dataclasses.replace(start.crystal, misset_deg=(14.0, 24.0, 35.0))
    message = failed(dataclasses.replace(start, crystal=crystal), image)
    assert "does not fit the image: chi^2" in message


def test_a_wrong_cell_does_not_fit(start, image):
    crystal = dataclasses.replace(start.crystal, cell_a=23.0, cell_c=25.0)
    assert "does not fit" in failed(dataclasses.replace(start, crystal=crystal), image)


def test_an_image_without_spots_is_noticed(truth, start):
    """Counting noise of the background alone; its level fits, so chi^2 cannot tell."""
    empty = dataclasses.replace(truth, crystal=dataclasses.replace(truth.crystal, default_F=0.0))
    image = torch.poisson(simulate(empty), generator=torch.Generator().manual_seed(3))
    message = failed(start, image, "misset", "scale", "background")
    assert "spots are not in the image" in message


def test_too_few_steps_are_said(start, image):
    assert "out of steps: 1 taken" in failed(start, image, steps=1)


def test_what_the_image_does_not_determine_is_named(start, image):
    """On a curved detector a misset about the beam (lab x) and ... nothing else: but mosaic of F=0
    has no effect at all.
    """
    dark = dataclasses.replace(start, crystal=dataclasses.replace(start.crystal, default_F=0.0))
    message = failed(dark, image, "misset", "scale", roi_from_prediction=False)
    assert "no effect on the image" in message


def test_predicted_spots_must_lie_on_the_detector(start, image):
    dark = dataclasses.replace(start, crystal=dataclasses.replace(start.crystal, default_F=0.0))
    assert "only 0 usable pixels" in failed(dark, image)


def test_masked_pixels_are_not_fitted(truth, image, start):
    """A quarter of the image that holds nonsense, and is marked as unusable."""
    spoilt, usable = image.clone(), torch.ones_like(image, dtype=torch.bool)
    spoilt[:80, :80], usable[:80, :80] = 1e4, False
    result = Refinement(start, observe(spoilt, start, usable=usable)).run()
    assert far_off(result, truth) < 4


def test_uncertainties_shrink_with_the_light(truth, image, start):
    """Four times the photons: half the uncertainty; to 5 %, for they are taken at other values."""
    beam = dataclasses.replace(truth.beam, fluence=2.0 * truth.beam.fluence)
    brighter = dataclasses.replace(truth, beam=beam)
    image_2 = torch.poisson(simulate(brighter), generator=torch.Generator().manual_seed(4))
    first = Refinement(start, image).run()
    second = Refinement(dataclasses.replace(start, beam=beam), image_2).run()
    ratio = second.value("cell_a")[1] / first.value("cell_a")[1]
    assert ratio < 1 / math.sqrt(2)

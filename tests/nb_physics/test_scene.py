"""What is said of a scene's tensors where their fields are declared."""

import pytest
import torch
from small_experiments import Slope, rich_experiment, small_experiment

from nb_core import CrystalShape, Profile
from nb_physics import make_plan
from nb_physics.engine.kernel import BY_STEP, derived_names
from nb_physics.pairs import Pair
from nb_physics.scene import fields_along, make_scene, scene_tensors, scene_to, tensor_uses
from nb_physics.tiles import StepBlock

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


def test_a_part_has_the_sources_and_steps_of_its_block():
    scene = make_scene(make_plan(rich_experiment()))
    block = StepBlock(slice(0, 1), slice(1, 3))
    part = scene_tensors(scene.part(block))
    for name, whole in scene_tensors(scene).items():
        if name in fields_along("sources"):
            assert torch.equal(part[name], whole[..., 0:1])
        elif name == BY_STEP:
            assert torch.equal(part[name], whole[..., 1:3])
        else:
            assert part[name] is whole
    assert {"incident", "wavelength", "weight"} < set(fields_along("sources"))


@pytest.mark.parametrize("shape", CrystalShape)
def test_the_uses_are_of_the_scenes_tensors(shape):
    scene = make_scene(make_plan(small_experiment(shape=shape)))
    assert list(tensor_uses(scene.kind)) == list(scene_tensors(scene))
    terms = {"terms": (Slope(), Slope()), "profile": Profile.CORRECTED}
    scene = make_scene(make_plan(small_experiment(shape=shape, **terms)))
    assert "backgrounds.1.slope" in scene_tensors(scene)
    assert list(tensor_uses(scene.kind)) == list(scene_tensors(scene))


def test_what_float32_holds_is_no_pair():
    scene = make_scene(make_plan(small_experiment()))
    uses = tensor_uses(scene.kind)
    for name, tensor in scene_tensors(scene_to(scene, torch.device("cpu"), pairs=True)).items():
        if tensor.is_floating_point():
            assert isinstance(tensor, Pair) == ("single" not in uses[name]), name


def test_no_derivative_is_by_what_is_fixed():
    scene = make_scene(make_plan(small_experiment()))
    derived = derived_names(scene.kind, scene_tensors(scene))
    assert {"frame.origin", "wavelength", "fluence"} < set(derived)
    fixed = {name for name, use in tensor_uses(scene.kind).items() if "fixed" in use}
    assert {"fpixels", "divisor", "dmin"} < fixed
    assert not fixed & set(derived)

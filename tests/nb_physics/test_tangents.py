"""Photons with their derivatives: by kernels and by torch, against each other and differences."""

import math
import warnings

import pytest
import torch
from gradient_cases import TORCH_WARNS
from small_experiments import small_experiment, small_list

from nb_core import CrystalShape, InputError, NbWarning, Profile
from nb_physics import make_plan, photons_and_jacobian, photons_at
from nb_physics.engine import tangents as by_kernels
from nb_physics.engine.by_pixel import own_numbers, own_tensors
from nb_physics.engine.kernel import BY_STEP, Role, kernel_kind_from_json
from nb_physics.engine.make import BuildError
from nb_physics.engine.tangents import step_moves, tangent_kernels
from nb_physics.scene import make_scene, scene_tensors

pytestmark = [
    pytest.mark.filterwarnings("ignore::nb_core.NbWarning"),
    pytest.mark.filterwarnings(TORCH_WARNS),
    pytest.mark.kernels,
]

CPU = torch.device("cpu")
EVERY = torch.arange(30)

VALUES = {
    "cell_a": 21.0,
    "cell_beta": 95.0,
    "misset_x": 11.0,
    "N_a": 3.0,
    "N_b": 4.2,
    "distance_mm": 35.0,
    "beam_center_x_mm": 5.0,
    "detector_roty_deg": 4.0,
    "fluence": 1e29,
    "water_size_um": 0.02,
}
"""One of each sort: what moves h, k, l, the crystal's size, the detector, and the light."""

STEPS = {"osc_range_deg": 2.0, "phi_steps": 2}
MOSAIC = {"mosaic_domains": 3, "oversample": 2, "polarization_factor": 0.5}
KINDS = {
    "sub-pixels, each domain moves its own way": (
        {**VALUES, "mosaic_spread_deg": 1.0},
        {**STEPS, **MOSAIC},
    ),
    "sources, a list, Gaussian spots": (
        {**VALUES, "fudge": 0.8},
        {
            **STEPS,
            "profile": Profile.CORRECTED,
            "shape": CrystalShape.GAUSS,
            "structure_factors": small_list(),
            "interpolate": False,
            "hdiv_range_mrad": 30.0,
            "hdiv_steps": 2,
            "detector_thick_um": 400.0,
            "detector_abs_um": 300.0,
        },
    ),
}


def made(names, values, more):
    """The experiment with these values, a tensor."""
    fields = dict(zip(names, values, strict=True))
    if "misset_x" in fields:
        rest = values.new_tensor([23.0, -37.0])
        fields["misset_deg"] = torch.cat([fields.pop("misset_x").reshape(1), rest])
    if "N_a" in fields:
        fields["N_cells"] = (fields.pop("N_a"), fields.pop("N_b"), 5.0)
    return small_experiment(**fields, **more)


def derived(kind, pixels=EVERY, **options):
    start, more = KINDS[kind]
    values = torch.tensor(list(start.values()), dtype=torch.float64, requires_grad=True)
    return photons_and_jacobian(made(start, values, more), values, pixels, **options)


class Seen:
    """Keeps what progress is told."""

    def __init__(self, total=30):
        self.done, self.total = [], total

    def __call__(self, done, total):
        assert total == self.total
        self.done.append(done)


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_give_the_derivatives_of_torch(cache, kind):
    """Some thousand roundings in another order, of terms up to a hundred times their sum."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "no compiled kernels", NbWarning)
        photons, jacobian = derived(kind, engine="compiled")
    expected, columns = derived(kind, engine="eager")
    assert not torch.equal(jacobian, columns)
    torch.testing.assert_close(photons, expected, rtol=0, atol=1e-12 * expected.max().item())
    largest = columns.abs().amax(dim=0)
    assert (largest > 0).all()
    assert ((jacobian - columns).abs().amax(dim=0) / largest).max() < 1e-11


def test_derivatives_by_kernels_do_not_show_tiles_and_threads(cache, monkeypatch):
    kind, many = "sub-pixels, each domain moves its own way", EVERY.repeat(5)
    whole = derived(kind, many, engine="compiled")
    monkeypatch.setattr(by_kernels, "MOST_PIXELS", 64)
    usual = torch.get_num_threads()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        seen = Seen(total=150)
        try:
            cut = derived(kind, many, engine="compiled", progress=seen)
        finally:
            torch.set_num_threads(usual)
        assert seen.done == [64, 128, 150]
        # What a tile's numbers are multiplied with is summed by a library, whose order may be its
        # own: a few units of the last place.
        largest = whole[1].abs().amax(dim=0)
        assert torch.equal(cut[0], whole[0])
        assert ((cut[1] - whole[1]).abs().amax(dim=0) / largest).max() < 1e-14


def test_threads_share_the_tiles_of_torch(monkeypatch):
    """Bit for bit, and progress never goes back."""
    kind = "sources, a list, Gaussian spots"
    monkeypatch.setattr("nb_physics.tiles.TILE_EVALUATIONS", 32)
    usual, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        seen = Seen()
        try:
            found.append(derived(kind, engine="eager", progress=seen))
        finally:
            torch.set_num_threads(usual)
        assert seen.done == [8, 16, 24, 30]  # each tile once, with all its parameters
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_derivatives_are_those_of_differences():
    """Central ones, with errors of the step squared and of rounding over the step.

    The rotations of domains are known to some 1e-8 of the spread only, of which 1e-4 is the step.
    """
    kind = "sub-pixels, each domain moves its own way"
    start, more = KINDS[kind]
    values = torch.tensor(list(start.values()), dtype=torch.float64)
    _, jacobian = derived(kind, engine="eager")
    for number, value in enumerate(values.tolist()):
        step = torch.zeros_like(values)
        step[number] = 1e-4 * abs(value)
        above, below = (
            photons_at(made(start, values + sign * step, more), EVERY, engine="eager")
            for sign in (1, -1)
        )
        slope = (above - below) / (2 * step[number])
        error = (slope - jacobian[:, number]).abs().max() / jacobian[:, number].abs().max()
        assert error < (2e-4 if number == len(start) - 1 else 1e-5), list(start)[number]


def test_pixels_come_in_the_order_given():
    kind = "sources, a list, Gaussian spots"
    photons, jacobian = derived(kind, engine="eager")
    chosen = torch.tensor([17, 3, 3, 29])
    some, columns = derived(kind, chosen, engine="eager")
    assert torch.equal(some, photons[chosen])
    assert torch.equal(columns, jacobian[chosen])
    assert derived(kind, chosen[:0])[1].shape == (0, len(KINDS[kind][0]))


def test_values_that_move_nothing_have_no_derivative():
    values = torch.ones(2, dtype=torch.float64, requires_grad=True)
    photons, jacobian = photons_and_jacobian(small_experiment(), values, EVERY, engine="eager")
    assert torch.equal(photons, photons_at(small_experiment(), EVERY, engine="eager"))
    assert torch.equal(jacobian, torch.zeros(30, 2, dtype=torch.float64))


def test_pixels_off_the_detector_are_refused():
    with pytest.raises(InputError, match="from 0 to 29"):
        derived("sources, a list, Gaussian spots", torch.tensor([30]))


class TestMoves:
    """What tangents do to the cell vectors of the steps."""

    def moves(self, **fields):
        values = torch.tensor(list(fields.values()), dtype=torch.float64, requires_grad=True)
        more = {**STEPS, "mosaic_domains": 3}
        if "mosaic_spread_deg" not in fields:
            more["mosaic_spread_deg"] = 1.0
        vectors = make_plan(made(fields, values, more)).cell_vectors
        columns = [
            torch.autograd.functional.jacobian(
                lambda v: make_plan(made(fields, v, more)).cell_vectors, values.detach()
            )
        ]
        return vectors.detach(), columns[0], step_moves(vectors.detach(), columns[0])

    def test_a_turn_or_a_strain_is_one_matrix_for_all_steps(self):
        vectors, tangent, found = self.moves(cell_a=21.0, cell_beta=95.0, misset_x=11.0)
        assert not found.single
        strains = found.strains.reshape(3, 3, 3)
        moved = torch.einsum("ijp,jxs->ixsp", strains, vectors)
        torch.testing.assert_close(moved, tangent, rtol=0, atol=1e-12 * tangent.abs().max().item())
        assert found.strains[0, 0] == pytest.approx(1 / 21)  # an edge grows along itself

    def test_domains_that_spread_move_each_in_its_own_way(self):
        vectors, tangent, found = self.moves(cell_a=21.0, mosaic_spread_deg=1.0)
        assert list(found.single) == [1]
        strain = found.strains.reshape(3, 3, 2)[..., 1]
        moved = torch.einsum("ij,jxs->ixs", strain, vectors) + found.single[1]
        torch.testing.assert_close(moved, tangent[..., 1])


class TestKernels:
    """Which kernels there are, and of what."""

    def kernels(self, *moved, **fields):
        scene = make_scene(make_plan(small_experiment(**fields)))
        tensors = scene_tensors(scene)
        tangents = {name: torch.ones_like(tensors[name])[..., None] for name in moved}
        return tangent_kernels(scene, tangents, torch.float64, CPU)

    def test_of_numbers_that_a_pixel_has_for_itself(self):
        (kernel,) = self.kernels("cells", "frame.origin", "fluence")
        assert (kernel.gradient, kernel.by_pixel, kernel.step_tangent) == (True, True, False)
        assert kernel_kind_from_json(kernel.to_json()) == kernel

    def test_of_steps_that_move_each_in_its_own_way(self):
        add, finish = self.kernels(BY_STEP, oversample=2, mosaic_domains=3, mosaic_spread_deg=1.0)
        assert (add.step_tangent, finish.step_tangent) == (True, False)

    def test_what_has_no_effect_does_not_matter(self):
        assert self.kernels("frame.distance", "reciprocal", "fudge") is not None

    @pytest.mark.parametrize("name", ["wavelength", "structure.values", "attenuation", "weight"])
    def test_not_by_what_pixels_share(self, name):
        assert self.kernels(name) is None

    @pytest.mark.parametrize(
        "fields",
        [{"curved_detector": True}, {"dmin_A": 3.0}, {"oversample": 2, "oversample_omega": True}],
    )
    def test_not_where_formulas_are_of_another_form(self, fields):
        assert self.kernels("cells", **fields) is None

    def test_their_numbers(self):
        """14 of the detector, 2 of the light, N and, of Gaussian spots only, their shape."""
        (square,) = self.kernels("cells")
        (gauss,) = self.kernels("cells", shape=CrystalShape.GAUSS)
        assert square.role is Role.WHOLE
        assert len(own_numbers(square)) == 14 + 2 + 3
        assert len(own_numbers(gauss)) == 14 + 2 + 3 + 1 + 9
        assert set(own_tensors(gauss)) - set(own_tensors(square)) == {"fudge", "reciprocal"}


class TestChoice:
    """The engine that is taken."""

    def choice(self, **options):
        told = []
        derived("sources, a list, Gaussian spots", chosen=told.append, **options)
        return told[0]

    def test_little_work_is_eager(self, empty):
        choice = self.choice()
        assert choice.engine.value == "eager"
        assert "would cost more than it saves" in choice.reason

    def test_the_work_that_follows_counts(self, empty, monkeypatch):
        """Nothing is built here: the choice alone is looked at."""

        def refuse(*given):
            raise BuildError("not now")

        monkeypatch.setattr(by_kernels, "CompiledWalk", refuse)
        with pytest.warns(NbWarning, match="no compiled kernels.*not now"):
            choice = self.choice(repeats=10**8)
        assert choice.reason == "no compiled kernels: not now"

    def test_torch_can_be_asked_for(self, empty):
        assert str(self.choice(engine="eager")) == "eager: asked for"

    def test_derivatives_without_kernels_are_eager(self, empty):
        values = torch.ones((), dtype=torch.float64, requires_grad=True).reshape(1)
        told = []
        photons_and_jacobian(
            small_experiment(wavelength_A=values[0]),
            values,
            EVERY,
            engine="compiled",
            chosen=told.append,
        )
        assert str(told[0]) == "eager: there are no kernels of these derivatives"

    def test_an_unknown_engine_is_refused(self):
        with pytest.raises(InputError, match="expected one of"):
            self.choice(engine="fast")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_float32_is_close(dtype):
    """Past the phases float32: seven digits, of which some are lost where spots are steep."""
    photons, jacobian = derived("sources, a list, Gaussian spots", engine="eager", dtype=dtype)
    _, columns = derived("sources, a list, Gaussian spots", engine="eager")
    assert photons.dtype is dtype
    assert jacobian.dtype is torch.float64
    largest = columns.abs().amax(dim=0)
    assert ((jacobian - columns).abs().amax(dim=0) / largest).max() < 1e-4
    assert math.isfinite(float(jacobian.sum()))

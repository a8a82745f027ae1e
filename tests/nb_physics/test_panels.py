"""Detectors of panels: where they stand, and that their image is that of each panel by itself."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import combine, cross, dot, normalised, oracle_image, rotate
from small_experiments import small_experiment, small_list

from nb_core import (
    BeamConfig,
    CrystalConfig,
    Detector,
    Experiment,
    GoniometerConfig,
    InputError,
    Mask,
    Panel,
    PanelGroup,
    Profile,
    Roi,
    SamplingConfig,
    Sensor,
)
from nb_physics import (
    Crystal,
    Simulator,
    arguments,
    as_panels,
    make_plan,
    panel_experiment,
    photons_and_jacobian,
    photons_at,
    plan_of_panel,
    simulate,
    simulate_batch,
    simulate_pixels,
    structure_factor_jacobian,
)

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")

CRYSTAL = CrystalConfig(
    cell_a=21.0,
    cell_b=24.0,
    cell_c=19.0,
    cell_beta=95.0,
    misset_deg=(11.0, 23.0, -37.0),
    N_cells=(3, 4, 5),
    default_F=10.0,
    phi_steps=2,
    osc_range_deg=2.0,
)
SENSOR = Sensor(thickness_um=400.0, attenuation_um=300.0, layers=2)


def panel(**fields):
    return Panel(
        **{"shape": (4, 8), "pixel_size_mm": 2.0, "origin_mm": (-9.0, -7.0, 35.0)} | fields
    )


def experiment_of(*panels, beam=None, axis=None, groups=(), **moves):
    detector = Detector(panels, groups, **moves)
    sampling = SamplingConfig(oversample=2)
    goniometer = GoniometerConfig(axis=axis)
    return Experiment(CRYSTAL, detector, beam or BeamConfig(), sampling, goniometer=goniometer)


def tilted(count):
    """Panels that stand about the beam, each tilted its own way."""
    return [
        panel(
            origin_mm=(-16.0 + 9.0 * number, 4.0 * number - 9.0, 30.0 + 5.0 * number),
            fast_axis=(1.0, 0.2 * number - 0.3, 0.1 * number),
            slow_axis=(0.1 - 0.2 * number, 1.1, -0.2),
            sensor=SENSOR if number % 2 else None,
            group="odd" if number % 2 else "even",
        )
        for number in range(count)
    ]


THREE = tilted(3)
MOVES = (PanelGroup("odd", (0.5, -1.0, 2.0), (3.0, -5.0, 7.0)), PanelGroup("even", (0.0, 1.0, 0.0)))
BEAM = BeamConfig(
    direction=(0.1, 0.2, 1.0), polarization_normal=(0.2, 1.0, 0.0), polarization_fraction=0.9
)


def three_moved(**more):
    moves = {"shift_mm": (0.1, 0.2, -0.5), "tilt_deg": (1.0, 2.0, -3.0)}
    return experiment_of(*THREE, beam=BEAM, axis=(1.0, 0.1, 0.0), groups=MOVES, **moves | more)


@pytest.mark.parametrize("engine", ["eager"])
@settings(max_examples=15, deadline=None)
@given(
    rows=st.sampled_from([1, 2, 4]),
    columns=st.sampled_from([1, 2, 4, 8]),
    origin=st.tuples(st.floats(-40, 10), st.floats(-40, 10), st.floats(20, 60)),
    slant=st.floats(-0.5, 0.5),
    tilt=st.sampled_from([0.0, -20.0, 3.0]),
)
def test_a_plane_cut_into_panels_gives_the_same_bits(engine, rows, columns, origin, slant, tilt):
    """Where a tilt turns them, the middle is the mean of other numbers: rounding, which the sharp
    edge of a spot makes larger.
    """
    whole = panel(shape=(8, 16), origin_mm=origin, fast_axis=(1.0, slant, 0.1), sensor=SENSOR)
    experiment = experiment_of(whole, tilt_deg=(tilt, tilt / 2, 0.0))
    cut = dataclasses.replace(experiment, detector=experiment.detector.cut(rows, columns))
    image, pieces = simulate(experiment, engine=engine), simulate(cut, engine=engine)
    pieces = pieces.reshape(rows, columns, 8 // rows, 16 // columns)
    pieces = pieces.permute(0, 2, 1, 3).reshape(8, 16)
    assert image.max() > 0
    if tilt:
        torch.testing.assert_close(pieces, image, rtol=0, atol=1e-12 * image.max().item())
    else:
        assert torch.equal(pieces, image)


def placed(experiment):
    """Origin, fast and slow of each panel after all moves, one number at a time."""
    detector = experiment.detector
    beam = normalised(experiment.beam.direction or (0.0, 0.0, 1.0))
    across = normalised(cross(beam, normalised(detector.panels[0].fast_axis)))
    axes = (cross(across, beam), across, beam)
    panels = [
        [p.origin_mm, normalised(p.fast_axis), normalised(p.slow_axis)] for p in detector.panels
    ]

    def move(numbers, step):
        middles = [
            combine(
                (1.0, panels[n][0]),
                ((p.first_pixel[1] + p.shape[1] / 2) * p.pixel_size_mm, panels[n][1]),
                ((p.first_pixel[0] + p.shape[0] / 2) * p.pixel_size_mm, panels[n][2]),
            )
            for n, p in enumerate(detector.panels)
            if n in numbers
        ]
        middle = tuple(sum(part) / len(middles) for part in zip(*middles, strict=True))
        for n in numbers:
            origin, *directions = panels[n]
            origin = combine((1.0, origin), (-1.0, middle))
            for axis, angle in zip(axes, step.tilt_deg, strict=True):
                origin = rotate(origin, axis, math.radians(angle))
                directions = [rotate(v, axis, math.radians(angle)) for v in directions]
            shift = zip(step.shift_mm, axes, strict=True)
            panels[n] = [combine((1.0, origin), (1.0, middle), *shift), *directions]

    for group in detector.groups:
        move([n for n, p in enumerate(detector.panels) if p.group == group.name], group)
    move(range(len(panels)), detector)
    return panels


def test_groups_and_the_whole_move_as_a_slow_twin_says():
    experiment = three_moved()
    plan = make_plan(experiment)
    for own, (origin, fast, slow) in zip(plan.panels, placed(experiment), strict=True):
        frame = own.frame
        for found, expected in (
            (1000 * frame.origin, origin),
            (frame.fast, fast),
            (frame.slow, slow),
        ):
            wanted = torch.tensor(expected, dtype=torch.float64)
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
        normal = normalised(cross(fast, slow))
        assert dot(normal, tuple(frame.normal.tolist())) == pytest.approx(
            math.copysign(1.0, dot(normal, origin)), abs=1e-12
        )
        assert frame.close_distance > 0


def test_a_move_moves_nothing_else():
    plain = make_plan(experiment_of(*THREE, groups=()))
    moved = make_plan(experiment_of(*THREE, groups=(PanelGroup("odd", (1.0, 0.0, 0.0)),)))
    for number, (before, after) in enumerate(zip(plain.panels, moved.panels, strict=True)):
        same = torch.equal(before.frame.origin, after.frame.origin)
        assert same is (number % 2 == 0)
        assert torch.equal(before.frame.fast, after.frame.fast)


def test_tilted_panels_are_those_of_the_oracle():
    experiment = three_moved()
    image = simulate(experiment, engine="eager")
    assert image.shape == (3, 4, 8)
    for number in range(3):
        own = panel_experiment(experiment, number)
        expected = oracle_image(own)
        assert expected.max() > 0
        # both in float64, with phases of some ten turns
        torch.testing.assert_close(
            image[number], expected, rtol=0, atol=1e-12 * expected.max().item()
        )


@pytest.mark.parametrize("number", range(3))
def test_a_panel_by_itself_is_that_of_the_whole(number):
    experiment = three_moved()
    image = simulate(experiment, engine="eager")
    own = plan_of_panel(experiment, number)
    assert torch.equal(simulate(own, engine="eager"), image[number])
    again = simulate(own.experiment, engine="eager")
    torch.testing.assert_close(again, image[number], rtol=1e-9, atol=0)


def test_a_panel_has_a_number_and_a_name():
    experiment = three_moved()
    named = plan_of_panel(experiment, "panel 2")
    assert torch.equal(named.frame.origin, plan_of_panel(experiment, 2).frame.origin)
    for wrong in ("panel 3", 3, -1):
        with pytest.raises(InputError, match="panel"):
            plan_of_panel(experiment, wrong)


def test_simulator_takes_panels():
    experiment = three_moved()
    simulator = Simulator(
        Crystal(CRYSTAL),
        experiment.detector,
        beam_config=BEAM,
        sampling=experiment.sampling,
        goniometer=experiment.goniometer,
    )
    torch.testing.assert_close(simulator.run(), simulate(experiment), rtol=1e-12, atol=0)


@pytest.mark.parametrize("times", [1e-300, 1e300])
def test_the_axes_of_a_panel_have_any_length(times):
    fast, slow = (1.0, 0.1, 0.0), (0.0, 1.0, 0.2)
    longer = {"fast_axis": [x * times for x in fast], "slow_axis": [x * times for x in slow]}
    given, longer = (
        simulate(experiment_of(panel(**axes), tilt_deg=(1.0, 2.0, 3.0)))
        for axes in ({"fast_axis": fast, "slow_axis": slow}, longer)
    )
    torch.testing.assert_close(longer, given, rtol=1e-9, atol=1e-12 * given.max().item())


def test_a_region_beyond_the_plane_is_cut_as_the_plane_cuts_it():
    experiment = small_experiment(profile=Profile.CORRECTED, roi=Roi(1, 99, 2, 77))
    panels = as_panels(experiment)
    assert torch.equal(simulate(panels), simulate(experiment))
    slow, fast = experiment.shape
    assert panels.panels[0].roi == Roi(1, fast - 1, 2, slow - 1)


@pytest.mark.parametrize("value", [True, torch.tensor(True), np.bool_(True)], ids=repr)
def test_a_truth_value_is_no_number(value):
    with pytest.raises(InputError, match="a whole number, please"):
        arguments.whole("panel", value, "a whole number, please")
    with pytest.raises(InputError, match="the number or the name of a panel"):
        plan_of_panel(experiment_of(*THREE), True)


def test_the_plan_of_nanobraggs_plane_is_its_own():
    plan = make_plan(small_experiment())
    assert plan_of_panel(plan, 0) is plan
    for number in (-1, 1):
        with pytest.raises(InputError, match="numbered 0 to 0"):
            plan_of_panel(plan, number)


def test_chosen_pixels_of_several_panels_come_in_the_order_given():
    experiment = three_moved()
    image = simulate(experiment, engine="eager").reshape(-1)
    pixels = torch.tensor([95, 0, 40, 33, 31, 0, 64])
    assert torch.equal(photons_at(experiment, pixels, engine="eager"), image[pixels])
    with pytest.raises(InputError, match="0 to 95"):
        photons_at(experiment, torch.tensor([96]))


def test_single_pixels_are_those_of_the_image():
    experiment = three_moved()
    image = simulate(experiment, engine="eager")
    pixels = [(2, 3, 7), (0, 0, 0), (1, 2, 5), (0, 0, 0)]
    found = simulate_pixels(experiment, pixels)
    assert torch.equal(found, torch.stack([image[pixel] for pixel in pixels]))
    for pixel, told in (
        ((3, 0, 0), "numbered 0 to 2"),
        ((0, 4, 0), "not rendered"),
        ((1, 1), "three"),
    ):
        with pytest.raises(InputError, match=told):
            simulate_pixels(experiment, [pixel])


def test_masks_and_regions_are_a_panels_own():
    mask = Mask(np.arange(32).reshape(4, 8) % 3 > 0)
    panels = [
        panel(),
        panel(mask=mask),
        panel(roi=Roi(2, 6, 1, 2)),
        panel(mask=mask, roi=Roi(0, 4, 0, 1)),
    ]
    image = simulate(experiment_of(*panels), engine="eager")
    region = torch.zeros(4, 8, dtype=torch.bool)
    region[1:3, 2:7] = True
    both = torch.from_numpy(mask.values).clone()
    both[2:], both[:, 5:] = False, False
    for number, kept in ((1, torch.from_numpy(mask.values)), (2, region), (3, both)):
        assert torch.equal(image[number], torch.where(kept, image[0], 0.0))


def test_a_cut_panel_with_a_mask_keeps_its_pixels():
    mask = Mask(np.arange(32).reshape(4, 8) % 3 > 0)
    whole = simulate(experiment_of(panel(shape=(8, 16))), engine="eager")
    piece = panel(first_pixel=(3, 5), mask=mask, roi=Roi(0, 6, 1, 3))
    kept = torch.from_numpy(mask.values).clone()
    kept[:1], kept[:, 7:] = False, False
    for found in (
        simulate(experiment_of(piece), engine="eager"),
        simulate_batch([experiment_of(piece)])[0],
        simulate(plan_of_panel(experiment_of(piece), 0), engine="eager")[3:, 5:],
    ):
        torch.testing.assert_close(
            found, torch.where(kept, whole[3:7, 5:13], 0.0), rtol=1e-12, atol=0
        )


def test_a_batch_of_panels_is_their_images():
    first = three_moved()
    crystal = dataclasses.replace(CRYSTAL, misset_deg=(12.0, 20.0, -30.0))
    second = dataclasses.replace(first, crystal=crystal)
    images = simulate_batch([first, second])
    assert images.shape == (2, 3, 4, 8)
    for image, experiment in zip(images, (first, second), strict=True):
        torch.testing.assert_close(image, simulate(experiment, engine="eager"), rtol=1e-12, atol=0)
    with pytest.raises(InputError, match="one shape"):
        simulate_batch([first, experiment_of(panel())])


def parameters():
    """Moves of a group and of the whole, the origin of a panel, and a direction."""
    return torch.tensor(
        [0.5, -1.0, 2.0, 3.0, -5.0, 7.0, 0.1, 0.2, -0.5, 1.0, 2.0, -3.0, -16.0, -9.0, 30.0, 0.1],
        dtype=torch.float64,
    )


def built(values):
    first = dataclasses.replace(THREE[0], origin_mm=values[12:15])
    x = torch.ones((), dtype=torch.float64)
    first = dataclasses.replace(first, fast_axis=torch.stack([x, -0.3 * x, values[15]]))
    groups = (PanelGroup("odd", values[:3], values[3:6]),)
    detector = Detector((first, *THREE[1:]), groups, values[6:9], values[9:12])
    return dataclasses.replace(three_moved(), detector=detector)


def test_gradients_by_moves_origins_and_axes():
    """Against differences in float64; steps of 1e-6 leave some 8 digits of these."""
    values = parameters().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda v: simulate(built(v), engine="eager") * 1e-3,
        (values,),
        eps=1e-6,
        atol=1e-4,
        rtol=1e-5,
    )


def test_derivatives_of_each_pixel_are_those_of_the_image():
    values = parameters().requires_grad_()
    pixels = torch.tensor([5, 40, 70, 95, 33])
    photons, jacobian = photons_and_jacobian(built(values), values, pixels, engine="eager")
    image = simulate(built(values), engine="eager").reshape(-1)
    torch.testing.assert_close(photons, image.detach()[pixels], rtol=1e-12, atol=0)
    for row, pixel in zip(jacobian, pixels, strict=True):
        (expected,) = torch.autograd.grad(image[pixel], values, retain_graph=True)
        torch.testing.assert_close(
            row, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item()
        )


def test_structure_factors_seen_by_several_panels():
    listed = small_list(reach=9, gaps=0.0)
    experiment = dataclasses.replace(three_moved(), structure_factors=listed)
    pixels = torch.tensor([70, 5, 40])
    found = structure_factor_jacobian(experiment, pixels).to_dense()
    for row, number in enumerate(pixels.tolist()):
        own, inside = divmod(number, 32)
        plan = plan_of_panel(experiment, own)
        expected = structure_factor_jacobian(plan, torch.tensor([inside])).to_dense()[0]
        assert torch.equal(found[row], expected)
    assert found.abs().max() > 0


def test_all_turned_together_gives_the_same_image():
    """Panels, beam, polarization, goniometer and crystal; phases keep some 12 digits."""
    axis, angle = normalised((0.3, -0.5, 0.8)), 0.9

    def turned(vector):
        return rotate(vector, axis, angle)

    experiment = experiment_of(*THREE, beam=BEAM, axis=(1.0, 0.1, 0.0))
    panels = tuple(
        dataclasses.replace(
            p, **{n: turned(getattr(p, n)) for n in ("origin_mm", "fast_axis", "slow_axis")}
        )
        for p in THREE
    )
    cell = make_plan(experiment).cell.real
    crystal = CrystalConfig(
        vectors_A=tuple(turned(tuple(vector)) for vector in cell.tolist()),
        N_cells=CRYSTAL.N_cells,
        default_F=CRYSTAL.default_F,
        phi_steps=2,
        osc_range_deg=2.0,
    )
    beam = dataclasses.replace(
        BEAM,
        direction=turned(BEAM.direction),
        polarization_normal=turned(BEAM.polarization_normal),
    )
    other = experiment_of(*panels, beam=beam, axis=turned((1.0, 0.1, 0.0)))
    other = dataclasses.replace(other, crystal=crystal)
    image, expected = (simulate(one, engine="eager") for one in (other, experiment))
    torch.testing.assert_close(image, expected, rtol=0, atol=1e-11 * expected.max().item())


def test_polarization_is_given_by_a_fraction_and_a_normal():
    plan = make_plan(experiment_of(panel(), beam=BeamConfig(polarization_fraction=0.99)))
    assert plan.polarization.item() == pytest.approx(0.98)
    assert plan.axes.polarization.tolist() == [1.0, 0.0, 0.0]
    assert make_plan(experiment_of(panel())).polarization.item() == 0.0
    along = BeamConfig(direction=(0.0, 1.0, 0.0))
    sideways = panel(origin_mm=(-9.0, 35.0, -7.0), slow_axis=(0.0, 0.0, 1.0))
    assert make_plan(experiment_of(sideways, beam=along)).axes.polarization.abs().max() > 0
    wrong = dataclasses.replace(along, polarization_normal=(0.0, 2.0, 0.0))
    with pytest.raises(InputError, match="polarization_normal"):
        make_plan(experiment_of(sideways, beam=wrong))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"fast_axis": (1.0, 0.0, 0.0), "slow_axis": (-2.0, 0.0, 0.0)}, "are parallel"),
        ({"origin_mm": (-9.0, -7.0, 0.0)}, "goes through the sample"),
    ],
)
def test_a_panel_that_cannot_stand(fields, told):
    with pytest.raises(InputError, match=told) as caught:
        make_plan(experiment_of(panel(), panel(name="bad", **fields)))
    assert "bad" in caught.value.field


def test_fine_pixels_of_any_panel_choose_the_sub_pixels():
    near, far = panel(origin_mm=(-9.0, -7.0, 15.0)), panel()
    alone = [make_plan(automatic(one)).oversample for one in (near, far)]
    assert alone[0] > alone[1]
    assert make_plan(automatic(far, near)).oversample == alone[0]


def automatic(*panels):
    return dataclasses.replace(experiment_of(*panels), sampling=SamplingConfig())


def test_panels_take_the_corrected_profile():
    assert make_plan(experiment_of(panel())).corrected
    assert experiment_of(panel()).profile is Profile.CORRECTED

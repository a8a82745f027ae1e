"""The taps of this package: the contract, and the values of those before the sums."""

import dataclasses
import math

import pytest
import torch

from nb_core import Profile, StructureFactors
from nb_taps import collect_taps, make_manager, trace_pixels
from nb_taps.builtin import nb_register_taps
from nb_taps.testing import TapContract, experiments, plain_experiment, rich_experiment

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
EXPERIMENTS = experiments()
TAPS = collect_taps(make_manager(external=False))
PIXEL = (4, 5)
CELLS = (3, 4, 5)

for _tap in nb_register_taps():
    _name = f"TestContractOf{type(_tap).__name__}"
    globals()[_name] = type(_name, (TapContract,), {"tap": _tap})


def test_every_tap_is_under_the_contract():
    contracts = [value for name, value in globals().items() if name.startswith("TestContractOf")]
    assert {contract.tap.name for contract in contracts} == set(TAPS)


def read(name, experiment, pixel=PIXEL, **choices):
    """What a tap returns for a pixel, recorded from the quantities that it asks for."""
    (traced,) = trace_pixels(experiment, [pixel], [TAPS[name]], every_quantity=False, **choices)
    return traced.results[0].values


def changed(experiment, **sections):
    """The experiment with fields of its configs replaced: crystal={...}, beam={...}."""
    return dataclasses.replace(
        experiment,
        **{
            section: dataclasses.replace(getattr(experiment, section), **fields)
            for section, fields in sections.items()
        },
    )


def close(found, expected, rel=1e-12):
    torch.testing.assert_close(
        found, torch.as_tensor(expected, dtype=torch.float64), rtol=rel, atol=1e-12
    )


def test_geometry_of_a_plain_detector():
    """0.5 mm pixels at 30 mm; MOSFLM's beam centre is 1.75 mm down slow and 2 mm along fast."""
    found = read("geometry", plain_experiment(), (4, 5))
    x, y, z = 0.03, -(4.5 * 0.5e-3 - 1.75e-3), 5.5 * 0.5e-3 - 2e-3
    airpath = math.sqrt(x * x + y * y + z * z)
    close(found["position"], [[x, y, z]])
    close(found["airpath"], [airpath])
    close(found["diffracted"], [[x / airpath, y / airpath, z / airpath]])


def test_geometry_of_layers_and_subpixels():
    """The second layer is 300 um behind the first, sub-pixels are 250 um apart, fast first."""
    position = read("geometry", rich_experiment())["position"]
    close(position[4:, 0] - position[:4, 0], [300e-6] * 4)
    close(position[1, 2] - position[0, 2], 250e-6)
    close(position[2, 1] - position[0, 1], -250e-6)


@pytest.mark.parametrize("point_pixel", [False, True])
def test_omega_of_each_subpixel(point_pixel):
    """pixel^2 / R^2 x close distance / R; of a point pixel 1 / R^2."""
    experiment = changed(rich_experiment(), detector={"point_pixel": point_pixel})
    found, airpath = read("omega", experiment), read("geometry", experiment)["airpath"].tolist()
    each = [1 / R**2 if point_pixel else 0.0005**2 * 0.03 / R**3 for R in airpath]
    close(found["omega"], each)
    assert len(each) == 8
    assert found["first"].item() == found["used"] == pytest.approx(each[0], rel=1e-12)
    assert found["last"].item() == pytest.approx(each[-1], rel=1e-12)
    assert found["mean"].item() == pytest.approx(sum(each) / 8, rel=1e-12)
    assert found["last_over_mean"].item() == pytest.approx(each[-1] * 8 / sum(each), rel=1e-12)
    assert found["point_pixel"] is point_pixel


def test_absorption_of_each_layer():
    """Of 200 um depth: what reaches the front of a layer less what reaches its back."""
    experiment = rich_experiment()
    found = read("absorption", experiment)
    cosines = read("geometry", experiment)["diffracted"][:, 0].tolist()
    each = []
    for number, cosine in enumerate(cosines):
        layer = number // 4
        front, back = (math.exp(-(layer + i) * 300e-6 / 200e-6 / cosine) for i in (0, 1))
        each.append(front - back)
    close(found["capture"], each)
    assert found["used"] == pytest.approx(each[4], rel=1e-12)
    assert found["layers"] == 2
    assert found["layer_depth"].item() == pytest.approx(300e-6)
    assert found["attenuation"].item() == pytest.approx(5000.0)


def test_a_sensor_without_thickness_absorbs_all():
    found = read("absorption", plain_experiment())
    assert (found["capture"].tolist(), found["used"], found["layers"]) == ([1.0], 1.0, 1)


@pytest.mark.parametrize("name", ["oversample_*", "corrected"])
@pytest.mark.parametrize("tap", ["omega", "absorption", "polarization"])
def test_no_factor_is_used_where_each_term_has_its_own(tap, name):
    assert read(tap, EXPERIMENTS[name])["used"] is None


@pytest.mark.parametrize("kahn", [0.0, 0.7])
def test_polarization_by_the_angles(kahn):
    """(1 + cos^2 2theta - K cos 2psi sin^2 2theta) / 2; beam along x, E vector along z."""
    experiment = changed(EXPERIMENTS["corrected"], beam={"polarization_factor": kahn})
    found = read("polarization", experiment)
    expected = []
    for x, y, z in read("geometry", experiment)["diffracted"].tolist():
        two_theta, psi = math.acos(x), math.atan2(y, z)
        bracket = kahn * math.cos(2 * psi) * math.sin(two_theta) ** 2
        expected.append([(1 + math.cos(two_theta) ** 2 - bracket) / 2] * 2)
    close(found["polarization"], expected, rel=1e-10)
    assert found["kahn_factor"].item() == kahn
    assert found["nopolar"] is False


def test_the_polarization_used_is_the_first():
    found = read("polarization", rich_experiment())
    assert found["used"] == found["polarization"][0, 0].item()
    assert found["polarization"][1:].isnan().all()


def test_no_polarization():
    found = read("polarization", changed(rich_experiment(), beam={"nopolar": True}))
    assert (found["used"], found["nopolar"]) == (1.0, True)


def test_scattering():
    """q = (diffracted - incident) / lambda, sin(theta)/lambda = |q| / 2."""
    experiment = EXPERIMENTS["dmin"]
    for pixel in ((0, 0), (4, 5)):
        found = read("scattering", experiment, pixel)
        diffracted = read("geometry", experiment, pixel)["diffracted"].tolist()
        close(found["incident"], [[1.0, 0.0, 0.0]] * 2)
        close(found["wavelength"], [0.995, 1.005])
        for s, ray in enumerate(diffracted):
            for i, wavelength in enumerate((0.995, 1.005)):
                q = [(ray[axis] - (axis == 0)) / wavelength for axis in range(3)]
                length = math.hypot(*q)
                close(found["q"][s, i], q)
                assert found["stol"][s, i].item() == pytest.approx(length / 2, rel=1e-9)
                assert found["within_dmin"][s, i].item() == (1 / length >= 13.0)
    dropped = read("scattering", experiment, (0, 0))["within_dmin"] == 0
    assert dropped.any()
    assert not dropped.all()


def test_without_dmin_nothing_is_said_of_it():
    assert read("scattering", rich_experiment())["within_dmin"] is None


def test_orientation_of_a_rotation():
    """About z, MOSFLM's spindle, right-handed, from the cell at angle 0."""
    still = changed(plain_experiment(), crystal={"misset_deg": (10.0, 20.0, 30.0)})
    (start,) = read("orientation", still)["cell_vectors"][0].tolist()
    scan = {"phi_start_deg": -7.0, "phi_step_deg": 2.5, "osc_range_deg": 10.0}
    found = read("orientation", changed(still, crystal=scan))
    angles = [-7.0, -4.5, -2.0, 0.5]
    close(found["phi"], angles)
    for angle, (vectors,) in zip(angles, found["cell_vectors"], strict=True):
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        close(vectors, [[c * x - s * y, s * x + c * y, z] for x, y, z in start])


def test_mosaic_domains_are_turned_and_not_strained():
    """The first domain is the crystal itself; the others have its lengths and angles."""
    vectors = read("orientation", rich_experiment())["cell_vectors"]
    crystal = {"mosaic_spread_deg": 0.0, "mosaic_domains": 1}
    perfect = read("orientation", changed(rich_experiment(), crystal=crystal))["cell_vectors"]
    assert vectors.shape == (3, 2, 3, 3)
    torch.testing.assert_close(vectors[:, 0], perfect[:, 0], rtol=1e-12, atol=1e-12)
    assert (vectors[:, 1] - perfect[:, 0]).abs().max() > 0.01
    products = torch.einsum("pdax,pdbx->pdab", vectors, vectors)
    expected = torch.diag(torch.tensor([3600.0, 4900.0, 6400.0]).double()).expand(3, 2, 3, 3)
    torch.testing.assert_close(products, expected, rtol=1e-12, atol=1e-9)


def steps_of(experiment, pixel=PIXEL):
    """q and cell vectors of every (sub-pixel, source, phi, domain), as lists."""
    q = read("scattering", experiment, pixel)["q"].tolist()
    vectors = read("orientation", experiment, pixel)["cell_vectors"].tolist()
    for s, rays in enumerate(q):
        for i, ray in enumerate(rays):
            for p, domains in enumerate(vectors):
                for d, cell in enumerate(domains):
                    yield (s, i, p, d), ray, cell


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("pixel", [(4, 5), (0, 0)])
def test_hkl_of_each_step(pixel):
    """h = q . a, and so on; the list is from -3 to 3 with one gap, outside it is default_F = 20."""
    experiment = rich_experiment()
    found = read("hkl_subpixel", experiment, pixel)
    factors, seen = experiment.structure_factors, set()
    for place, ray, cell in steps_of(experiment, pixel):
        hkl = [dot(ray, edge) for edge in cell]
        nearest = [math.floor(x + 0.5) for x in hkl]
        close(found["hkl"][place], hkl, rel=1e-9)
        assert found["hkl_nearest"][place].tolist() == nearest
        entry = tuple(i + 3 for i in nearest)
        listed = all(0 <= i < 7 for i in entry) and bool(factors.present[entry])
        assert found["in_list"][place].item() == listed
        assert found["F_cell"][place].item() == (factors.F[entry].item() if listed else 20.0)
        seen.add(listed)
    assert seen == ({True, False} if pixel == (4, 5) else {False})


def small_list(reach, missing=()):
    """F from 1 up for h, k, l from -reach to reach; `missing` are gaps."""
    n = 2 * reach + 1
    present = torch.ones(n, n, n, dtype=torch.bool)
    for h, k, l in missing:
        present[h + reach, k + reach, l + reach] = False
    F = torch.arange(1.0, n**3 + 1, dtype=torch.float64).reshape(n, n, n)
    return StructureFactors(F, present, -reach, -reach, -reach, int(present.sum()))


def with_list(factors, **sampling):
    experiment = dataclasses.replace(rich_experiment(), structure_factors=factors)
    return changed(experiment, sampling={"interpolate": False, **sampling})


@pytest.mark.parametrize(("reach", "within"), [(1, False), (2, True), (4, True)])
def test_hkl_bounds(reach, within):
    experiment = with_list(small_list(reach))
    found = read("hkl_bounds", experiment)
    nearest = read("hkl_subpixel", experiment)["hkl_nearest"].reshape(-1, 3).int().tolist()
    for axis in range(3):
        touched = [hkl[axis] for hkl in nearest]
        assert found["touched_min"][axis].item() == min(touched)
        assert found["touched_max"][axis].item() == max(touched)
    assert found["list_min"].tolist() == [-reach] * 3
    assert found["list_max"].tolist() == [reach] * 3
    assert found["within"] is within


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("low", [True, False])
def test_one_index_beyond_the_list_is_noticed(axis, low):
    touched = read("hkl_bounds", rich_experiment())
    first, last = touched["touched_min"].tolist(), touched["touched_max"].tolist()
    if low:
        first[axis] += 1
    else:
        last[axis] -= 1
    shape = [b - a + 1 for a, b in zip(first, last, strict=True)]
    F = torch.ones(shape, dtype=torch.float64)
    factors = StructureFactors(F, F.bool(), *first, F.numel())
    assert read("hkl_bounds", with_list(factors))["within"] is False


def test_hkl_bounds_without_a_list():
    found = read("hkl_bounds", plain_experiment())
    assert [found[name] for name in ("list_min", "list_max", "within")] == [None] * 3
    assert found["touched_min"].tolist() == found["touched_max"].tolist()


@pytest.mark.parametrize("reach", [1, 2, 3])
@pytest.mark.parametrize("interpolate", [False, True])
def test_f_cell_counts_what_the_list_has_not(reach, interpolate):
    """Each look-up by hand: outside, a gap, listed, or with all 64 entries around it."""
    factors = small_list(reach, missing=[(-1, 0, 1), (-1, 0, 2 % (reach + 1)), (0, -1, 1)])
    experiment = with_list(factors, interpolate=interpolate)
    found, steps = read("f_cell", experiment), read("hkl_subpixel", experiment)
    kinds = {"out_of_bounds": 0, "gaps": 0, "interpolated": 0, "listed": 0}
    for hkl in steps["hkl"].reshape(-1, 3).tolist():
        nearest = [math.floor(x + 0.5) for x in hkl]
        if interpolate and all(-reach <= math.floor(x) - 1 <= reach - 3 for x in hkl):
            kinds["interpolated"] += 1
        elif max(map(abs, nearest)) > reach:
            kinds["out_of_bounds"] += 1
        else:
            present = factors.present[tuple(i + reach for i in nearest)]
            kinds["listed" if present else "gaps"] += 1
    values = steps["F_cell"].flatten().tolist()
    assert found["lookups"] == len(values) == 96
    assert {name: found[name] for name in kinds if name != "listed"} == {
        name: count for name, count in kinds.items() if name != "listed"
    }
    assert found["default_F_hits"] == kinds["out_of_bounds"] + kinds["gaps"]
    assert (found["default_F"], found["zero_hits"]) == (20.0, 0)
    assert (found["min"].item(), found["max"].item()) == (min(values), max(values))
    assert found["mean"].item() == pytest.approx(sum(values) / 96, rel=1e-13)
    if not interpolate:
        assert kinds["gaps"] > 0
        assert kinds["listed"] > 0
        assert sum(value == 20.0 for value in values) >= found["default_F_hits"]


def test_f_cell_counts_zeros():
    """Of the list, where it says 0, as of default_F."""
    factors = small_list(2, missing=[(-1, 0, 1)])
    factors.F[:] = 0.0
    experiment = changed(with_list(factors), crystal={"default_F": 3.0})
    found = read("f_cell", experiment)
    assert found["zero_hits"] == 96 - found["gaps"]
    assert 0 < found["gaps"] < 96
    empty = changed(plain_experiment(), crystal={"default_F": 0.0})
    found = read("f_cell", empty)
    assert (found["zero_hits"], found["lookups"], found["out_of_bounds"]) == (1, 1, 1)


@pytest.mark.parametrize("profile", list(Profile))
def test_f_latt_of_a_parallelepiped(profile):
    """sin(pi N x) / sin(pi x) along each edge."""
    experiment = dataclasses.replace(rich_experiment(), profile=profile)
    found = read("f_latt", experiment)
    for place, ray, cell in steps_of(experiment):
        product = 1.0
        for axis, edge, count in zip("abc", cell, CELLS, strict=True):
            x = dot(ray, edge)
            grating = abs(math.sin(math.pi * count * x) / math.sin(math.pi * x))
            part = found[f"F_latt_{axis}"][place].item()
            assert abs(part) == pytest.approx(grating, rel=1e-8, abs=1e-10)
            product *= part
        assert found["F_latt"][place].item() == pytest.approx(product, rel=1e-13)


def test_f_latt_of_another_shape_is_one_factor():
    found = read("f_latt", EXPERIMENTS["round"])
    assert [found[f"F_latt_{axis}"] for axis in "abc"] == [None] * 3
    for place, ray, cell in steps_of(EXPERIMENTS["round"]):
        offsets = [dot(ray, edge) - round(dot(ray, edge)) for edge in cell]
        x = math.pi * math.hypot(*(n * d for n, d in zip(CELLS, offsets, strict=True)))
        expected = 60 * 0.723601254558268 * 3 * (math.sin(x) / x - math.cos(x)) / x**2
        assert found["F_latt"][place].item() == pytest.approx(expected, rel=1e-7)

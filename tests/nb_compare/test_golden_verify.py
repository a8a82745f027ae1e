"""nb against golden folders that it made itself, whole and changed."""

import json
import math
import warnings

import numpy as np
import pytest
import torch

from nb_compare.golden import GoldenCase, judge_case, read_golden, summarize, verify_golden
from nb_compare.golden.format import float_sha256, image_arrays, write_arrays, write_json
from nb_core import InputError, UnreadableError, flags_to_experiment
from nb_core.formats.pgm import pgm_bytes
from nb_core.formats.smv import write_smv
from nb_physics import NoiseGenerator, make_plan, simulate
from nb_physics.digital import digital_image

FLAGS = "-cell 70 80 90 75 85 95 -N 3 -distance 100 -pixel 0.5 -detpixels 32 -lambda 1"
FLAGS += " -oversample 5 -hkl few.hkl -default_F 20"
FILES = "-intfile i.img -noisefile n.img -pgmfile p.pgm -seed 7"
FIGURES = dict.fromkeys(("max_I", "mean", "rms", "rmsd"), 1.0) | {"max_at_m": [0.0, 0.0]}
FIGURES |= dict.fromkeys(("sources", "mosaic_domains", "phi_steps", "oversample"), 1)
CASES = {"still": FLAGS, "tophat": f"{FLAGS} -tophat_spots", "files": f"{FLAGS} {FILES}"}


def make_images(arguments: list[str], folder) -> dict[str, np.ndarray]:
    """What nb writes for a command line, read back from files."""
    plan = make_plan(flags_to_experiment(arguments))
    image = digital_image(plan, simulate(plan))
    files = {}
    if "-intfile" in arguments:
        noise = image.noise(NoiseGenerator.NANOBRAGG, 7)[0]
        for kind, counts in (("int", image.integers()), ("noise", noise)):
            write_smv(folder / "smv", image.header, counts)
            files[kind] = (folder / "smv").read_bytes()
        files["pgm"] = pgm_bytes(*image.picture())
    return image_arrays(image.single, files)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The images of the cases, and the folder of their inputs."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "few.hkl").write_text("0 0 0 50\n1 0 0 60\n0 1 2 70\n-1 2 1 80\n")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.chdir(folder)
        images = {name: make_images(flags.split(), folder) for name, flags in CASES.items()}
    return images, folder


@pytest.fixture
def folder(made, tmp_path):
    """A golden folder of these cases."""
    images, inputs = made
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "few.hkl").write_bytes((inputs / "few.hkl").read_bytes())
    put(tmp_path, {name: (CASES[name].split(), images[name]) for name in CASES})
    return tmp_path


def put(folder, cases) -> None:
    """Writes the images and the list of cases."""
    entries = []
    for name, (arguments, arrays) in cases.items():
        write_arrays(folder, name, arrays)
        image = arrays["float"]
        case = GoldenCase(name, tuple(arguments), image.shape, float_sha256(image), FIGURES, {})
        entries.append(case.to_json())
    write_json(folder / "cases.json", entries)


def verified(folder, *names: str, **more):
    return list(verify_golden(read_golden(folder), names, **more))


def test_what_nb_made_holds(folder):
    results = verified(folder)
    assert [result.name for result in results] == list(CASES)
    for result in results:
        assert result.holds
        assert result.difference.max_relative == 0.0
        assert result.difference.same_float32 == 1.0
        assert result.seconds > 0


def test_the_engine_that_computed_each_image_is_told(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path / "none"))
    for result in verified(folder, engine="eager"):
        found = result.to_json()["engine"]
        assert found == {"name": "eager", "reason": "asked for", "kernels": []}


def test_float32_holds_within_its_own_threshold(folder):
    results = verified(folder, dtype=torch.float32)
    assert all(result.holds for result in results), results
    assert any(result.difference.same_float32 < 1 for result in results)


def test_cases_are_chosen_by_name_in_their_order(folder):
    assert [result.name for result in verified(folder, "files", "still")] == ["still", "files"]
    with pytest.raises(InputError, match=r"--case: stil: .* did you mean still\?"):
        verified(folder, "stil")
    with pytest.raises(InputError, match=r"--case: x: .*its cases\.json lists them"):
        verified(folder, "x")


def test_a_changed_pixel_is_found_but_where_spots_are_flat(folder, made):
    cases = {}
    for name in ("still", "tophat"):
        image = made[0][name]["float"].copy()
        image[3, 4] += 1e-5 * image.max()
        cases[name] = CASES[name].split(), {"float": image}
    put(folder, cases)
    still, tophat = verified(folder)
    assert "maxd 1.0e-05 > 1e-06 at slow 3, fast 4" in still.problems[0]
    assert tophat.holds
    assert tophat.difference.max_relative > 9e-6


def test_another_shape_is_a_problem_of_the_case(folder, made):
    arrays = made[0]["still"]
    other = CASES["still"].replace("-detpixels 32", "-detpixels 16").split()
    put(folder, {"still": (other, {"float": arrays["float"]})})
    (result,) = verified(folder)
    assert result.problems == ("shape (16, 16), recorded (32, 32)",)
    assert result.to_json()["max_relative"] is None


def test_an_image_beyond_float32_is_a_problem_of_the_case(folder, made):
    arguments = [*CASES["still"].split(), "-fluence", "1e70"]
    put(folder, {"still": (arguments, {"float": made[0]["still"]["float"]})})
    (result,) = verified(folder)
    assert not result.holds
    assert "exceeds float32" in result.problems[0]


def break_options(folder):
    text = (folder / "cases.json").read_text()
    (folder / "cases.json").write_text(text.replace("-seed 7", "-sed 7"))


def drop_seed(folder):
    text = (folder / "cases.json").read_text()
    (folder / "cases.json").write_text(text.replace(" -seed 7", ""))


def drop_noise(folder):
    with np.load(folder / "files.npz") as content:
        arrays = {key: content[key] for key in content.files if key != "noise"}
    write_arrays(folder, "files", arrays)


DAMAGES = {
    "images": (lambda folder: (folder / "files.npz").unlink(), r"files\.npz: cannot be read"),
    "noise": (drop_noise, r"files\.npz: has no noise"),
    "input": (lambda folder: (folder / "inputs" / "few.hkl").unlink(), "few.hkl: no such file"),
    "options": (break_options, r"case files cannot be simulated: -sed: unknown option"),
    "clock": (drop_seed, r"case files cannot be simulated: -noisefile: n\.img: give -seed"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_before_anything_is_simulated(folder, monkeypatch, damage, message):
    monkeypatch.setattr("nb_compare.golden.verify.simulate", pytest.fail)
    damage(folder)
    with pytest.raises(UnreadableError, match=message):
        verified(folder)


def test_a_folder_without_inputs_needs_none(folder, made, tmp_path):
    (folder / "inputs" / "few.hkl").unlink()
    (folder / "inputs").rmdir()
    flags = CASES["still"].replace("-hkl few.hkl", "").split()
    put(folder, {"still": (flags, make_images(flags, tmp_path))})
    (result,) = verified(folder)
    assert result.holds


def test_a_device_that_is_not_there_is_refused(folder):
    with pytest.raises(InputError, match="device: nonsense"):
        verified(folder, device="nonsense")


def test_the_threads_and_the_folder_are_as_before(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for _ in verify_golden(read_golden(folder)):
            assert torch.get_num_threads() == 2
            assert tmp_path.samefile(".")
    finally:
        torch.set_num_threads(threads)


def one(values) -> dict[str, np.ndarray]:
    return {"float": np.asarray(values, np.float32).reshape(40, 50)}


def judged(ours, recorded, flat=False, dtype=torch.float64) -> str:
    return "; ".join(judge_case("case", ours, recorded, flat=flat, dtype=dtype).problems)


@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-6), (torch.float32, 2e-6)])
def test_the_largest_difference_is_limited(dtype, within):
    values = np.full(2000, 1.0)
    values[0] = 1000.0
    near, far = values.copy(), values.copy()
    near[7] += 900 * within
    far[7] += 1100 * within
    assert judged(one(near), one(values), dtype=dtype) == ""
    assert "maxd" in judged(one(far), one(values), dtype=dtype)
    assert "maxd" in judged(one(values), one(far), dtype=dtype)


def test_the_sum_is_limited():
    values = np.full(2000, 1.0)
    values[0] = 1000.0
    assert judged(one(values + 9e-7), one(values)) == ""
    away = 3e-6 * (values < 2)
    assert judged(one(values + away), one(values)).startswith("sum_ratio 1.000001986 is not 1")
    assert judged(one(values - away), one(values)).startswith("sum_ratio 0.999998")


def test_flat_spots_may_lose_a_pixel_in_a_thousand_but_not_their_sum():
    values = np.full(2000, 1000.0)
    for count, holds in ((2, True), (3, False)):
        ours = values.copy()
        ours[:count] += 1.0
        assert (judged(one(ours), one(values), flat=True) == "") is holds
        assert judged(one(ours), one(values)) != ""
    ours = values.copy()
    ours[0] = 1e5
    assert judged(one(ours), one(values), flat=True).startswith("sum_ratio 1.0495")


def test_an_empty_image_holds_against_an_empty_one():
    nothing = np.zeros(2000)
    assert judged(one(nothing), one(nothing)) == ""
    assert "maxd inf" in judged(one(nothing + 1e-30), one(nothing))
    assert "nan" not in json.dumps(
        judge_case("a", one(nothing), one(nothing), flat=False).to_json()
    )


def more_images() -> dict[str, np.ndarray]:
    counts = np.arange(2000, dtype=np.uint16).reshape(40, 50)
    header = np.frombuffer(b"{ WAVELENGTH=1 }", np.uint8)
    smv = {"int": counts, "int_header": header, "noise": counts + 1, "noise_header": header}
    return one(np.ones(2000)) | smv | {"pgm": np.frombuffer(b"P5\n255\n" + bytes(2000), np.uint8)}


def changed(key: str, count: int, start: int = 0) -> dict[str, np.ndarray]:
    arrays = more_images()
    values = arrays[key].copy()
    values.reshape(-1)[start : start + count] ^= 1
    return arrays | {key: values}


@pytest.mark.parametrize(("key", "start"), [("int", 0), ("noise", 0), ("pgm", 7)])
def test_one_count_in_a_thousand_may_differ(key, start):
    assert judged(more_images(), more_images()) == ""
    assert judged(changed(key, 2, start), more_images()) == ""
    problem = f"{key} image: 0.15% of the pixels differ, more than 0.1%"
    assert judged(changed(key, 3, start), more_images()) == problem
    short = more_images() | {key: more_images()[key][:-1]}
    assert judged(short, more_images()).startswith(f"{key} image has shape")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("int_header", "int header differs"),
        ("noise_header", "noise header differs"),
        ("pgm", "pgm header differs"),
    ],
)
def test_headers_are_the_same_byte_for_byte(key, problem):
    assert judged(changed(key, 1), more_images()) == problem


def test_results_are_strict_json_and_summed_up():
    values = np.ones(2000)
    good = judge_case("good", one(values), one(values), flat=False, seconds=1.5)
    bad = judge_case("bad", one(values * 1.5), one(values), flat=False)
    assert math.isnan(bad.difference.correlation)
    assert json.loads(json.dumps(bad.to_json(), allow_nan=False))["correlation"] is None
    assert good.to_json() == {
        "name": "good",
        "holds": True,
        "problems": [],
        "correlation": 1.0,
        "sum_ratio": 1.0,
        "max_relative": 0.0,
        "same_float32": 1.0,
        "seconds": 1.5,
        "engine": None,
    }
    wanted = "1 of 2 cases hold; the largest difference is 5.0e-01 of the maximum (bad)"
    assert summarize([good, bad]) == wanted

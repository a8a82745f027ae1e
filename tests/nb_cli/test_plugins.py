"""nb plugins, nb --no-plugins, and files of a plugin's format: --out, nb view and nb refine."""

import json
import sys
from importlib import metadata
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from nb_core import ImageData, ImageFormat, InputError, PixelKind, hookimpl
from nb_core.formats.atomic import atomic_write
from nb_core.formats.floats import read_floats
from nb_core.formats.pgm import read_pgm
from nb_core.formats.smv import read_smv

MARK = b"OUTSIDE\n"


class OutsideFormat(ImageFormat):
    """A format of somebody else's package, which is named nowhere in nb."""

    name = "outside"
    title = "Outside"
    summary = "a mark, the sizes and float64"
    endings = (".outside",)
    holds = (PixelKind.PHOTONS,)

    def sniff(self, head, path):
        return head.startswith(MARK)

    def read(self, path, shape=None):
        with open(path, "rb") as handle:
            content = handle.read()[len(MARK) :]
        if len(content) < 16:
            raise InputError("Outside image", str(path), "it is cut short")
        slow, fast = np.frombuffer(content[:16], "<i8")
        values = np.frombuffer(content[16:], "<f8").reshape(slow, fast)
        return ImageData(values, PixelKind.PHOTONS, source=str(path))

    def write(self, path, image, *, overwrite=True):
        self.refuse_unheld(image)
        with atomic_write(path, overwrite) as handle:
            handle.write(MARK + np.array(image.values.shape, "<i8").tobytes())
            handle.write(image.values.astype("<f8").tobytes())


class Plugin:
    @hookimpl
    def nb_register_image_formats(self):
        return [OutsideFormat()]


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """The entry points that there are, by group; none."""
    found = {"nb_builtin": metadata.entry_points(group="nb_builtin")}
    monkeypatch.delenv("NB_PLUGINS_DISABLE", raising=False)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: found.get(group, []))
    return found


@pytest.fixture
def plugin(installed, monkeypatch):
    """Such a package is installed."""
    monkeypatch.setitem(sys.modules, "outside_formats", Plugin())
    installed["nb"] = [EntryPoint(name="far", value="outside_formats", group="nb")]


def listed(nb, words):
    ran = nb(words)
    assert (ran.code, ran.err) == (0, "")
    return [(part["kind"], part["name"]) for part in json.loads(ran.out)]


def test_the_list_has_every_kind_with_its_package(nb):
    ran = nb("plugins")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    words = {tuple(line.split()[:-1][:5]) for line in lines}
    assert ("image", "format", "smv", "nb-core", "0.1.0") in words
    assert any(word[:4] == ("tap", "omega", "nb-taps", "0.1.0") for word in words)
    assert len({line.index(" nb-") for line in lines}) == 1
    assert any(
        line.endswith("photons as little-endian float32, without a header") for line in lines
    )


def test_the_list_as_json(nb, plugin):
    ran = nb("plugins --json")
    parts = json.loads(ran.out)
    assert {tuple(part) for part in parts} == {("kind", "name", "summary", "package", "version")}
    (own,) = [part for part in parts if part["name"] == "outside"]
    assert own["kind"] == "image format"
    assert (own["package"], own["summary"]) == ("far", "a mark, the sizes and float64")


def test_plugins_are_listed_unless_they_are_left_out(nb, plugin, monkeypatch):
    own = ("image format", "outside")
    assert own in listed(nb, "plugins --json")
    assert own not in listed(nb, "--no-plugins plugins --json")
    monkeypatch.setenv("NB_PLUGINS_DISABLE", "other, far")
    assert own not in listed(nb, "plugins --json")
    monkeypatch.setenv("NB_TAPS_DISABLE", "all")
    monkeypatch.setenv("NB_PLUGINS_DISABLE", "other")
    assert own in listed(nb, "plugins --json")


def test_no_plugins_leaves_out_taps_too(nb, installed):
    installed["nb_taps"] = [EntryPoint(name="bad", value="no_such_module", group="nb_taps")]
    assert nb("plugins").code == nb("taps list").code == 2
    assert nb("--no-plugins plugins").code == nb("--no-plugins taps list").code == 0
    assert nb("--no-plugins taps show omega").code == 0


def test_a_plugin_that_is_broken_is_named_with_the_way_round(nb, refused, installed, simulated):
    installed["nb"] = [EntryPoint(name="bad", value="no_such_module", group="nb")]
    line = refused("plugins")
    assert line.startswith("nb: plugin: bad: ModuleNotFoundError: ")
    assert "leave it out with NB_PLUGINS_DISABLE=bad" in line
    simulated("-floatfile", "a", "-intfile", "b")
    assert "NB_PLUGINS_DISABLE=bad" in refused("view", "a")
    assert nb("--no-plugins", "view", "a").code == 0


def test_a_format_that_is_not_complete_is_refused(refused, plugin, monkeypatch):
    monkeypatch.setattr(OutsideFormat, "endings", ("outside",))
    assert "outside.endings: a dot" in refused("plugins")


def test_an_image_goes_out_and_comes_back(nb, plugin, folder, tiny):
    ran = nb("simulate", "--out", "a.outside", "--out", "b.f32", "--", *tiny)
    assert ran.code == 0
    assert "wrote a.outside: photons, Outside\nwrote b.f32: photons, raw float32\n" in ran.out
    assert sorted(path.name for path in folder.iterdir()) == ["a.outside", "b.f32"]
    assert np.array_equal(OutsideFormat().read("a.outside").values, read_floats("b.f32"))
    viewed = [nb("view", name).out.splitlines()[0].split(":")[1] for name in ("a.outside", "b.f32")]
    assert viewed[0] == viewed[1]
    assert "16 x 16 pixels (slow, fast), max" in viewed[0]


def test_an_image_of_a_plugin_is_read_by_nb_refine(refused, plugin, folder, tiny):
    (folder / "a").write_bytes(MARK)
    assert "Outside image: a: it is cut short" in refused("refine", "a", "--", *tiny)
    assert "a: 8 bytes" not in refused("--no-plugins", "refine", "a", "--", *tiny)


def test_formats_of_whole_numbers_hold_what_nanobraggs_files_hold(nb, folder, tiny):
    """Byte for byte; and what the command says of them is the same."""
    named = ["-floatfile", "f", "-intfile", "i", "-pgmfile", "p"]
    ran = nb("simulate", "--out", "f.bin", "--out", "i.img", "--out", "p.pgm", "--", *tiny, *named)
    assert ran.code == 0
    said = dict(line.removeprefix("wrote ").split(": ") for line in ran.out.splitlines()[-6:])
    for name, other in (("f", "f.bin"), ("i", "i.img"), ("p", "p.pgm")):
        assert (folder / name).read_bytes() == (folder / other).read_bytes()
        assert said[name] == said[other]
    assert read_smv("i.img").data.max() == 55040
    assert read_pgm("p.pgm").data.max() > 0


def test_files_of_out_are_the_only_ones(nb, folder, tiny):
    assert nb("simulate", "-q", "--out", "a.bin", "--", *tiny).code == 0
    assert [path.name for path in folder.iterdir()] == ["a.bin"]


def test_a_format_may_be_named_for_all_files_or_for_each(nb, plugin, folder, tiny):
    assert nb("simulate", "--format", "outside", "--out", "a", "--out", "b", "--", *tiny).code == 0
    assert (folder / "a").read_bytes().startswith(MARK)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
    words = ("--out", "c", "--format", "smv", "--out", "d", "--format", "raw")
    assert nb("simulate", *words, "--", *tiny).code == 0
    assert read_smv("c").data.shape == read_floats("d").shape == (16, 16)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--out a.outsid", "did you mean .outside?"),
        (
            "--out a.xyz",
            "known are .bin (raw), .f32 (raw), .img (smv), .smv (smv), .pgm",
        ),
        ("--out a", "--out: a: the name has no ending"),
        ("--out a.cbf --format raw", ".cbf is the ending of CBF files"),
        ("--out a.outside --format raw", ".outside is the ending of Outside files"),
        ("--out a --format row", "--format: row: did you mean raw?"),
        ("--format raw", "it is of --out FILE, which is not given"),
        ("--out a --out b --out c --format raw --format smv", "one for each (3)"),
        ("--out a.bin --out ./a.bin", "is named for two outputs"),
        ("--out none/a.bin", "there is no folder none"),
        ("--no-overwrite --out old.bin", "old.bin: exists"),
    ],
)
def test_bad_outputs_are_refused_before_any_work(refused, plugin, folder, tiny, words, message):
    (folder / "old.bin").write_bytes(b"old")
    assert message in refused("simulate", *words.split(), "--", *tiny)
    assert (folder / "old.bin").read_bytes() == b"old"


def test_an_image_of_several_panels_is_not_drawn(refused, plugin, folder, monkeypatch):
    def read(self, path, shape=None):
        return ImageData(np.ones((2, 3, 4)), PixelKind.PHOTONS)

    monkeypatch.setattr(OutsideFormat, "read", read)
    (folder / "a").write_bytes(MARK)
    assert "a: (2, 3, 4): several panels; name their experiment" in refused("view", "a")


class TestEngine:
    """--engine NAME, of a package that is named nowhere in nb."""

    @pytest.fixture(autouse=True)
    def plugin(self, installed, monkeypatch):
        from nb_physics import TileEngine
        from nb_physics.walk import EagerWalk

        class Twice(EagerWalk):
            def photons(self, selection, start, stop, scene=None):
                return 2 * super().photons(selection, start, stop, scene)

        class Doubling(TileEngine):
            name = "doubling"
            summary = "twice the photons"

            def prepare(self, scene, dtype, device, *, gradient=False):
                return Twice(scene, dtype, device)

        class Engines:
            @hookimpl
            def nb_register_engines(self):
                return [Doubling()]

        monkeypatch.setitem(sys.modules, "outside_engines", Engines())
        installed["nb"] = [EntryPoint(name="far", value="outside_engines", group="nb")]

    def test_it_computes_the_image(self, nb, tiny, folder):
        images = []
        for engine in ("eager", "doubling"):
            ran = nb("simulate", "--engine", engine, "--", *tiny, "-floatfile", "a.bin")
            assert ran.code == 0
            assert f"{engine}: asked for" in ran.out
            images.append(np.fromfile(folder / "a.bin", "<f4"))
        assert images[0].any()
        np.testing.assert_array_equal(images[1], 2 * images[0])

    def test_it_is_listed(self, nb):
        assert ("engine", "doubling") in listed(nb, "plugins --json")

    def test_an_unknown_one_is_told_those_that_there_are(self, refused, tiny):
        said = refused("simulate", "--engine", "tripling", "--", *tiny)
        assert "'tripling' is no engine; known are auto, eager, compiled, doubling" in said

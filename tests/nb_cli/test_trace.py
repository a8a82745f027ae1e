"""nb trace: what is computed inside pixels, and how two traces differ."""

import json
import os
import re
import shlex
from importlib.metadata import EntryPoint

import jsonschema
import numpy as np
import pytest

from nb_core.formats.floats import read_floats
from nb_core.formats.smv import read_smv
from nb_taps import tap_schema
from nb_taps.builtin import nb_register_taps
from nb_taps.trace import TRACE_NAMES

NAMES = [tap.name for tap in nb_register_taps() if not tap.whole_image]
EVIDENCE = {"commands.txt", "environment.json", "checksums.txt"}


@pytest.fixture
def trace(nb, tiny):
    """Traces pixels of the small image, with the lines on the terminal; must succeed."""

    def call(options, *more):
        outcome = nb("trace", "--lines", *options.split(), "--", *tiny, *more)
        assert (outcome.code, outcome.errors) == (0, []), outcome
        return outcome.out

    return call


@pytest.fixture
def image(simulated, folder):
    """The pixels of the small image, with further options; it leaves no file."""

    def call(*more):
        simulated(*more, "-floatfile", "f.bin")
        values = read_floats(folder / "f.bin", (16, 16))
        (folder / "f.bin").unlink()
        return values

    return call


def lines(out):
    """The lines of the trace, as name and text."""
    found = re.findall(r"^TRACE_PY: (\w+)=(.*)$", out, re.MULTILINE)
    assert found
    return found


def photons(out):
    """What the trace says of each pixel's photons, as the image stores them."""
    return [np.float32(text) for name, text in lines(out) if name == "I_pixel_final"]


def titles(out):
    return [
        (int(slow), int(fast))
        for slow, fast in re.findall(r"^pixel slow (\d+), fast (\d+): ", out, re.MULTILINE)
    ]


def names(folder):
    return {path.name for path in folder.iterdir()}


def read(path):
    content = json.loads(path.read_text())
    jsonschema.validate(content, tap_schema())
    return content


class TestPrinted:
    def test_a_pixel_is_that_of_the_image(self, trace, image, folder):
        values = image()
        for slow, fast in ((3, 4), (0, 15), (8, 8)):
            assert photons(trace(f"--pixel {slow} {fast}")) == [values[slow, fast]]
        assert names(folder) == set()

    def test_it_has_a_table_the_taps_and_the_lines(self, trace):
        out = trace("--pixel 3 4")
        assert titles(out) == [(3, 4)]
        assert "25 sub-pixels and layers x 1 sources x 1 phi x 1 domains" in out
        assert "reference profile, float64 on cpu" in out
        title, traced, taps, table, why = out.split("\n\n")
        assert title.startswith("pixel slow 3, fast 4: ")
        assert why.startswith("why: ")
        assert re.search(r"^F_cell +electrons +100 +100 +100$", table, re.MULTILINE)
        found = re.findall(r"^(\w+)\.\w+ ", taps, re.MULTILINE)
        assert list(dict.fromkeys(found)) == NAMES
        assert {line.partition(":")[0] for line in traced.splitlines()} == {"TRACE_PY"}

    def test_the_lines_are_in_order_and_documented(self, trace):
        found = [name for name, _ in lines(trace("--pixel 3 4"))]
        assert set(found) <= TRACE_NAMES.keys()
        assert list(dict.fromkeys(found)) == [name for name in TRACE_NAMES if name in found]
        assert found.count("subF") == 25

    def test_the_photons_of_the_tap_are_those_of_the_lines(self, trace):
        out = trace("--pixel 3 4 --taps intensity")
        (text,) = re.findall(r"^intensity\.photons +photons +(\S+)$", out, re.MULTILINE)
        (value,) = [text for name, text in lines(out) if name == "I_pixel_final"]
        assert float(text) == pytest.approx(float(value), rel=1e-8)  # nine digits are printed

    def test_several_pixels(self, trace, image):
        out = trace("--pixel 3 4 --pixel 9 1 --pixel 3 4")
        assert titles(out) == [(3, 4), (9, 1)]
        values = image()
        assert photons(out) == [values[3, 4], values[9, 1]]

    def test_all_pixels_of_a_rectangle(self, trace, image):
        out = trace("--roi 4 6 1 2 --pixel 9 1")
        expected = [(9, 1), (1, 4), (1, 5), (1, 6), (2, 4), (2, 5), (2, 6)]
        assert titles(out) == expected
        values = image()
        assert photons(out) == [values[place] for place in expected]

    def test_a_pixel_that_is_not_rendered(self, trace, image):
        out = trace("--pixel 3 4", "-roi", "8", "9", "8", "9")
        assert "outside the ROI or mask: 0 in the image" in out
        assert photons(out) == [image()[3, 4]]
        assert image("-roi", "8", "9", "8", "9")[3, 4] == 0

    def test_some_taps(self, trace):
        out = trace("--pixel 3 4 --taps f_cell,omega")
        found = re.findall(r"^(\w+)\.\w+ ", out, re.MULTILINE)
        assert list(dict.fromkeys(found)) == ["f_cell", "omega"]
        assert photons(out) == photons(trace("--pixel 3 4"))

    def test_another_oversample(self, trace, image):
        out = trace("--pixel 3 4 --oversample 2")
        assert "4 sub-pixels and layers" in out
        assert photons(out) == [image("-oversample", "2")[3, 4]]
        assert photons(out) != photons(trace("--pixel 3 4"))

    def test_in_single_precision(self, trace, nb, tiny, folder):
        out = trace("--pixel 3 4 --dtype float32")
        assert "reference profile, float32 on cpu" in out
        nb("simulate", "--dtype", "float32", "--", *tiny, "-floatfile", "f.bin")
        assert photons(out) == [read_floats(folder / "f.bin", (16, 16))[3, 4]]

    def test_the_corrected_profile(self, trace, nb, tiny, folder):
        out = trace("--pixel 3 4 --profile corrected")
        assert "corrected profile, float64 on cpu" in out
        nb("simulate", "--profile", "corrected", "--", *tiny, "-floatfile", "f.bin")
        assert photons(out) == [read_floats(folder / "f.bin", (16, 16))[3, 4]]
        assert photons(out) != photons(trace("--pixel 3 4"))

    def test_an_experiment_file(self, nb, trace, tiny, folder):
        (folder / "x.toml").write_text(nb("config", "convert", "--", *tiny).out)
        outcome = nb("trace", "--lines", "--pixel", "3", "4", "x.toml")
        assert (outcome.code, outcome.out) == (0, trace("--pixel 3 4"))
        both = nb("trace", "--lines", "--pixel", "3", "4", "x.toml", "--", "-phi", "10")
        assert (both.code, both.errors) == (0, [])
        assert both.out == trace("--pixel 3 4", "-phi", "10")
        assert photons(both.out) != photons(outcome.out)

    def test_flags_that_are_unknown(self, nb, tiny, refused):
        words = ("--pixel", "3", "4", "--", *tiny, "-nosuch", "3")
        assert "-nosuch" in refused("trace", *words)
        outcome = nb("trace", "--ignore-unknown-flags", *words)
        assert outcome.code == 0
        assert "'-nosuch' is not understood" in "".join(outcome.warnings)


class TestWhy:
    """What makes the pixel bright comes last, where it stays in sight."""

    @pytest.fixture
    def why(self, nb, tiny):
        def call(pixel, *more):
            outcome = nb("trace", "--pixel", *pixel.split(), "--", *tiny, *more)
            assert (outcome.code, outcome.errors) == (0, [])
            return outcome.out.split("\n\n")[-1].splitlines()

        return call

    def test_a_sentence_names_the_reflection_and_the_sphere(self, why):
        sentence, *rows = why("3 4")
        assert re.fullmatch(
            r"why: [\d.]+ % of the photons are of the reflection \(-?\d+ -?\d+ -?\d+\), "
            r"d [\d.]+ A, F_cell 100\. At its strongest term it lies [\d.e-]+ 1/A "
            r"\([\d.]+ fringe widths\) (out|in)side the Ewald sphere, "
            r"and [\d.]+ fringe widths from the pixel",
            sentence,
        )
        assert [row.split()[0] for row in rows] == ["reflections", "sub-pixels"]

    def test_shares_of_what_the_sum_runs_over(self, why):
        more = ("-mosaic", "1", "-mosaic_domains", "6", "-phi", "10", "-osc", "1", "-phisteps", "4")
        rows = why("3 4", *more, "-dispersion", "1", "-dispsteps", "2", "-water", "1")[1:]
        kinds = ["reflections", "sources", "phi", "domains", "sub-pixels", "water"]
        assert [row.split()[0] for row in rows] == kinds
        assert re.search(r"\d \(10(\.\d+)? deg\): [\d.]+ %", rows[2])
        assert re.search(r", 3 others: [\d.]+ %$", rows[3])
        for row in rows[1:5]:
            shares = [float(text) for text in re.findall(r"([\d.e-]+) %", row)]
            water = float(rows[-1].split()[1])
            assert sum(shares) + water == pytest.approx(100, abs=0.3)  # three digits are printed

    def test_the_water_where_it_is_most(self, why):
        sentence = why("3 4", "-water", "1000")[0]
        assert re.match(r"why: [\d.]+ % of the photons are the water's, [\d.e-]+ % are", sentence)

    def test_a_dark_pixel(self, why):
        (sentence,) = why("3 4", "-fluence", "1e-300", "-flux", "0")
        assert re.match(r"why: no photons\. The nearest reflection is \(-?\d+ .* away", sentence)

    def test_many_steps_print_no_lines_unless_they_are_asked_for(self, nb, tiny, folder):
        """A pixel with 100 steps has thousands of lines; they are in the file."""
        steps = (
            "-mosaic",
            "1",
            "-mosaic_domains",
            "10",
            "-phi",
            "0",
            "-osc",
            "1",
            "-phisteps",
            "10",
        )
        short = nb("trace", "--pixel", "3", "4", "--out-dir", "out", "--", *tiny, *steps)
        assert "TRACE_PY" not in short.out
        assert len(short.out.splitlines()) < 130
        whole = nb("trace", "--pixel", "3", "4", "--lines", "--", *tiny, *steps)
        assert len(lines(whole.out)) > 10_000
        assert (folder / "out" / "3-4.trace").read_text() in whole.out


class TestNoise:
    @pytest.mark.parametrize("rng", ["nanobragg", "torch"])
    def test_it_is_that_of_the_noise_image(self, nb, trace, tiny, folder, rng):
        more = ("-seed", "7", "-fluence", "1e31", "-adc", "13")
        line = ("simulate", "--rng", rng, "--", *tiny, *more, "-noisefile", "n.img")
        assert nb(*line).code == 0
        pixels = [(3, 4), (8, 8), (15, 0), (9, 2)]
        chosen = " ".join(f"--pixel {slow} {fast}" for slow, fast in pixels)
        out = trace(f"{chosen} --taps noise --rng {rng}", *more)
        found = re.findall(r"^noise\.digital +ADU +(\d+)$", out, re.MULTILINE)
        expected = read_smv(folder / "n.img").data
        assert [int(text) for text in found] == [expected[place] for place in pixels]
        assert len(set(found)) > 1
        assert f"noise.generator   1        {rng}\n" in out
        assert re.search(r"^noise\.seed +1 +7$", out, re.MULTILINE)

    def test_it_runs_only_where_it_is_named(self, trace):
        assert "noise." not in trace("--pixel 3 4")
        out = trace("--pixel 3 4 --taps omega,noise")
        assert "omega.used" in out
        assert "noise.counted" in out


class TestFiles:
    def test_a_folder_of_the_name_that_is_given(self, trace, image, folder):
        out = trace("--pixel 3 4 --pixel 9 1 --json --out-dir a/b")
        assert out.endswith("wrote a/b\n")
        made = folder / "a" / "b"
        stems = ("3-4", "9-1")
        files = {f"{stem}-{name}.json" for stem in stems for name in NAMES}
        assert names(made) == files | {f"{stem}.trace" for stem in stems} | EVIDENCE
        values = image()
        for stem, place in (("3-4", (3, 4)), ("9-1", (9, 1))):
            for name in NAMES:
                content = read(made / f"{stem}-{name}.json")
                assert (content["tap"], content["pixel"]) == (name, list(place))
                assert content["tag"] is None
            stored = read(made / f"{stem}-intensity.json")["values"]["photons"]["value"]
            assert np.float32(stored) == values[place]
            text = (made / f"{stem}.trace").read_text()
            assert photons(text) == [values[place]]
            assert text in out

    def test_without_json_the_trace_alone(self, trace, folder):
        trace("--pixel 3 4 --out-dir out")
        assert names(folder / "out") == {"3-4.trace"} | EVIDENCE

    def test_runs_with_tags_share_a_folder(self, trace, folder):
        for tag in ("edge", "centre_2.x-y"):
            trace(f"--pixel 3 4 --taps omega,f_cell --tag {tag} --json --out-dir out")
        stems = ("edge-3-4", "centre_2.x-y-3-4")
        files = {f"{stem}-{name}.json" for stem in stems for name in ("omega", "f_cell")}
        assert names(folder / "out") == files | {f"{stem}.trace" for stem in stems} | EVIDENCE
        assert read(folder / "out" / "edge-3-4-omega.json")["tag"] == "edge"
        commands = (folder / "out" / "commands.txt").read_text().splitlines()
        ran = [shlex.split(line) for line in commands if not line.startswith("#")]
        assert [words[words.index("--tag") + 1] for words in ran] == ["edge", "centre_2.x-y"]

    def test_a_new_folder_where_none_is_given(self, trace, folder):
        parts = [trace("--pixel 3 4 --json --taps omega").split() for _ in range(2)]
        made = [folder / words[-1] for words in parts]
        assert made[0] != made[1]
        for path in made:
            assert path.parent == folder / "nb-trace"
            assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}(-2)?", path.name)
            assert names(path) == {"3-4.trace", "3-4-omega.json"} | EVIDENCE
        assert names(folder / "nb-trace") == {path.name for path in made}

    def test_the_evidence(self, nb, tiny, inputs):
        line = ["trace", "--pixel", "3", "4", "--dtype", "float32", "--out-dir", "out", "--", *tiny]
        line += ["-hkl", "six.hkl", "-nointerpolate"]
        assert nb(*line).code == 0
        commands = (inputs / "out" / "commands.txt").read_text().splitlines()
        assert shlex.split(commands[-1]) == ["nb", *line]
        sums = (inputs / "out" / "checksums.txt").read_text()
        assert re.search(r"^# input [0-9a-f]{64}  six\.hkl$", sums, re.MULTILINE)
        assert re.search(r"^[0-9a-f]{64}  3-4\.trace$", sums, re.MULTILINE)
        environment = json.loads((inputs / "out" / "environment.json").read_text())
        assert (environment["dtype"], environment["device"]) == ("float32", "cpu")
        assert environment["engine"]["name"] == "eager"

    def test_an_experiment_file_is_an_input(self, nb, tiny, folder):
        (folder / "x.toml").write_text(nb("config", "convert", "--", *tiny).out)
        assert nb("trace --pixel 3 4 --out-dir out x.toml").code == 0
        sums = (folder / "out" / "checksums.txt").read_text()
        assert re.search(r"^# input [0-9a-f]{64}  x\.toml$", sums, re.MULTILINE)

    def test_json_names_what_was_computed(self, trace, folder):
        trace(
            "--pixel 3 4 --taps noise --json --out-dir out --rng nanobragg --oversample 2 "
            "--profile corrected --dtype float32"
        )
        content = read(folder / "out" / "3-4-noise.json")
        assert (content["oversample"], content["profile"]) == (2, "corrected")
        assert content["dtype"] == "float32"
        assert len(content["subpixels"]) == 4
        assert content["values"]["generator"]["value"] == "nanobragg"


class TestRefused:
    """Exit code 2, one line, and no file or folder."""

    @pytest.fixture
    def bad(self, refused, tiny):
        def call(options, *more):
            words = ("--pixel", "3", "4", "--json", "--out-dir", "out") if "-" in options else ()
            return refused("trace", *words, *options.split(), "--", *tiny, *more)

        return call

    @pytest.mark.parametrize("pixel", ["16 0", "0 16", "-1 0", "3 -1"])
    def test_a_pixel_off_the_detector(self, bad, pixel):
        assert "(16, 16) pixels (slow, fast)" in bad(f"--pixel {pixel}")

    @pytest.mark.parametrize("roi", ["10 16 0 3", "0 3 10 16", "5 2 0 3"])
    def test_a_rectangle_that_is_none(self, bad, roi):
        bad(f"--roi {roi}")

    @pytest.mark.parametrize("tag", ["a/b", "../a", ".a", "", "a b", "ä", "a\n", "-a"])
    def test_a_tag_that_is_no_part_of_a_name(self, refused, tiny, tag):
        line = refused("trace", "--pixel", "3", "4", f"--tag={tag}", "--json", "--", *tiny)
        assert line.startswith("nb: --tag: ")

    def test_no_pixel(self, bad):
        assert "--pixel SLOW FAST" in bad("")

    def test_an_unknown_tap(self, bad):
        assert bad("--taps omega,nosuch").startswith("nb: taps: nosuch: expected some of: geometry")

    @pytest.mark.parametrize("taps", ["", ",", " , "])
    def test_taps_that_name_none(self, refused, tiny, taps):
        line = refused("trace", "--pixel", "3", "4", f"--taps={taps}", "--", *tiny)
        assert line.startswith("nb: --taps: ")

    @pytest.mark.parametrize(
        "options", ["--oversample 0", "--oversample -1", "--oversample x", "--device nonsense"]
    )
    def test_values(self, bad, options):
        bad(options)

    @pytest.mark.parametrize("options", ["--dtype float16", "--rng clock", "--pixel 3", "--nosuch"])
    def test_usage(self, bad, options):
        bad(options)

    def test_no_experiment(self, refused):
        assert "name an experiment file" in refused("trace --pixel 3 4 --json")

    def test_too_many_pixels(self, refused, tiny):
        at = tiny.index("-detpixels")
        words = [*tiny[:at], "-detpixels", "1000", *tiny[at + 2 :]]
        assert "100000 at most" in refused("trace", "--roi", "0", "999", "0", "999", "--", *words)

    def test_a_folder_that_cannot_be_made(self, refused, tiny, folder):
        (folder / "taken").write_bytes(b"a file")
        for out in ("taken", "taken/out"):
            line = refused("trace", "--pixel", "3", "4", "--out-dir", out, "--", *tiny)
            assert line.startswith(f"nb: {out}: ")

    def test_an_interruption_leaves_nothing(self, nb, tiny, folder, monkeypatch):
        def stop(*arguments):
            raise KeyboardInterrupt

        monkeypatch.setattr("nb_taps.TapResult.to_json", stop)
        assert nb("trace", "--pixel", "3", "4", "--json", "--", *tiny).code == 130
        assert names(folder) <= {"nb-trace"}
        assert list(folder.glob("nb-trace/*")) == []


class TestPlugins:
    """A plugin that breaks stops the command, unless it is left out."""

    @pytest.fixture(autouse=True)
    def plugin(self, monkeypatch):
        entry = EntryPoint(name="broken", value="no_module_of_rain", group="nb_taps")
        monkeypatch.delenv("NB_TAPS_DISABLE", raising=False)
        found = {"nb_taps": [entry]}
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found.get(group, []))

    def test_it_stops_the_command(self, refused, tiny):
        assert "broken" in refused("trace", "--pixel", "3", "4", "--", *tiny)

    def test_it_is_left_out(self, trace, monkeypatch):
        assert titles(trace("--pixel 3 4 --no-plugins")) == [(3, 4)]
        monkeypatch.setenv("NB_TAPS_DISABLE", "broken")
        assert titles(trace("--pixel 3 4")) == [(3, 4)]


class TestDiff:
    @pytest.fixture
    def pair(self, trace):
        """Two folders that are the same."""
        for name in ("a", "b"):
            trace(f"--pixel 3 4 --taps omega,f_cell,intensity --json --out-dir {name}")

    def test_the_same(self, nb, pair):
        outcome = nb("trace diff a b")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.endswith("3 compared, 0 differ, 0 alone\n")

    def test_other_experiments(self, nb, pair, trace):
        trace("--pixel 3 4 --taps omega,f_cell,intensity --json --out-dir c", "-default_F", "7")
        outcome = nb("trace diff a c")
        assert (outcome.code, outcome.err) == (3, "")
        assert "omega at pixel 3, 4: agree" in outcome.out
        assert "f_cell at pixel 3, 4: differ" in outcome.out
        assert re.search(r"^  default_F: 100\.0 \| 7\.0 ", outcome.out, re.MULTILINE)
        assert outcome.out.endswith("3 compared, 2 differ, 0 alone\n")
        # Photons go with the square of F: 1 - (7/100)^2 is within a tolerance of 1.
        assert nb("trace diff --rtol 1 a c").code == 0
        assert nb("trace diff --rtol 0.99 a c").code == 3

    def test_an_edge_and_a_centre(self, nb, trace):
        trace("--pixel 0 0 --tag edge --json --out-dir edge")
        trace("--pixel 8 8 --tag centre --json --out-dir centre")
        outcome = nb("trace diff edge centre")
        assert outcome.code == 3
        assert "f_cell at pixel 0, 0 against 8, 8: " in outcome.out
        assert "omega at pixel 0, 0 against 8, 8: differ" in outcome.out
        # What belongs to the crystal and not to the pixel is the same.
        assert "orientation at pixel 0, 0 against 8, 8: agree" in outcome.out
        assert outcome.out.splitlines()[-1].startswith(f"{len(NAMES)} compared, ")

    def test_something_alone(self, nb, pair, folder):
        (folder / "b" / "3-4-omega.json").unlink()
        outcome = nb("trace diff a b")
        assert outcome.code == 3
        assert "only in one folder: a: omega at pixel 3, 4" in outcome.out

    @pytest.mark.parametrize(
        "line", ["a none", "none a", "a empty", "a", "", "a b c", "--rtol -1 a b", "--rtol x a b"]
    )
    def test_bad_input(self, refused, pair, folder, line):
        (folder / "empty").mkdir()
        refused(f"trace diff {line}")

    def test_a_broken_file(self, nb, pair, folder):
        (folder / "b" / "3-4-omega.json").write_text("{")
        outcome = nb("trace diff a b")
        assert (outcome.code, outcome.out) == (5, "")
        (line,) = outcome.errors
        assert line.startswith(f"nb: {os.path.join('b', '3-4-omega.json')}: not JSON")

"""nb bench: what it prints and keeps. Scripts stand in for the child processes and for C."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from nb_bench import process as process_module
from nb_bench.measure import Bench
from nb_bench.process import Child

CHILD = """
import json, os, sys
job = json.loads(sys.stdin.readline())
home = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(os.path.join(home, "jobs"), "a") as stream:
    cache = os.environ.get("NB_CACHE_DIR")
    empty = None if cache is None else not os.listdir(cache)
    threads = os.environ["OMP_NUM_THREADS"]
    print(json.dumps([job, cache, empty, threads]), file=stream)
    if cache:
        open(os.path.join(cache, "kernel"), "w").close()

def say(**answer):
    print(json.dumps(answer), flush=True)

if job["kind"] == "ceiling":
    say(float64=1e10, float32=2e10, copy=1e10, by="chains of multiply-adds")
    sys.exit()
counts = dict(pixels=256, slow=16, fast=16, layers=1, oversample=1, sources=1, phi=1, domains=1,
              shape="square", lattice=dict(plain=17, sines=6), interpolated=False, entries=1,
              absorbing=False)
chosen = dict(name="compiled", reason="asked for", kernels=["a-kernel"])
say(counts=counts, baseline=2**20, warnings=["coarse"], chosen=chosen)
for line in sys.stdin:
    order, _, path = line.strip().partition(" ")
    if order == "run":
        forward = 0.125 if job["gradient"] else None
        say(seconds=0.5, forward=forward, resident=2**21, device=None)
    else:
        with open(path, "wb") as target, open(os.path.join(home, "image"), "rb") as source:
            target.write(source.read())
        say(done=path)
"""
C = """
import os, shutil, sys
home = os.path.dirname(os.path.abspath(sys.argv[0]))
shutil.copy(os.path.join(home, "image"), "floatimage.bin")
print(os.environ["OMP_NUM_THREADS"], *sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory, monkeypatch):
    """Where temporary files go; all must be gone afterwards."""
    home = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(home))
    monkeypatch.delenv("NB_C_BIN", raising=False)
    monkeypatch.delenv("NB_CACHE_DIR", raising=False)
    yield home
    assert os.listdir(home) == []


@pytest.fixture
def home(tmp_path_factory, monkeypatch):
    """A folder with the stand-ins, and an image that both of them leave."""
    home = tmp_path_factory.mktemp("bin")
    np.arange(256, dtype="<f4").tofile(home / "image")
    (home / "child").write_text(CHILD)
    (home / "nanoBragg").write_text(f"#!{sys.executable} -IS\n{C}")
    (home / "nanoBragg").chmod(0o755)
    monkeypatch.setattr("nb_bench.process.COMMAND", (sys.executable, "-IS", str(home / "child")))
    return home


@pytest.fixture
def bench(nb, home):
    """Runs it on the smallest still, with these options."""

    def call(*options):
        return nb("bench", "--sizes", "16", "--workload", "still", *options)

    return call


def jobs(home):
    return [json.loads(line) for line in (home / "jobs").read_text().splitlines()]


def cells(outcome, head):
    """The first row of the table that has this column, as a dictionary."""
    lines = outcome.out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if re.search(rf"\b{head}\b", line)]
    split = re.compile(r" {2,}")
    return dict(zip(split.split(lines[at]), split.split(lines[at + 1]), strict=True))


class TestTable:
    def test_without_the_c_program(self, bench, folder):
        ran = bench("--iterations", "2")
        assert ran.code == 0
        assert ran.errors == ["nb: no C program to compare with: give --c-bin, or set NB_C_BIN"]
        times = cells(ran, "ns/eval")
        assert times["workload"] == "still-16"
        assert (times["warm s"], times["min"], times["max"]) == ("0.5", "0.5", "0.5")
        assert float(times["cold s"]) > 0
        assert float(times["cached s"]) > 0
        assert float(times["ns/eval"]) == pytest.approx(0.5e9 / 256, rel=1e-2)
        assert float(times["eval/s"]) == 512
        assert (times["peak MiB"], times["import MiB"]) == ("2", "1")
        assert cells(ran, "roofline")["C/nb"] == "-"
        assert re.search("ceiling, cpu, threads .* \\(chains of multiply-adds\\);", ran.out)
        assert "beside" not in ran.out
        assert os.listdir(folder) == []

    def test_beside_the_c_program(self, bench, home, folder):
        ran = bench("--c-bin", home / "nanoBragg", "--iterations", "3", "--no-cold")
        assert (ran.code, ran.err) == (0, "")
        limits = cells(ran, "roofline")
        assert float(limits["correlation"]) == float(limits["sum_ratio"]) == 1
        assert float(limits["maxd"]) == 0
        pairs = re.search(r"^ +still-16 float64 compiled: (.*)$", ran.out, re.MULTILINE)[1].split()
        assert len(pairs) == 3
        assert float(limits["C/nb"]) == sorted(float(pair) for pair in pairs)[1]
        assert os.listdir(folder) == []

    def test_the_c_program_may_be_named_by_the_environment(self, bench, home, monkeypatch):
        monkeypatch.setenv("NB_C_BIN", str(home / "nanoBragg"))
        ran = bench("--iterations", "1", "--no-cold")
        assert (ran.code, ran.err) == (0, "")
        assert "pair by pair" in ran.out

    def test_progress_moves_to_the_end(self, bench, home, monkeypatch):
        moves = []

        class Bar:
            def __enter__(self):
                return lambda done, total: moves.append((done, total))

            def __exit__(self, *error):
                return None

        monkeypatch.setattr("nb_cli.progress.pixel_progress", lambda label: Bar())
        assert bench("--iterations", "4").code == 0
        assert moves == [(done, 9) for done in range(1, 10)]


class TestChildren:
    def test_cold_has_no_kernels_and_the_others_have_its(self, bench, home):
        bench("--iterations", "2", "--threads", "3")
        first, *work = jobs(home)
        assert first[0]["kind"] == "ceiling"
        assert [empty for _, _, empty, _ in work] == [True, False, False, False]
        assert len({cache for _, cache, _, _ in work}) == 1
        assert {threads for *_, threads in work} == {"3"}
        assert {job["threads"] for job, *_ in work} == {3}

    def test_without_cold_the_users_kernels_are_used(self, bench, home, monkeypatch, tmp_path):
        monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path))
        bench("--iterations", "1", "--no-cold", "--device", "cpu", "--engine", "auto")
        (job, cache, _, _) = jobs(home)[-1]
        assert len(jobs(home)) == 2
        assert cache == str(tmp_path)
        assert (job["engine"], job["dtype"], job["device"]) == ("auto", "float64", "cpu")

    def test_compiled_is_the_default_and_the_precision_may_be_chosen(self, bench, home):
        ran = bench("--iterations", "1", "--no-cold", "--dtype", "float32")
        assert cells(ran, "ns/eval")["dtype"] == "float32"
        job = jobs(home)[-1][0]
        assert (job["engine"], job["dtype"]) == ("compiled", "float32")

    def test_threads_are_those_of_the_environment(self, bench, home, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        bench("--iterations", "1", "--no-cold")
        assert {threads for *_, threads in jobs(home)} == {"2"}

    def test_one_that_fails_is_an_error(self, bench, home, folder):
        (home / "child").write_text("import sys; sys.exit('out of memory')")
        ran = bench("--out-dir", "results")
        assert ran.code == 6
        assert ran.errors[-1].endswith("ended with exit code 1; it said: out of memory")
        assert os.listdir(folder) == []


class TestKept:
    def test_json(self, bench, home, folder):
        program = str(home / "nanoBragg")
        ran = bench("--c-bin", program, "--iterations", "2", "--json", "bench.json")
        assert ran.out.endswith("wrote bench.json\n")
        assert os.listdir(folder) == ["bench.json"]
        content = json.loads((folder / "bench.json").read_text())
        assert (content["schema"], content["suite"]) == ("nb-bench/1", "quick")
        (row,) = content["rows"]
        assert row["workload"] == "still-16"
        assert row["counts"]["evaluations"] == 256
        assert row["wall_s"]["warm"]["samples"] == [0.5, 0.5]
        assert len(row["wall_s"]["cached"]["samples"]) == 2
        assert len(row["c"]["ratio"]["pairs"]) == 2
        assert row["parity"]["correlation"] == 1
        assert row["memory_bytes"] == {"peak": 2**21, "baseline": 2**20, "device": None}
        assert row["roofline"]["share"] == pytest.approx(row["roofline"]["limit_s"] / 0.5)
        assert row["gradient"] is None
        assert row["neighbours"] is None
        assert row["roofline"]["ceiling"]["by"] == "chains of multiply-adds"
        assert row["whole_image"] is None
        assert row["warnings"] == ["coarse"]
        assert (row["engine"], row["chosen"]["kernels"]) == ("compiled", ["a-kernel"])

    def test_a_gradient(self, nb, home, folder):
        options = ("--sizes", "16", "--workload", "gradient", "--iterations", "2", "--no-cold")
        ran = nb("bench", *options, "--json", "bench.json")
        said = "image and gradient / image alone, pair by pair:\n"
        assert f"{said}  gradient-50-16 float64 compiled: 4 4\n" in ran.out
        (row,) = json.loads((folder / "bench.json").read_text())["rows"]
        assert row["gradient"]["ratio"] == {"median": 4, "pairs": [4, 4]}
        assert row["gradient"]["forward_s"]["median"] == 0.125

    def test_a_folder(self, bench, home, folder):
        ran = bench("--out-dir", "results", "--iterations", "1", "--c-bin", home / "nanoBragg")
        assert ran.out.endswith("wrote results\n")
        names = "bench.json checksums.txt commands.txt environment.json scaling.png table.txt"
        assert sorted(os.listdir("results")) == names.split()
        assert (folder / "results" / "table.txt").read_text() in f"{ran.out}"
        commands = (folder / "results" / "commands.txt").read_text().splitlines()
        assert commands[-2].startswith("nb bench --sizes 16")
        assert commands[-1].startswith(str(home / "nanoBragg"))
        assert (folder / "results" / "scaling.png").read_bytes().startswith(b"\x89PNG")

    def test_artefacts(self, bench, home, folder):
        bench("--out-dir", "results", "--keep-artifacts", "--c-bin", home / "nanoBragg")
        kept = folder / "results" / "artifacts"
        label = "still-16-float64"
        names = [f"{label}-c.bin", f"{label}-c.log", f"{label}-nb.bin"]
        assert sorted(os.listdir(kept / "images")) == names
        assert (kept / "kernels" / label / "nb" / "kernel").is_file()
        assert "-noprogress" in (kept / "images" / f"{label}-c.log").read_text()

    def test_the_list_of_structure_factors(self, nb, home, folder):
        words = "--workload hkl-list --sizes 16 --no-cold --iterations 1 --keep-artifacts"
        assert nb(f"bench --out-dir results {words}").code == 0
        lines = (folder / "results/artifacts/reflections.hkl").read_text().splitlines()
        assert len(lines) == 41**3
        assert lines[0].split()[:3] == ["-20", "-20", "-20"]
        assert {len(line.split()) for line in lines} == {4}
        arguments = jobs(home)[-1][0]["arguments"]
        assert os.path.isabs(arguments[arguments.index("-hkl") + 1])

    def test_profiles(self, bench, folder):
        bench("--out-dir", "results", "--profile", "--iterations", "1", "--no-cold")
        assert os.listdir(folder / "results" / "profile") == ["still-16-float64.json.gz"]


class TestNeighbours:
    """--neighbours: the calls once more, while other processes compute."""

    def started(self, monkeypatch):
        """The processes that were started with no work to do, as the benchmark goes on."""
        real, loops = subprocess.Popen, []

        def start(command, **options):
            process = real(command, **options)
            if process_module._LOOP in command:
                loops.append(process)
            return process

        monkeypatch.setattr("nb_bench.process.subprocess.Popen", start)
        return loops

    def test_each_workload_is_timed_alone_and_beside_with_both_engines(
        self, bench, home, folder, monkeypatch
    ):
        loops = self.started(monkeypatch)
        ran = bench("--neighbours", "2", "--no-cold", "--iterations", "2", "--json", "bench.json")
        assert ran.code == 0
        assert [job["engine"] for job, *_ in jobs(home) if job["kind"] == "work"] == [
            "eager",
            "compiled",
        ]
        beside = cells(ran, "beside/alone")
        assert (beside["neighbours"], beside["engine"]) == ("2", "eager")
        assert (beside["alone s"], beside["beside s"], beside["beside/alone"]) == (
            "0.5",
            "0.5",
            "1",
        )
        content = json.loads((folder / "bench.json").read_text())
        assert content["suite"] == "shared"
        found = [row["neighbours"] for row in content["rows"]]
        assert [one["count"] for one in found] == [2, 2]
        assert found[0]["wall_s"]["samples"] == [0.5, 0.5]
        assert found[0]["ratio"] == 1
        assert [loop.returncode for loop in loops] == [-9] * 4

    def test_they_end_when_it_is_interrupted(self, bench, monkeypatch):
        loops = self.started(monkeypatch)
        real = Child.order

        def order(self, line):
            if loops:
                assert [loop.poll() for loop in loops] == [None] * 3
                raise KeyboardInterrupt
            return real(self, line)

        monkeypatch.setattr(Child, "order", order)
        assert bench("--neighbours", "3", "--no-cold", "--iterations", "1").code == 130
        assert [loop.returncode for loop in loops] == [-9] * 3

    def test_one_that_cannot_be_started_is_an_error(self, bench, monkeypatch):
        monkeypatch.setattr("nb_bench.process._LOOP", "while False: pass")
        ran = bench("--neighbours", "1", "--no-cold", "--iterations", "1")
        assert ran.errors[-1].startswith("nb: nb bench: a busy neighbour: ended with exit code 0")


class TestInterrupted:
    @pytest.fixture
    def second(self, monkeypatch):
        """Interrupts the second workload."""
        real, seen = Bench.measure, []

        def measure(self, workload, engine):
            seen.append(workload)
            if len(seen) > 1:
                raise KeyboardInterrupt
            return real(self, workload, engine)

        monkeypatch.setattr(Bench, "measure", measure)

    def test_nothing_is_left(self, nb, home, second, folder):
        words = "--sizes 16,17 --workload still --no-cold --iterations 1 --json bench.json"
        ran = nb(f"bench {words} --out-dir results")
        assert ran.code == 130
        assert cells(ran, "ns/eval")["workload"] == "still-16"
        assert os.listdir(folder) == []

    def test_artefacts_are_left_where_they_are_to_be_kept(self, nb, home, second, folder):
        words = "--sizes 16,17 --workload still --no-cold --iterations 1 --keep-artifacts"
        ran = nb(f"bench {words} --out-dir results")
        assert ran.code == 130
        assert os.listdir(folder) == ["results"]
        content = json.loads((folder / "results" / "bench.json").read_text())
        assert [row["workload"] for row in content["rows"]] == ["still-16"]
        assert (folder / "results" / "artifacts" / "images").is_dir()


class TestList:
    def test_names_and_evaluations(self, nb):
        ran = nb("bench --list --workload still --workload steps-100-512")
        lines = [line.split() for line in ran.out.splitlines()]
        assert lines[0] == ["workload", "kind", "dtype", "evaluations"]
        assert lines[1] == ["still-256", "still", "float64", str(256 * 256)]
        assert lines[-1] == ["steps-100-512", "steps", "float64", str(100 * 512 * 512)]

    def test_the_full_suite(self, nb):
        ran = nb(
            "bench --list --suite full --workload rotation --workload layers --workload sources"
        )
        found = {line.split()[0]: int(line.split()[-1]) for line in ran.out.splitlines()[1:]}
        assert found == {
            "sources-200-512": 200 * 512 * 512,
            "layers-8x9-512": 8 * 9 * 512 * 512,
            "rotation-6m": 2463 * 256 * 50 * 20,
        }


class TestRefused:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("--sizes 16,x", "--sizes: 16,x: whole numbers from 1 to 32768"),
            ("--sizes 0", "--sizes: 0: whole numbers"),
            ("--workload stil", "--workload: stil: no such workload; nb bench --list names them"),
            ("--iterations 0", "'--iterations': 0 is not in the range x>=1"),
            ("--threads 0", "'--threads': 0 is not in the range x>=1"),
            ("--suite all", "'--suite': 'all' is not one of 'quick', 'full', 'shared'"),
            ("--neighbours -1", "'--neighbours': -1 is not in the range 0<=x<=256"),
            ("--neighbours two", "'--neighbours': 'two' is not a valid integer"),
            ("--engine fast", "'--engine': 'fast' is not one of"),
            ("--device abacus", "device: abacus: "),
            ("--profile", "--profile: without --out-dir: also give --out-dir DIR"),
            ("--keep-artifacts", "--keep-artifacts: without --out-dir: also give --out-dir DIR"),
            ("--c-bin nowhere", "--c-bin: nowhere: no such file"),
            ("--out-dir a/b --c-bin {c}", "a/b: there is no folder a; make it first"),
            ("--json a/b", "a/b: there is no folder a; make it first"),
        ],
    )
    def test_options(self, refused, home, words, said):
        assert said in refused(f"bench {words.format(c=home / 'nanoBragg')}")

    def test_a_folder_with_files(self, refused, home, folder):
        (folder / "results").mkdir()
        (folder / "results" / "mine").write_text("")
        line = refused(f"bench --out-dir results --c-bin {home / 'nanoBragg'}")
        assert line.endswith("results: exists already; name a new folder with --out-dir")

    def test_an_image_of_another_size(self, bench, home):
        program = (home / "nanoBragg").read_text()
        (home / "nanoBragg").write_text(f"{program}\nopen('floatimage.bin', 'wb').write(bytes(4))")
        ran = bench("--c-bin", home / "nanoBragg", "--no-cold", "--iterations", "1")
        assert ran.code == 5
        assert "1 pixels of the C program, where 256 finite ones are expected" in ran.errors[-1]


def test_a_real_child(nb, monkeypatch):
    monkeypatch.setattr("nb_bench.measure.CEILING_COPY", 2**20)
    monkeypatch.setitem(sys.modules["nb_bench.measure"].CEILING_EDGE, "cpu", 64)
    monkeypatch.setattr("nb_bench.measure.CEILING_STEPS", 1000)
    ran = nb("bench --engine eager --sizes 16 --workload still --no-cold --iterations 1")
    assert ran.code == 0, ran
    times = cells(ran, "ns/eval")
    assert times["evaluations"] == "256"
    assert float(times["warm s"]) > 0

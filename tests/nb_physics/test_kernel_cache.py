"""The folder of kernels: what is written, found again, taken out. No file here is a kernel."""

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch
from small_experiments import small_experiment

from nb_core import ExitCode, NbWarning
from nb_physics import make_plan
from nb_physics.engine import cache, load, lock, make
from nb_physics.engine.cache import is_at_hand, keep, kept_kernels, kernel_path
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.walk import needed_kernels
from nb_physics.scene import make_scene

pytestmark = pytest.mark.filterwarnings("ignore:oversample:nb_core.NbWarning")
DAY = 86400
LIBRARY = b"\x7fELF, but no kernel" * 100


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of kernels, which is not there yet; and nothing known of failures."""
    monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path / "kernels"))
    monkeypatch.setattr(make, "_failures", {})
    monkeypatch.setattr(make, "_not_kept", {})
    make._warn_not_kept.cache_clear()
    return tmp_path / "kernels"


@pytest.fixture
def kernels():
    """Two kernels."""
    scene = make_scene(make_plan(small_experiment(oversample=2)))
    return needed_kernels(scene, torch.float64, torch.device("cpu"))


@pytest.fixture
def kernel(kernels) -> KernelKind:
    return kernels[0]


@pytest.fixture
def made(tmp_path):
    """A file as a builder leaves it."""
    path = tmp_path / "made.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kernel/source.cpp", b"text")
        archive.writestr("kernel/library.so", LIBRARY)
    return path


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def of_version(kernel, made, monkeypatch, *, source, installation=None):
    """Keeps a kernel as another version would; its path."""
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_source_digest", lambda: source)
        if installation is not None:
            patch.setattr(cache, "_installation", lambda: str(installation))
        patch.setattr(cache, "take_out_useless", lambda: None)
        return keep(LIBRARY, kernel, 1.0)


class TestKeeping:
    def test_a_kernel_and_its_record(self, folder, kernel, made):
        path = keep(LIBRARY, kernel, 12.34)
        assert path == kernel_path(kernel)
        assert is_at_hand(kernel)
        assert files(folder) == [f"{path.stem}.json", path.name]
        assert path.read_bytes() == LIBRARY
        record = json.loads(path.with_suffix(".json").read_text())
        assert record["schema"] == "nb-kernel/1"
        assert record["kernel"] == json.loads(kernel.to_json())
        assert (record["torch"], record["seconds"]) == (torch.__version__, 12.3)

    def test_it_is_found_again(self, kernels, made):
        for kernel in kernels:
            keep(LIBRARY, kernel, 1.0)
        found = kept_kernels()
        assert {entry.kernel for entry in found} == set(kernels)
        assert all(entry.current and entry.usable for entry in found)
        assert {entry.bytes for entry in found} == {len(LIBRARY)}

    def test_no_folder_no_kernels(self):
        assert kept_kernels() == []

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"kernel": 5}', '{"kernel": {}}', "\udcff"])
    def test_a_record_that_says_nothing(self, folder, kernel, made, text):
        path = keep(LIBRARY, kernel, 1.0)
        path.with_suffix(".json").write_bytes(text.encode(errors="surrogateescape"))
        (entry,) = kept_kernels()
        assert (entry.kernel, entry.usable) == (None, False)

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
    def test_a_folder_that_takes_no_more(self, folder, kernel, made, monkeypatch, number):
        """Nothing is left of a file that could not be written to its end."""

        def half(path, content):
            with path.open("wb") as stream:
                stream.write(content[:50])
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(Path, "write_bytes", half)
        with pytest.raises(OSError, match=os.strerror(number)):
            keep(LIBRARY, kernel, 1.0)
        assert files(folder) == []
        assert not is_at_hand(kernel)

    def test_use_is_noted(self, kernel, made):
        path = keep(LIBRARY, kernel, 1.0)
        os.utime(path, (0, 0))
        cache.note_use(path)
        (entry,) = kept_kernels()
        assert entry.used > time.time() - 60
        cache.note_use(path.with_name("none"))

    def test_a_file_that_cannot_be_read_is_not_at_hand(self, kernel, made, monkeypatch):
        keep(LIBRARY, kernel, 1.0)
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        assert not is_at_hand(kernel)

    def test_a_folder_below_a_file_is_no_folder(self, folder, kernel):
        folder.write_bytes(b"a file")
        assert not is_at_hand(kernel)

    def test_the_home_folder_may_be_written_with_a_tilde(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NB_CACHE_DIR", "~/mine")
        assert cache.cache_folder() == tmp_path / "mine"


class TestTakingOut:
    """What goes when a kernel is written."""

    def test_an_older_version_of_this_installation(self, folder, kernel, made, monkeypatch):
        old = of_version(kernel, made, monkeypatch, source="older")
        (entry,) = kept_kernels()
        assert not entry.current
        new = keep(LIBRARY, kernel, 1.0)
        assert new != old
        assert files(folder) == [f"{new.stem}.json", new.name]

    def test_this_version_stays(self, kernels, made):
        for kernel in kernels:
            keep(LIBRARY, kernel, 1.0)
            os.utime(kernel_path(kernel), (0, 0))
        keep(LIBRARY, kernels[0], 1.0)
        assert all(is_at_hand(kernel) for kernel in kernels)

    def test_this_version_on_another_processor_stays(self, kernel, made, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(cache, "_processor", lambda: "another")
            other = keep(LIBRARY, kernel, 1.0)
        mine = keep(LIBRARY, kernel, 1.0)
        assert other.exists()
        usable = {entry.path: entry.usable for entry in kept_kernels()}
        assert usable == {other: False, mine: True}

    def test_another_installation_in_use_stays(self, kernel, made, monkeypatch, tmp_path):
        """Two environments of one user do not take each other's kernels away."""
        other = of_version(kernel, made, monkeypatch, source="o", installation=tmp_path)
        keep(LIBRARY, kernel, 1.0)
        assert other.exists()

    def test_another_installation_that_is_idle(self, kernel, made, monkeypatch, tmp_path):
        other = of_version(kernel, made, monkeypatch, source="o", installation=tmp_path)
        long_ago = time.time() - (cache.UNUSED_DAYS + 1) * DAY
        os.utime(other, (long_ago, long_ago))
        keep(LIBRARY, kernel, 1.0)
        assert not other.exists()

    def test_an_installation_that_is_no_more(self, kernel, made, monkeypatch, tmp_path):
        gone = of_version(kernel, made, monkeypatch, source="o", installation=tmp_path / "gone")
        keep(LIBRARY, kernel, 1.0)
        assert not gone.exists()

    def test_what_nothing_is_known_of(self, folder, kernel, made):
        """As versions before this one left them."""
        folder.mkdir()
        shutil.copyfile(made, folder / "whole-square-fd419643b9b013b7455423c2.pt2")
        path = keep(LIBRARY, kernel, 1.0)
        assert files(folder) == [f"{path.stem}.json", path.name]

    def test_what_processes_that_died_have_left(self, folder, kernel, made):
        folder.mkdir()
        names = [".new-abc", "whole-x.wanted", "whole-gone.json"]
        for name in names:
            (folder / name).write_bytes(b"")
        (folder / "notes.txt").write_bytes(b"not nb's")
        keep(LIBRARY, kernel, 1.0)
        assert {*names, "notes.txt"} < set(files(folder))  # they may belong to one that runs
        for name in [*names, "notes.txt"]:
            os.utime(folder / name, (0, 0))
        path = keep(LIBRARY, kernel, 1.0)
        assert files(folder) == [f"{path.stem}.json", path.name, "notes.txt"]


STUB = """
import pathlib, shutil, sys
made, target, log = map(pathlib.Path, sys.argv[1:])
with log.open("a") as stream:
    stream.write("built\\n")
if not made.exists():
    sys.exit("the stub has nothing to copy")
shutil.copyfile(made, target)
"""


@pytest.fixture
def stub(tmp_path, monkeypatch, made):
    """A builder that copies a file, in place of the compiler; the kernels that it was to build, and
    (`failing`) those for which it finds none.
    """

    class Started(list):
        failing = ()

    started = Started()

    def start(kernel, folder):
        started.append(kernel)
        source = tmp_path / "none" if kernel in started.failing else made
        words = [str(each) for each in (source, folder / make.MADE, tmp_path / "built.log")]
        with (folder / make.ERRORS).open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", STUB, *words], stderr=errors, start_new_session=True
            )
        return make.Running(kernel, folder, process)

    monkeypatch.setattr(make, "start", start)
    return started


class TestMaking:
    def test_what_is_missing_is_built(self, folder, kernels, stub, made):
        keep(LIBRARY, kernels[0], 1.0)
        assert make.make_kernels(kernels) == [kernel_path(kernel) for kernel in kernels]
        assert stub == [kernels[1]]
        make.make_kernels(kernels)
        assert stub == [kernels[1]]
        assert len(files(folder)) == 4  # no lock is left

    def test_what_is_said(self, kernels, stub, caplog, monkeypatch):
        monkeypatch.setattr(make, "SAY_EVERY", 0.0)
        with caplog.at_level(logging.WARNING, "nb_physics"):  # as Python has it by default
            make.make_kernels(kernels)
        first, *between, last = [record.getMessage() for record in caplog.records]
        assert first.startswith("building compiled kernels for this kind of work, once (about ")
        assert "terms of a sub-pixel: parallelepiped, float64; photons of the sums" in first
        assert between
        assert all(line.startswith("building compiled kernels, about ") for line in between)
        assert last.startswith("built in ")

    def test_one_that_fails_does_not_take_the_others_along(self, kernels, stub):
        stub.failing = kernels[:1]
        for _ in range(2):  # what failed is not tried again
            with pytest.raises(make.BuildError, match="failed: the stub has nothing") as caught:
                make.make_kernels(kernels)
        assert caught.value.exit_code is ExitCode.PROGRAM_FAILED
        assert sorted(stub, key=kernels.index) == kernels
        assert make.make_kernels(kernels[1:]) == [kernel_path(kernels[1])]

    def test_a_folder_that_cannot_be_written_to(self, folder, kernels, stub, made):
        """Kernels are built for this process, with one warning."""
        folder.write_bytes(b"a file")
        with pytest.warns(NbWarning, match="does not take compiled kernels") as caught:
            paths = make.make_kernels(kernels)
        assert len([entry for entry in caught if "take compiled" in str(entry.message)]) == 1
        assert all(path.read_bytes() == LIBRARY for path in paths)
        assert make.make_kernels(kernels) == paths
        assert stub == kernels
        assert folder.read_bytes() == b"a file"

    def test_a_folder_without_locks(self, kernels, stub, monkeypatch):
        def refuse(*arguments):
            raise OSError(errno.ENOLCK, "no locks available")

        monkeypatch.setattr(lock.fcntl, "flock", refuse)
        assert make.make_kernels(kernels) == [kernel_path(kernel) for kernel in kernels]

    def test_no_folder_for_temporary_files(self, folder, kernels, monkeypatch):
        def refuse(*arguments, **more):
            raise FileNotFoundError(errno.ENOENT, "no usable temporary folder")

        monkeypatch.setattr(make.tempfile, "TemporaryDirectory", refuse)
        with pytest.raises(make.BuildError, match="no usable temporary folder"):
            make.make_kernels(kernels)
        assert not folder.exists()

    def test_an_interrupted_build_leaves_nothing(
        self, folder, kernels, stub, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(make.tempfile, "tempdir", str(tmp_path / "temporary"))
        (tmp_path / "temporary").mkdir()
        running = []

        def interrupted(processes, say):
            running.extend(processes)
            raise KeyboardInterrupt

        monkeypatch.setattr(make, "_as_they_end", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make.make_kernels(kernels)
        assert all(one.process.returncode is not None for one in running)
        assert files(tmp_path / "temporary") == []
        assert not folder.exists()
        monkeypatch.undo()

    def test_compilers_end_with_the_process_that_started_them(self, tmp_path, kernel):
        """A build is a group of processes, all of which end; the pipe closes with the last."""
        words = ["sh", "-c", "sleep 1000 & echo started; wait"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout.readline() == b"started\n"
        make.Running(kernel, tmp_path, process).end()
        assert process.stdout.read() == b""
        process.stdout.close()
        assert process.returncode == -9


PARENT = """
import subprocess, sys
program = (
    "import os, time; from nb_physics.engine.attended import end_with;"
    "end_with(os.getppid()); print('ready', flush=True); time.sleep(1000)"
)
subprocess.run([sys.executable, "-c", program], start_new_session=True)
"""


def test_a_build_ends_with_the_process_that_asked_for_it():
    """Even where that was killed and could tell nobody; the pipe closes with the last process."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"ready\n"
    parent.kill()
    assert parent.stdout.read() == b""
    parent.stdout.close()
    parent.wait()


class TestLock:
    def test_it_is_held_and_given_back(self, tmp_path):
        path, waited = tmp_path / "a.lock", []

        class Enough(Exception):
            pass

        def waiting(seconds):
            waited.append(seconds)
            raise Enough

        with lock.locked(path, waiting), pytest.raises(Enough), lock.locked(path, waiting):
            pytest.fail("two hold it")
        assert len(waited) == 1
        assert not path.exists()
        with lock.locked(path, waiting):
            pass

    def test_that_of_a_dead_process_is_free(self, tmp_path):
        path = tmp_path / "a.lock"
        program = (
            "import os, sys; from pathlib import Path; from nb_physics.engine import lock\n"
            "with lock.locked(Path(sys.argv[1]), print): os._exit(9)"
        )
        subprocess.run([sys.executable, "-c", program, str(path)], check=False)
        assert path.exists()
        with lock.locked(path, pytest.fail):
            pass

    def test_a_holder_that_never_lets_go_is_not_waited_for(self, tmp_path, monkeypatch):
        path = tmp_path / "a.lock"
        monkeypatch.setattr(lock, "LONGEST_WAIT", 0.0)
        with lock.locked(path, pytest.fail), lock.locked(path, pytest.fail):
            pass

    def test_an_interrupted_wait_leaves_the_lock_to_its_holder(self, tmp_path):
        def interrupted(seconds):
            raise KeyboardInterrupt

        path = tmp_path / "a.lock"
        with lock.locked(path, interrupted):
            with pytest.raises(KeyboardInterrupt), lock.locked(path, interrupted):
                pytest.fail("two hold it")
            assert path.exists()


BUILDER = """
import subprocess, sys
from pathlib import Path
import torch
from nb_core import CrystalConfig, DetectorConfig, Experiment
from nb_physics import make_plan
from nb_physics.engine import make
from nb_physics.engine.walk import needed_kernels
from nb_physics.scene import make_scene

folder = Path(sys.argv[1])

def start(kernel, where):
    with (folder / "built.log").open("a") as log:
        log.write("built\\n")
    with (where / make.ERRORS).open("wb") as errors:
        # ends when the other process has been seen waiting, which closes the pipe
        program = f"while [ ! -e {folder}/go ]; do sleep 0.05; done"
        program += f"; cp {folder}/made.pt2 {where / make.MADE}"
        process = subprocess.Popen(["sh", "-c", program], stderr=errors, start_new_session=True)
    return make.Running(kernel, where, process)

make.start = start
make._NowAndThen.__call__ = lambda self, seconds: (
    (folder / "go").touch() if self.what.startswith("waiting") else None
)
crystal = CrystalConfig(cell_a=50, cell_b=50, cell_c=50, default_F=1)
plan = make_plan(Experiment(crystal, DetectorConfig(fpixels=4, spixels=4)))
kernels = needed_kernels(make_scene(plan), torch.float64, torch.device("cpu"))
print([str(path) for path in make.make_kernels(kernels)])
"""


def test_two_processes_that_want_a_kernel_build_it_once(tmp_path, folder, made):
    """The one that comes second waits, which lets the first one's builder end."""
    command = [sys.executable, "-W", "ignore", "-c", BUILDER, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert answers[0] == answers[1]
    assert (tmp_path / "built.log").read_text() == "built\n"
    assert [name for name in files(folder) if not name.endswith((".so", ".json"))] == []


class TestLoading:
    """A file that cannot be loaded is removed where it is damaged, and only there."""

    @pytest.fixture(autouse=True)
    def nothing_loaded(self):
        load._load.cache_clear()

    def refuse(self, monkeypatch, said):
        def loader(path):
            raise RuntimeError(said)

        monkeypatch.setattr(load, "Library", loader)

    def test_a_sound_file_stays(self, kernel, made, monkeypatch):
        """When the folder for temporary files is full, say."""
        path = keep(LIBRARY, kernel, 1.0)
        self.refuse(monkeypatch, "Failed to write /tmp/x: No space left on device\nat line 5")
        with pytest.raises(load.BuildError, match="loaded: Failed to write /tmp/x: No space left"):
            load.load_kernels([kernel])
        assert path.exists()

    def damaged(self, how):
        content = bytearray(LIBRARY)
        if how == "cut off":
            return bytes(content[: len(content) // 2])
        if how == "a bit":
            content[200] ^= 1
        return b"" if how == "empty" else bytes(content)

    @pytest.mark.parametrize("how", ["cut off", "a bit", "empty"])
    def test_a_damaged_file_goes(self, folder, kernel, made, monkeypatch, how):
        path = keep(LIBRARY, kernel, 1.0)
        path.write_bytes(self.damaged(how))
        self.refuse(monkeypatch, "whatever")
        with pytest.raises(load.BuildError, match="it was damaged, and is built again the next"):
            load._load(str(path))
        assert files(folder) == []

    @pytest.mark.parametrize("content", [b"no kernel at all", b""])
    def test_a_file_that_nothing_is_known_of(self, folder, kernel, made, monkeypatch, content):
        """Is damaged where it is neither an archive nor a library."""
        path = keep(LIBRARY, kernel, 1.0)
        path.with_suffix(".json").unlink()
        self.refuse(monkeypatch, "whatever")
        with pytest.raises(load.BuildError, match="could not be loaded: whatever"):
            load.load_kernels([kernel])
        path.write_bytes(content)
        with pytest.raises(load.BuildError, match="it was damaged"):
            load.load_kernels([kernel])
        assert files(folder) == []

    @pytest.mark.parametrize("how", ["cut off", "empty"])
    def test_a_file_of_another_size_is_not_at_hand(self, kernel, made, how):
        """A library that has been cut off would end the process that loads it."""
        path = keep(LIBRARY, kernel, 1.0)
        path.write_bytes(self.damaged(how))
        assert not is_at_hand(kernel)

    def test_a_damaged_file_that_cannot_be_removed(self, kernel, made, monkeypatch):
        path = keep(LIBRARY, kernel, 1.0)
        path.write_bytes(b"")
        self.refuse(monkeypatch, "whatever")

        def refuse(self, missing_ok=False):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "unlink", refuse)
        with pytest.raises(load.BuildError, match=r"it is damaged; remove it .Permission denied"):
            load._load(str(path))

    def test_loading_notes_the_use(self, kernel, made, monkeypatch):
        path = keep(LIBRARY, kernel, 1.0)
        os.utime(path, (0, 0))
        monkeypatch.setattr(load, "Library", lambda path: list)
        load.load_kernels([kernel])
        assert path.stat().st_mtime > 0

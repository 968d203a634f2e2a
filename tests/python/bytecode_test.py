"""Code of a commit's files that is compiled once: it is used, changes nothing that a model sees, and no worker can write it.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/bytecode_test.py
"""

import glob
import importlib.util
import marshal
import os
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

import hubcell

from support import make_git_repository, write_files

OWN = os.path.join(os.path.dirname(os.path.abspath(hubcell.__file__)), "libexec", "hubcell", "bytecode.py")
PROGRAM = os.environ["HUBCELL_PROGRAM"]
HUBCONF = '''
import inspect
import os
import traceback

import part.deep

def told(name):
    return part.deep.told() + name

def looks():
    """What a model can see of where its code comes from, and whether that was compiled before."""
    try:
        part.deep.fails()
    except ZeroDivisionError:
        trace = traceback.format_exc()
    loaders = [module.__spec__.loader for module in (part, part.deep)] + [__spec__.loader]
    compiled = [getattr(loader, "archive", None) is not None and loader.archive.find(loader.path) is not None for loader in loaders]
    return (trace, inspect.getsource(part.deep.fails), part.deep.__file__, __file__, part.__path__[0], part.deep.__spec__.cached,
            part.deep.told.__code__.co_filename), compiled

def attempts(archive):
    """What a worker can do to where archives lie, and to the one that is mapped: the kinds of errors."""
    import ctypes
    folder = os.path.dirname(archive)
    names = []
    for attempt in (lambda: open(archive, "r+b"), lambda: open(archive, "wb"), lambda: os.unlink(archive),
                    lambda: os.rename(archive, archive + "x"), lambda: open(os.path.join(folder, "new"), "wb"),
                    lambda: os.mkdir(os.path.join(os.path.dirname(folder), "0" * 40)), lambda: os.chmod(archive, 0o777) or open(archive, "r+b")):
        try:
            attempt()
            names.append("done")
        except OSError as refused:
            names.append("refused")
    with open("/proc/self/maps") as lines:
        [line] = [line for line in lines if "/bytecode/" in line]
    begin, end = (int(number, 16) for number in line.split()[0].split("-"))
    libc = ctypes.CDLL(None)
    names.append("refused" if libc.mprotect(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), 3) else "done")
    return names
'''
DEEP = '''
def told():
    return "one "

def fails():
    return 1 / 0
'''
FILES = {"hubconf.py": HUBCONF, "part/__init__.py": "", "part/deep.py": DEEP, "part/other.py": "print 'of Python 2'\n"}


def wait_until(is_so, within_s=60.0):
    end = time.monotonic() + within_s
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    return is_so()


class Bytecode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.root = folder.name
        for variable, value in (("HUBCELL_GITHUB_URL", f"file://{cls.root}/github"), ("TORCH_HOME", f"{cls.root}/home")):
            patch = unittest.mock.patch.dict(os.environ, {variable: value})
            patch.start()
            cls.addClassCleanup(patch.stop)
        os.makedirs(f"{cls.root}/github/owner")
        # One for all tests, so that torch is imported once; each Hub has workers of its own.
        cls.socket = f"{cls.root}/hubcell.sock"
        served = subprocess.Popen((PROGRAM, "serve", "-q", "--socket", cls.socket))
        cls.addClassCleanup(served.wait, 60)
        cls.addClassCleanup(served.terminate)
        wait_until(lambda: os.path.exists(cls.socket))

    def hub(self, **options):
        return hubcell.Hub(socket=self.socket, **options)

    def repository(self, name, files=None):
        make_git_repository(f"{self.root}/github/owner", name, {"main": files or FILES})
        return f"owner/{name}:main"

    def archives(self, name):
        return glob.glob(f"{self.root}/home/hub/hubcell/repositories/*owner_{name}.git/bytecode/*/*")

    def load(self, hub, repository, entry, *args):
        return hub.load(repository, entry, *args, trust_repo=True, verbose=False)

    def compiled(self, hub, name):
        """A repository of which a worker has been, and its archive."""
        repository = self.repository(name)
        before, compiled = self.load(hub, repository, "looks")
        self.assertEqual(compiled, [False] * 3)
        self.assertTrue(wait_until(lambda: self.archives(name)))
        [archive] = self.archives(name)
        return repository, archive, before

    def test_the_next_worker_compiles_nothing_and_sees_the_same(self):
        with self.hub(seed=1) as hub:
            repository, archive, before = self.compiled(hub, "same")
        with self.hub(seed=2) as hub:
            self.assertEqual(self.load(hub, repository, "looks"), (before, [True] * 3))
        self.assertEqual(os.stat(archive).st_mode & 0o222, 0)
        with self.hub(writable_checkout=True) as hub:
            self.assertEqual(self.load(hub, repository, "looks")[1], [False] * 3)

    def test_what_is_no_longer_what_was_compiled_is_read(self):
        with self.hub() as hub:
            repository, archive, before = self.compiled(hub, "edited")
        [deep] = glob.glob(f"{self.root}/home/hub/hubcell/repositories/*owner_edited.git/checkouts/*/part/deep.py")
        os.chmod(deep, 0o644)
        write_files(os.path.dirname(deep), {"deep.py": DEEP.replace("one", "two")})
        with self.hub() as hub:
            self.assertEqual(self.load(hub, repository, "told", "x"), "two x")
            self.assertEqual(self.load(hub, repository, "looks")[1], [True, False, True])
        os.chmod(archive, 0o644)
        with open(archive, "rb") as file:
            whole = file.read()
        for content in (b"", b"short", bytes(4096), whole[:20], whole[:len(whole) // 2]):
            with open(archive, "wb") as file:
                file.write(content)
            with self.subTest(content[:8]), self.hub() as hub:
                self.assertEqual(self.load(hub, repository, "told", "x"), "two x")

    def test_a_folder_is_compiled_as_it_is_each_time(self):
        folder = write_files(f"{self.root}/folder", FILES)
        for word in ("one", "two"):
            write_files(folder, {"part/deep.py": DEEP.replace("one", word)})
            with self.hub() as hub:
                self.assertEqual(hub.load(folder, "told", "x", source="local"), f"{word} x")
        self.assertEqual(glob.glob(f"{self.root}/**/bytecode", recursive=True, root_dir=folder), [])

    def test_no_worker_can_write_it(self):
        with self.hub(seed=1) as hub:
            repository, archive, before = self.compiled(hub, "hostile")
        with open(archive, "rb") as file:
            content = file.read()
        with self.hub(seed=2) as hub:
            self.assertEqual(self.load(hub, repository, "attempts", archive), ["refused"] * 8)
        with open(archive, "rb") as file:
            self.assertEqual(file.read(), content)
        self.assertEqual(self.archives("hostile"), [archive])

    def test_the_cache_knows_it(self):
        with self.hub() as hub:
            self.compiled(hub, "managed")
        for words, code in ((("verify", "owner/managed@main"), 0), (("rm", "owner/managed@main"), 0)):
            done = subprocess.run((PROGRAM, "cache", *words), capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(self.archives("managed"), [])


class Archives(unittest.TestCase):
    """bytecode.py by itself."""

    def setUp(self):
        spec = importlib.util.spec_from_file_location("bytecode", OWN)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def test_what_cannot_be_compiled_is_left_out(self):
        folder = write_files(f"{self.root}/a", {**FILES, "nested.py": "(" * 5000 + ")" * 5000, "bytes.py": b"\0\xff", "data.txt": "x = 1",
                                                "large.py": b"#" * (2 << 20)})
        os.symlink("/etc/passwd", f"{folder}/link.py")
        archive = self.module.Archive(folder, memoryview(self.module.compile_checkout(folder, 1 << 20)))
        self.assertEqual(sorted(archive._index), ["hubconf.py", "part/__init__.py", "part/deep.py"])
        self.assertEqual(archive.find(f"{folder}/part/deep.py").co_filename, f"{folder}/part/deep.py")

    def test_what_there_is_no_room_for_is_left_out(self):
        folder = write_files(f"{self.root}/a", {f"m{number}.py": f"x = '{'y' * 10000}'" for number in range(50)})
        archive = self.module.compile_checkout(folder, 256 << 10)
        self.assertLessEqual(len(archive), 256 << 10)
        self.assertEqual(int.from_bytes(archive[:8], "little"), len(archive))
        self.assertGreater(len(self.module.Archive(folder, memoryview(archive))._index), 5)

    def test_nothing_of_it_is_looked_at_before_a_module_is_imported(self):
        """Where it is mapped the worker is not in its sandbox yet."""
        with unittest.mock.patch("sys.path_hooks", list(sys.path_hooks)), \
                unittest.mock.patch.object(self.module.marshal, "loads", side_effect=AssertionError("looked at")):
            self.assertIs(self.module.use(self.root, memoryview(b"")), self.module.Loader)

    def test_an_archive_speaks_for_its_own_checkout_alone(self):
        own, other = (write_files(f"{self.root}/{name}", {"net.py": "x = 1"}) for name in ("own", "other"))
        code = marshal.dumps(compile("x = 'taken over'", f"{other}/net.py", "exec"))
        status = os.stat(f"{other}/net.py")
        entry = status.st_mtime_ns, status.st_size, 0, len(code)
        index = {name: entry for name in ("../other/net.py", f"{other}/net.py", "net.py")}
        archive = self.module.Archive(own, memoryview(self.module.packed(index, [code])))
        for path in (f"{other}/net.py", f"{own}/../other/net.py", f"{own}/net.py"):
            self.assertIsNone(archive.find(path), path)
        self.assertFalse(archive.holds(other))
        self.assertFalse(archive.holds(own + "x"))
        self.assertTrue(archive.holds(own))


if __name__ == "__main__":
    unittest.main(verbosity=2)

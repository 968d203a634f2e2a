"""Installs the build, moves the tree away, and builds and runs programs of others with it.

Run: HUBCELL_BUILD=build/dev python3 install_test.py [Client|Torch]. Writes nothing into the build, so that every user can run it.
HUBCELL_SANITIZE: the build's -fsanitize=. HUBCELL_WITH_TORCH: 1 where there is a libtorch.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.path.abspath(os.environ["HUBCELL_BUILD"])
SANITIZE = os.environ.get("HUBCELL_SANITIZE", "")
OUTSIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "outside")
DEADLINE_S = 240
# Compilers are not to be run with a sanitizer's runtime in them, and programs are to find everything themselves.
TOOLS_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
PROGRAM_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("HUBCELL_")}
HUBCONF = '''
import torch
class _Scale(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
    def forward(self, x): return x * self.factor
def scale(factor): return _Scale(factor)
'''


def run(*words, environment=TOOLS_ENVIRONMENT, **more):
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, **more)


def install(prefix):
    """The scripts that `cmake --install` runs, one by one: their parent would note in the build what it did."""
    with open(os.path.join(BUILD, "cmake_install.cmake"), encoding="utf-8") as file:
        scripts = re.findall(r'include\("(.+/cmake_install\.cmake)"\)', file.read())
    assert scripts, "the build has no installation script"
    for script in scripts:
        run("cmake", f"-DCMAKE_INSTALL_PREFIX={prefix}", "-P", script).check_returncode()


def files_under(folder):
    return sorted(os.path.relpath(os.path.join(parent, name), folder) for parent, folders, names in os.walk(folder)
                  for name in names if not parent.endswith("__pycache__"))


class Installed(unittest.TestCase):
    project = ""

    @classmethod
    def setUpClass(cls):
        cls.root = os.path.realpath(tempfile.mkdtemp(prefix="hubcell-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        first = os.path.join(cls.root, "first")
        install(first)
        cls.prefix = os.path.join(cls.root, "moved", "tree")
        os.mkdir(os.path.dirname(cls.prefix))
        os.rename(first, cls.prefix)
        cls.repository = os.path.join(cls.root, "repository")
        os.mkdir(cls.repository)
        with open(os.path.join(cls.repository, "hubconf.py"), "w", encoding="utf-8") as file:
            file.write(HUBCONF)
        cls.built = os.path.join(cls.root, "built")
        cls.build()

    @classmethod
    def build(cls):
        cls.succeed("cmake", "-S", os.path.join(OUTSIDE, cls.project), "-B", cls.built, f"-DCMAKE_PREFIX_PATH={cls.prefix}",
                    f"-DCMAKE_CXX_FLAGS={'-fsanitize=' + SANITIZE if SANITIZE else ''}")
        cls.succeed("cmake", "--build", cls.built)
        cls.program = os.path.join(cls.built, "outside")

    @staticmethod
    def succeed(*words):
        done = run(*words)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")

    def answer(self, *words, **more):
        environment = {**PROGRAM_ENVIRONMENT, "HUBCELL_PYTHON": "/usr/bin/python3",
                       "TORCH_HOME": os.path.join(self.root, "torch"), **more.pop("environment", {})}
        done = run(*words, environment=environment, cwd="/", **more)
        return done.stdout if done.returncode == 0 else done.stderr

    def libraries(self):
        return run("ldd", self.program).stdout


class Client(Installed):
    project = "client"

    def test_a_program_of_others_loads_and_calls_a_model(self):
        self.assertEqual(self.answer(self.program, self.repository), "3 7.5\n")

    def test_nobody_looks_for_torch_where_it_is_not_asked_for(self):
        with open(os.path.join(self.built, "CMakeCache.txt"), encoding="utf-8") as file:
            self.assertNotRegex(file.read(), "(?i)torch")
        self.assertIn("libstdc++", self.libraries())
        self.assertNotRegex(self.libraries(), "libtorch|libc10|spdlog|libfmt|libgit2|python")

    def test_the_moved_command_finds_the_rest_when_it_is_called_by_its_name(self):
        path = os.path.join(self.prefix, "bin") + ":" + os.environ["PATH"]
        self.assertEqual(self.answer("hubcell", "list", self.repository, environment={"PATH": path}), "scale\n")

    def test_what_the_build_runs_is_installed(self):
        libexec = os.path.join("libexec", "hubcell")
        self.assertEqual(files_under(os.path.join(self.prefix, libexec)), files_under(os.path.join(BUILD, libexec)))

    def test_installed_files_name_neither_the_build_nor_the_sources(self):
        programs = [name for name in files_under(self.prefix) if name.startswith(("bin/", "libexec/")) and not name.endswith(".py")]
        self.assertIn("bin/hubcell", programs)
        for name in programs:
            self.assertNotRegex(run("readelf", "-d", os.path.join(self.prefix, name)).stdout, r"\((RPATH|RUNPATH)\)")
        for name in files_under(os.path.join(self.prefix, "lib", "cmake")):
            with open(os.path.join(self.prefix, "lib", "cmake", name), encoding="utf-8") as file:
                self.assertNotIn(os.path.dirname(BUILD), file.read())

    def test_a_tree_that_was_moved_again_is_found_by_its_name_in_the_environment(self):
        libexec, elsewhere = os.path.join(self.prefix, "libexec"), os.path.join(self.root, "elsewhere")
        os.rename(libexec, elsewhere)
        self.addCleanup(os.rename, elsewhere, libexec)
        refused = self.answer(self.program, self.repository)
        self.assertEqual(refused, "outside: start hubcell: there is no hubcell-supervisor in "
                                  f"{self.root}/libexec/hubcell or {libexec}/hubcell; install hubcell again, "
                                  "or name its libexec/hubcell in HUBCELL_LIBEXEC\n")
        named = {"HUBCELL_LIBEXEC": os.path.join(elsewhere, "hubcell")}
        self.assertEqual(self.answer(self.program, self.repository, environment=named), "3 7.5\n")

    def test_a_missing_component_is_one_clear_line(self):
        for component, reason in (("cuda", "component cuda: hubcell has none of that name, but client, compare and torch"),
                                  ("torch", r"component torch: find_package\(Torch\) found no libtorch; name one with")):
            said = self.configure_alone(f"find_package(hubcell REQUIRED COMPONENTS {component})")
            self.assertRegex(said, r"Reason given by package:\s+" + reason.replace(" ", r"\s+"))
        said = self.configure_alone("find_package(hubcell REQUIRED OPTIONAL_COMPONENTS torch)\n"
                                    "message(STATUS \"client ${hubcell_FOUND}, torch ${hubcell_torch_FOUND}.\")")
        self.assertIn("-- client 1, torch .", said)

    def configure_alone(self, text):
        """What CMake says to a project that builds nothing, on a machine without libtorch."""
        folder = tempfile.mkdtemp(dir=self.root)
        with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write(f"cmake_minimum_required(VERSION 3.18)\nproject(alone LANGUAGES NONE)\n{text}\n")
        done = run("cmake", "-S", folder, "-B", os.path.join(folder, "built"), f"-DCMAKE_PREFIX_PATH={self.prefix}",
                   "-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON")
        return done.stdout + done.stderr


@unittest.skipUnless(os.environ.get("HUBCELL_WITH_TORCH") == "1", "there is no libtorch: the build left hubcell::torch out")
class Torch(Installed):
    project = "torch"

    def test_a_program_of_others_calls_a_model_with_its_own_tensors(self):
        self.assertIn("libtorch", self.libraries())
        self.assertEqual(self.answer(self.program, self.repository), "7.5 7.5\nequal: the one answer\n")


if __name__ == "__main__":
    unittest.main()

// What a worker of a virtual environment can read: its packages and the interpreter's own, and nothing that only lies
// near them, whatever sys.path says.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include "tests/support/error_of.h"
#include "tests/support/interpreters.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

namespace fs = std::filesystem;

class InterpreterSandboxTest : public testing::Test {
 protected:
  InterpreterSandboxTest() {
    repository_.write("hubconf.py", R"(
import importlib, os, sys
def value_of(module): return importlib.import_module(module).VALUE
def read(path): return open(path).read()
def path(): return sys.path
)");
    home_ = folder_.path() / "home";
    fs::create_directory(home_);
    folder_.write("home/secret", "secret");
    set("HOME", home_);
  }
  ~InterpreterSandboxTest() override {
    for (const auto& [name, value] : before_)
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
  }

  // For workers, until the test is over.
  void set(const std::string& name, const std::string& value) {
    const char* old = std::getenv(name.c_str());
    before_.emplace_back(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    ::setenv(name.c_str(), value.c_str(), 1);
  }

  tests::VirtualEnvironment make_environment(const std::string& name, bool has_torch = true) const {
    return {folder_.path() / name, has_torch};
  }

  std::string value_of(const std::string& python, const std::string& module) const {
    Hub hub({.python = python});
    return hub.load(repository_.path(), "value_of", {module}).text();
  }

  // Each path is a file that whoever runs the test can read, and a worker cannot.
  void expect_closed(const std::string& python, const std::vector<fs::path>& paths) const {
    Hub hub({.python = python});
    for (const fs::path& path : paths) {
      ASSERT_TRUE(std::ifstream(path).good()) << path;
      const Error error = tests::error_of([&] { hub.load(repository_.path(), "read", {path.string()}); });
      ASSERT_TRUE(error.remote().has_value()) << error.what();
      // Where namespaces can be had, what is closed is not even there.
      const std::string& kind = error.remote()->builtin;
      EXPECT_TRUE(kind == "PermissionError" || kind == "FileNotFoundError") << kind << " " << path;
    }
  }

  tests::TemporaryFolder folder_;
  tests::TemporaryFolder repository_;
  fs::path home_;
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

TEST_F(InterpreterSandboxTest, AnEnvironmentsPackagesAreReadableAndAnothersAreNot) {
  const tests::VirtualEnvironment own = make_environment("own");
  const tests::VirtualEnvironment other = make_environment("other");
  own.write("package_of_own/__init__.py", "VALUE = 'mine'");
  const fs::path others = other.write("package_of_other/__init__.py", "VALUE = 'not mine'");
  EXPECT_EQ(value_of(own.python(), "package_of_own"), "mine");
  EXPECT_EQ(value_of(other.python(), "package_of_other"), "not mine") << "where it is the interpreter";
  expect_closed(own.python(), {others, home_ / "secret"});
}

TEST_F(InterpreterSandboxTest, AnEnvironmentBelowTheHomeFolderServesAndTheHomeStaysClosed) {
  const tests::VirtualEnvironment environment = make_environment("home/project/.venv");
  environment.write("package.py", "VALUE = 'below home'");
  const fs::path beside = folder_.write("home/project/secret", "secret");
  EXPECT_EQ(value_of(environment.python(), "package"), "below home");
  expect_closed(environment.python(), {home_ / "secret", beside});
}

// `python3 -m venv .` makes a project's folder the environment; pyenv keeps environments below their interpreter.
TEST_F(InterpreterSandboxTest, WhatLiesInAnEnvironmentsFolderBesideItsPartsIsClosed) {
  const tests::VirtualEnvironment environment = make_environment("project");
  const tests::VirtualEnvironment inner = make_environment("project/envs/inner");
  environment.write("package.py", "VALUE = 'of the project'");
  EXPECT_EQ(value_of(environment.python(), "package"), "of the project");
  expect_closed(environment.python(),
                {folder_.write("project/.env", "secret"), folder_.write("project/sources/main.py", "secret"),
                 inner.write("package.py", "VALUE = 'inner'")});
}

TEST_F(InterpreterSandboxTest, AnEnvironmentThatIsTheHomeFolderDoesNotOpenIt) {
  const tests::VirtualEnvironment environment = make_environment("home");
  environment.write("package.py", "VALUE = 'at home'");
  EXPECT_EQ(value_of(environment.python(), "package"), "at home");
  expect_closed(environment.python(), {home_ / "secret", folder_.write("home/share/notes", "secret")});
}

TEST_F(InterpreterSandboxTest, WhatPathFilesAddIsReadable) {
  const tests::VirtualEnvironment environment = make_environment("venv");
  const fs::path sources = folder_.write("home/project/src/package.py", "VALUE = 'editable'").parent_path();
  environment.write("editable.pth", sources.string() + "\n");
  EXPECT_EQ(value_of(environment.python(), "package"), "editable");
  expect_closed(environment.python(), {home_ / "secret", folder_.write("home/project/secret", "secret")});
}

// setuptools' other way to install for editing: a finder that knows where the package lies.
TEST_F(InterpreterSandboxTest, WhatAnEditablePackagesFinderNamesIsReadable) {
  const tests::VirtualEnvironment environment = make_environment("venv");
  const fs::path package =
      folder_.write("home/project/inside/__init__.py", "VALUE = 'by a finder'").parent_path();
  environment.write("__editable__.inside.pth", "import __editable___inside_finder\n");
  environment.write("__editable___inside_finder.py",
                    "import importlib.util, sys\nMAPPING = {'inside': '" + package.string() + "'}\n" + R"(
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in MAPPING:
            return importlib.util.spec_from_file_location(name, MAPPING[name] + "/__init__.py")
sys.meta_path.append(Finder)
)");
  EXPECT_EQ(value_of(environment.python(), "inside"), "by a finder");
  expect_closed(environment.python(), {home_ / "secret", folder_.write("home/project/secret", "secret")});
}

TEST_F(InterpreterSandboxTest, AStrayPathDoesNotOpenTheHomeFolderNorWhatHoldsIt) {
  const tests::VirtualEnvironment environment = make_environment("home/venv");
  environment.write("package.py", "VALUE = 'still served'");
  // The home, above it by "..", everything, and a link to the home.
  fs::create_symlink(home_, folder_.path() / "link");
  environment.write("stray.pth", home_.string() + "\n../../../../..\n/\n/tmp\n/etc\n" +
                                     (folder_.path() / "link").string() + "\n");
  const fs::path above = folder_.write("above", "secret");
  {
    Hub hub({.python = environment.python()});
    const Value entries = hub.load(repository_.path(), "path");
    bool is_stray = false;
    for (std::size_t i = 0; i < entries.size(); ++i)
      is_stray = is_stray || entries[i].text() == home_.string();
    ASSERT_TRUE(is_stray) << "the path file was read";
  }
  EXPECT_EQ(value_of(environment.python(), "package"), "still served");
  expect_closed(environment.python(), {home_ / "secret", above, "/etc/hosts"});
}

TEST_F(InterpreterSandboxTest, PythonPathIsNotInherited) {
  const fs::path elsewhere = folder_.write("elsewhere/package.py", "VALUE = 'by PYTHONPATH'").parent_path();
  set("PYTHONPATH", elsewhere);
  EXPECT_EQ(tests::error_of([&] { value_of(tests::kDebianPython, "package"); }).remote()->builtin,
            "ModuleNotFoundError");
  expect_closed(tests::kDebianPython, {elsewhere / "package.py"});
}

TEST_F(InterpreterSandboxTest, ALinkToAnEnvironmentServes) {
  const tests::VirtualEnvironment environment = make_environment("home/venv");
  environment.write("package.py", "VALUE = 'through a link'");
  fs::create_directory_symlink(environment.folder(), folder_.path() / "link");
  EXPECT_EQ(value_of(folder_.path() / "link/bin/python", "package"), "through a link");
  expect_closed(folder_.path() / "link/bin/python", {home_ / "secret"});
}

TEST_F(InterpreterSandboxTest, OtherUsersOfTheTemporaryFolderStayClosed) {
  const tests::VirtualEnvironment environment = make_environment("venv");
  const fs::path temporary = folder_.path() / "temporary";
  fs::create_directory(temporary);
  set("TMPDIR", temporary);
  environment.write("stray.pth", temporary.string() + "\n");
  expect_closed(environment.python(), {folder_.write("temporary/secret", "secret")});
}

}  // namespace
}  // namespace hubcell

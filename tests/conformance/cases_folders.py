"""get_dir, set_dir and the environment variables that name the hub folder."""

import inspect
import os
import pathlib
import warnings

from case import PROMPT, case

WHERE = "import os\ndef entry(): return os.path.realpath(__file__)\n"


def set_variables(**variables):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "TORCH_HUB"):
        os.environ.pop(name, None)
    os.environ.update(variables)


@case
def test_signatures_of_the_folders_functions(t):
    for name, parameters in (("get_dir", []), ("set_dir", ["d"])):
        t.assertEqual([*inspect.signature(getattr(t.hub, name)).parameters], parameters)
    t.assertIsNone(t.hub.set_dir(t.root))


@case
def test_the_hub_folder_of_an_environment(t):
    for variables, folder in (({"HOME": "/h"}, "/h/.cache/torch/hub"),
                              ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/torch/hub"),
                              ({"XDG_CACHE_HOME": "/x", "TORCH_HOME": "/t"}, "/t/hub"),
                              ({"HOME": "/h", "TORCH_HOME": "~/t"}, "/h/t/hub"),
                              ({"HOME": "/h", "XDG_CACHE_HOME": "~/x"}, "/h/x/torch/hub"),
                              ({"TORCH_HOME": "relative"}, "relative/hub")):
        set_variables(**variables)
        t.assertEqual(t.hub.get_dir(), folder)


@case
def test_a_variable_that_is_empty(t):
    set_variables(HOME="/h", TORCH_HOME="", XDG_CACHE_HOME="/x")
    t.assertEqual(t.hub.get_dir(), t.differs("an empty variable is one that is not set", torch_hub="hub",
                                             hubcell="/x/torch/hub"))


@case
def test_set_dir_comes_before_the_environment(t):
    set_variables(HOME="/h", TORCH_HOME="/t")
    for given, folder in (("/somewhere/else", "/somewhere/else"), ("~/mine", "/h/mine"), ("relative", "relative"),
                          (pathlib.Path("/a/path"), "/a/path")):
        t.hub.set_dir(given)
        t.assertEqual(t.hub.get_dir(), folder)


@case
def test_torch_hub_the_old_variable_warns(t):
    set_variables(TORCH_HOME="/t", TORCH_HUB="/old")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        t.assertEqual(t.hub.get_dir(), "/t/hub")
    t.assertEqual([str(warning.message) for warning in caught],
                  ["TORCH_HUB is deprecated, please use env TORCH_HOME instead"])


def assert_all_in(t, folder, name):
    """A load of the repository puts everything below `folder`, and finds its list of trusted repositories there."""
    with t.answering("y\n") as said:
        found = t.hub.load(name, "entry", trust_repo="check")
        t.hub.load(name, "entry", trust_repo="check")
    t.assertEqual(said.stdout.count(PROMPT.format(name.replace("/", "_"))), 1)
    t.assertTrue(found.startswith(os.path.realpath(folder) + os.sep), f"{found} is not in {folder}")
    t.assertEqual(t.trusted(folder), [name.replace("/", "_")])


@case
def test_torch_home_decides_about_loads(t):
    folder = t.new_folder()
    set_variables(TORCH_HOME=folder)
    assert_all_in(t, os.path.join(folder, "hub"), t.repository(WHERE))


@case
def test_the_caches_home_decides_about_loads(t):
    folder = t.new_folder()
    set_variables(XDG_CACHE_HOME=folder)
    assert_all_in(t, os.path.join(folder, "torch", "hub"), t.repository(WHERE))


@case
def test_the_home_folder_decides_about_loads(t):
    folder = t.new_folder()
    set_variables(HOME=folder)
    assert_all_in(t, os.path.join(folder, ".cache", "torch", "hub"), t.repository(WHERE))


@case
def test_a_relative_torch_home_decides_about_loads(t):
    folder = t.new_folder()
    os.chdir(folder)
    set_variables(TORCH_HOME="mine")
    assert_all_in(t, os.path.join(folder, "mine", "hub"), t.repository(WHERE))


@case
def test_set_dir_decides_about_loads_also_after_others(t):
    name = t.repository(WHERE)
    before = t.load(name)
    environment = dict(os.environ)
    for last in ("mine", "hub"):
        folder = os.path.join(t.new_folder(), last)
        t.hub.set_dir(folder)
        assert_all_in(t, folder, name)
    t.assertEqual(dict(os.environ), environment)
    t.assertTrue(before.startswith(os.path.realpath(environment["TORCH_HOME"])))


@case
def test_set_dir_with_a_relative_path_decides_about_loads(t):
    os.chdir(t.new_folder())
    t.hub.set_dir("mine")
    assert_all_in(t, os.path.abspath("mine"), t.repository(WHERE))


@case
def test_what_was_loaded_lives_on_after_set_dir(t):
    t.use_new_hub_folder()
    model = t.load(t.repository("import torch\ndef entry(): return torch.nn.Flatten()\n"))
    t.hub.set_dir(t.new_folder())
    t.load(t.repository(WHERE))
    import torch
    t.assertEqual(tuple(model(torch.ones(2, 3, 4)).shape), (2, 12))

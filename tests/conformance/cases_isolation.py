"""What a hubconf sees of its process, and what it leaves behind in the caller's."""

import os
import sys

import torch

from case import case

FACTS = '''
import os, sys
from siblings_of_this_test.inner import relative
NAME, FILE, PACKAGE, SPEC = __name__, os.path.basename(__file__), __package__, __spec__.name
PATH_AT_IMPORT = sys.path[0] == os.path.dirname(__file__)
REGISTERED = __name__ in sys.modules

def facts():
    return NAME, FILE, PACKAGE, SPEC, PATH_AT_IMPORT, REGISTERED, sys.path[0] == os.path.dirname(__file__)
def sibling(): return relative()
def late():
    import imported_late_by_this_test
    return imported_late_by_this_test.VALUE
'''
SIBLINGS = {"hubconf.py": FACTS, "siblings_of_this_test/__init__.py": "",
            "siblings_of_this_test/inner.py": "from .value import VALUE\ndef relative(): return VALUE\n",
            "siblings_of_this_test/value.py": "VALUE = 'a sibling'\n",
            "imported_late_by_this_test.py": "VALUE = 'late'\n"}


@case
def test_names_and_sys_path_of_a_hubconf(t):
    for name, source in ((t.repository(SIBLINGS), "github"), (t.folder(SIBLINGS), "local")):
        t.assertEqual(t.load(name, "facts", source=source),
                      ("hubconf.py", "hubconf.py", "hubconf", "hubconf.py", True, False, True))


@case
def test_packages_beside_a_hubconf_at_import_and_in_an_entrypoint(t):
    name = t.repository(SIBLINGS)
    t.assertEqual((t.load(name, "sibling"), t.load(name, "late")), ("a sibling", "late"))


@case
def test_the_callers_sys_path_stays_as_it_was(t):
    before = list(sys.path)
    t.load(t.repository(SIBLINGS), "facts")
    t.assertEqual(sys.path, before)


@case
def test_the_callers_sys_path_stays_as_it_was_after_a_failure(t):
    before = list(sys.path)
    folder = t.folder("def entry(): raise ValueError('no')\n")
    t.assert_raises(ValueError, "no", t.hub.load, folder, "entry", source="local")
    t.assertEqual(sys.path, ([folder] if t.is_old_torch_hub else []) + before)


@case
def test_two_repositories_with_packages_of_one_name(t):
    hubconf = "def entry():\n    from clashing_of_this_test import VALUE\n    return VALUE\n"
    names = [t.repository({"hubconf.py": hubconf, "clashing_of_this_test.py": f"VALUE = {number}\n"})
             for number in (1, 2)]
    t.assertEqual([t.load(name) for name in names], t.differs("each repository runs its own packages",
                                                              torch_hub=[1, 1], hubcell=[1, 2]))


@case
def test_modules_of_a_repository_in_the_callers_process(t):
    t.load(t.repository({"hubconf.py": "import left_by_this_test\ndef entry(): pass\n", "left_by_this_test.py": ""}))
    t.assertEqual("left_by_this_test" in sys.modules, t.differs("a repository's modules stay in its worker",
                                                                torch_hub=True, hubcell=False))


@case
def test_the_working_folder_of_an_entrypoint(t):
    folder = t.folder("import os\ndef entry(): return os.getcwd()\n")
    same = t.hub.load(folder, "entry", source="local") == os.getcwd()
    t.assertEqual(same, t.differs("the working folder is the worker's scratch folder", torch_hub=True, hubcell=False))


@case
def test_process_wide_settings_of_a_repository(t):
    dtype = torch.get_default_dtype()
    try:
        folder = t.folder("import torch\ndef entry(): torch.set_default_dtype(torch.float64)\n")
        t.hub.load(folder, "entry", source="local")
        t.assertEqual(torch.get_default_dtype() == dtype, t.differs("settings of a repository stay in its worker",
                                                                    torch_hub=False, hubcell=True))
    finally:
        torch.set_default_dtype(dtype)


@case
def test_the_callers_token_and_a_repository(t):
    os.environ["GITHUB_TOKEN"] = "secret"
    folder = t.folder("import os\ndef entry(): return os.environ.get('GITHUB_TOKEN')\n")
    t.assertEqual(t.hub.load(folder, "entry", source="local"),
                  t.differs("no token reaches a worker", torch_hub="secret", hubcell=None))
    t.assertEqual(t.load(t.repository(), "entry", 1), ((1,), {}))


@case
def test_the_callers_seed_at_a_load(t):
    folder = t.folder("import random, torch\ndef entry(): return random.random(), torch.rand(1).item()\n")
    torch.manual_seed(3)
    first = t.hub.load(folder, "entry", source="local")
    torch.manual_seed(3)
    second = t.hub.load(folder, "entry", source="local")
    t.assertEqual(first[1], second[1])
    t.assertNotEqual(first[0], second[0])


@case
def test_the_random_state_goes_on_after_a_load(t):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    drawn = t.hub.load(t.folder("import torch\ndef entry(): return torch.rand(1).item()\n"), "entry", source="local")
    t.assertEqual([drawn, torch.rand(1).item()], expected.tolist())

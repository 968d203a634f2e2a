"""owner/name:ref, the cache, and what happens when a branch moves."""

import urllib.error

from case import case


def answering(text):
    """A hubconf whose entrypoint answers with `text`."""
    return f"def entry(): return {text!r}\n"


@case
def test_without_a_ref_it_is_the_branch_main(t):
    name = t.repository(answering("main"))
    t.commit(name, answering("other"), "other")
    t.git(name, "symbolic-ref", "HEAD", "refs/heads/main")
    t.assertEqual(t.load(name), "main")


@case
def test_without_a_ref_and_a_branch_main_it_is_master(t):
    t.assertEqual(t.load(t.repository(answering("master"), branch="master")), "master")


@case
def test_a_default_branch_of_another_name(t):
    name = t.repository(answering("trunk"), branch="trunk")
    loaded = t.differs("the default branch is the remote's own, whatever its name", torch_hub=False, hubcell=True)
    if loaded:
        t.assertEqual(t.load(name), "trunk")
    else:
        t.assert_raises(ValueError, "Cannot find master", t.load, name)


@case
def test_main_is_not_preferred_over_the_remotes_default_branch(t):
    name = t.repository(answering("main"))
    t.commit(name, answering("trunk"), "trunk")
    t.assertEqual(t.load(name), t.differs("the default branch is the remote's own, even where there is a main",
                                          torch_hub="main", hubcell="trunk"))


@case
def test_branches_tags_and_branches_with_a_slash(t):
    name = t.repository(answering("one"))
    t.git(name, "tag", "v1.0")
    t.commit(name, answering("two"), "main")
    t.git(name, "branch", "feature/x")
    t.assertEqual([t.load(f"{name}:{ref}") for ref in ("v1.0", "main", "feature/x")], ["one", "two", "two"])


@case
def test_the_commit_of_a_branch_in_full_and_shortened(t):
    name = t.repository(answering("one"))
    commit = t.git(name, "rev-parse", "HEAD")
    t.assertEqual(t.load(f"{name}:{commit}"), "one")
    t.assertEqual(t.load(f"{name}:{commit[:8]}"), "one")


@case
def test_an_older_commit_needs_skip_validation(t):
    name = t.repository(answering("one"))
    older = t.git(name, "rev-parse", "HEAD")
    t.commit(name, answering("two"), "main")
    if t.differs("an older commit of a branch needs no skip_validation", torch_hub=True, hubcell=False):
        t.assert_raises(ValueError, f"Cannot find {older}", t.load, f"{name}:{older}")
    t.assertEqual(t.load(f"{name}:{older}", skip_validation=True), "one")


@case
def test_a_ref_that_is_not_there(t):
    name = t.repository()
    kind, text = t.differs("a ref that is not there is a SourceError, which names what there is",
                           torch_hub=(ValueError, f"Cannot find mian in https://github.com/{name}."),
                           hubcell=(RuntimeError, f"load {name}:mian: no branch or tag 'mian'"))
    t.assert_raises(kind, text, t.load, f"{name}:mian")
    t.assert_raises(kind, text, t.hub.list, f"{name}:mian", trust_repo=True)
    if t.is_hubcell:
        t.assertIsInstance(t.assert_raises(kind, "(it has main)", t.load, f"{name}:mian"), t.hub.SourceError)


@case
def test_a_ref_that_is_not_there_without_validation(t):
    name = t.repository()
    kind = t.differs("skip_validation changes nothing: refs are looked up without GitHub's API",
                     torch_hub=urllib.error.HTTPError, hubcell=RuntimeError)
    t.assert_raises(kind, "", t.load, f"{name}:mian", skip_validation=True)


@case
def test_a_repository_that_is_not_there(t):
    kind = t.differs("a repository that is not there is a SourceError", torch_hub=ValueError, hubcell=RuntimeError)
    t.assert_raises(kind, "acme/none", t.load, "acme/none:main", skip_validation=False)


@case
def test_what_is_no_name_is_refused(t):
    for name in ("net", "a/b/c"):
        kind = t.differs("what is no name is a SourceError", torch_hub=ValueError, hubcell=RuntimeError)
        t.assert_raises(kind, "", t.load, name)


@case
def test_a_branch_is_taken_before_a_tag_of_its_name_with_a_warning(t):
    name = t.repository(answering("tag"))
    t.git(name, "tag", "twice")
    t.commit(name, answering("branch"), "main")
    t.git(name, "branch", "twice")
    with t.answering() as said:
        t.assertEqual(t.load(f"{name}:twice"), "branch")
    warned = any("ambiguous" in warning for warning in said.warnings)
    t.assertEqual(warned, t.differs("a tag and a branch of one name: there is no warning yet", torch_hub=True,
                                    hubcell=False))


@case
def test_full_names_of_refs(t):
    name = t.repository(answering("tag"))
    t.git(name, "tag", "twice")
    t.commit(name, answering("branch"), "main")
    t.git(name, "branch", "twice")
    t.assertEqual([t.load(f"{name}:refs/{kind}/twice", skip_validation=True) for kind in ("heads", "tags")],
                  ["branch", "tag"])


# ---- the cache


@case
def test_what_is_in_the_cache_stays_although_its_branch_moves(t):
    name = t.repository(answering("one"))
    t.assertEqual(t.load(name), "one")
    t.commit(name, answering("two"), "main")
    t.assertEqual(t.load(name), "one")


@case
def test_force_reload_fetches_again(t):
    name = t.repository(answering("one"))
    t.assertEqual(t.load(name), "one")
    t.commit(name, answering("two"), "main")
    t.assertEqual(t.load(name, force_reload=True), "two")
    t.assertEqual(t.load(name), "two")


@case
def test_verbose_tells_that_the_cache_is_used(t):
    name = t.repository()
    t.load(name)
    found = {}
    for verbose in (True, False):
        with t.answering() as said:
            t.load(name, verbose=verbose)
        found[verbose] = "Using cache found in" in said.stderr
    t.assertEqual(found, {True: True, False: False})


@case
def test_a_ref_in_the_cache_needs_no_remote(t):
    name = t.repository(answering("one"))
    t.git(name, "tag", "v1")
    t.assertEqual(t.load(f"{name}:v1"), "one")
    t.git(name, "update-ref", "-d", "refs/tags/v1")
    t.assertEqual(t.load(f"{name}:v1"), "one")


@case
def test_files_of_a_checkout(t):
    hubconf = ("import os\nfrom package_of_this_test.module import VALUE\ndef files():\n"
               "    return VALUE, open(os.path.join(os.path.dirname(__file__), 'data', 'x.txt')).read()\n")
    name = t.repository({"hubconf.py": hubconf, "package_of_this_test/__init__.py": "",
                         "package_of_this_test/module.py": "VALUE = 7\n", "data/x.txt": "text"})
    t.assertEqual(t.load(name, "files"), (7, "text"))

"""trust_repo: what is asked, which answers there are, and what is written down."""

import os
import shutil

from case import HUBCONF, PROMPT, case


def asked(name):
    return PROMPT.format(name.replace("/", "_"))


@case
def test_true_trusts_without_a_question_and_writes_it_down(t):
    name = t.repository()
    with t.answering() as said:
        t.assertEqual(t.hub.load(name, "entry", trust_repo=True), ((), {}))
        t.assertEqual(t.hub.load(name, "entry", trust_repo=True), ((), {}))
    t.assertNotIn("trust", said.stdout)
    t.assertEqual(t.trusted().count(name.replace("/", "_")), 1)


@case
def test_check_asks_once_and_yes_is_written_down(t):
    for answer in ("y", "yes", "Y", "YES"):
        name = t.repository()
        with t.answering(answer + "\n") as said:
            t.assertEqual(t.hub.load(name, "entry", trust_repo="check"), ((), {}))
        t.assertTrue(said.stdout.startswith(asked(name)), said.stdout)
        t.assertIn(name.replace("/", "_"), t.trusted())
        with t.answering() as said:
            t.assertEqual(t.hub.load(name, "entry", trust_repo="check"), ((), {}))
        t.assertNotIn("trust", said.stdout)


@case
def test_no_and_an_empty_answer_refuse(t):
    for answer in ("n", "no", "N", "NO", ""):
        name = t.repository()
        with t.answering(answer + "\n") as said:
            raised = t.assert_raises(Exception, "Untrusted repository.", t.hub.load, name, "entry", trust_repo="check")
        t.assertEqual(str(raised), "Untrusted repository.")
        t.assertIs(type(raised), t.differs("a refusal is a hubcell.Error", torch_hub=Exception,
                                           hubcell=getattr(t.hub, "Error", None)))
        t.assertEqual(said.stdout, asked(name))
        t.assertNotIn(name.replace("/", "_"), t.trusted())


@case
def test_another_answer_is_a_value_error(t):
    name = t.repository()
    for trust_repo in ("check", False):
        with t.answering("maybe\n"):
            raised = t.assert_raises(ValueError, "", t.hub.load, name, "entry", trust_repo=trust_repo)
        t.assertEqual(str(raised), "Unrecognized response maybe.")
    t.assertNotIn(name.replace("/", "_"), t.trusted())


@case
def test_the_end_of_input_refuses(t):
    name = t.repository()
    kind, text = t.differs("the end of input is a hubcell.Error that says how to trust", torch_hub=(EOFError, ""),
                           hubcell=(RuntimeError, "pass trust_repo=True"))
    for trust_repo in ("check", False):
        with t.answering() as said:
            raised = t.assert_raises(kind, text, t.hub.load, name, "entry", trust_repo=trust_repo)
        t.assertEqual(said.stdout, asked(name))
        t.assertNotIn("\n", str(raised))


@case
def test_false_asks_although_the_repository_is_trusted(t):
    name = t.repository()
    t.load(name)
    with t.answering("y\n") as said:
        t.hub.load(name, "entry", trust_repo=False)
    t.assertTrue(said.stdout.startswith(asked(name) + "The repository is already trusted.\n"), said.stdout)
    with t.answering("n\n"):
        t.assert_raises(Exception, "Untrusted repository.", t.hub.load, name, "entry", trust_repo=False)
    t.assertEqual(t.trusted().count(name.replace("/", "_")), 1)


@case
def test_false_asks_and_yes_is_written_down(t):
    name = t.repository()
    with t.answering("y\n") as said:
        t.hub.load(name, "entry", trust_repo=False)
    t.assertTrue(said.stdout.startswith(asked(name)))
    t.assertNotIn("already trusted", said.stdout)
    t.assertIn(name.replace("/", "_"), t.trusted())


@case
def test_none_is_check(t):
    name = t.repository()
    with t.answering("y\n") as said:
        t.hub.load(name, "entry", trust_repo=None)
    asks = t.differs("None means 'check'; in torch 1.13 it warns, in torch 2 it means True", torch_hub=False,
                     hubcell=True)
    t.assertEqual(asked(name) in said.stdout, asks)
    t.assertEqual(any("untrusted repository" in warning for warning in said.warnings), t.is_old_torch_hub)
    t.assertEqual(name.replace("/", "_") in t.trusted(), not t.is_old_torch_hub)


@case
def test_the_default_is_check(t):
    name = t.repository()
    with t.answering("n\n") as said:
        if t.is_old_torch_hub:
            t.assertEqual(t.hub.list(name), ["entry", "net"])
        else:
            t.assert_raises(Exception, "Untrusted repository.", t.hub.load, name, "entry")
    t.assertEqual(said.stdout.count(asked(name)), 0 if t.is_old_torch_hub else 1)


@case
def test_list_and_help_ask_too(t):
    for function, words in ((t.hub.list, ()), (t.hub.help, ("entry",))):
        name = t.repository()
        with t.answering("n\n") as said:
            t.assert_raises(Exception, "Untrusted repository.", function, name, *words, trust_repo="check")
        t.assertEqual(said.stdout, asked(name))
        with t.answering("y\n"):
            function(name, *words, trust_repo="check")
        t.assertIn(name.replace("/", "_"), t.trusted())


@case
def test_what_trust_repo_may_not_be(t):
    name = t.repository()
    if t.differs("a trust_repo that means nothing is refused, and is not a yes", torch_hub=False, hubcell=True):
        for trust_repo in ("yes", 1, ""):
            t.assert_raises(ValueError, "trust_repo=", t.hub.load, name, "entry", trust_repo=trust_repo)
    else:
        t.hub.load(name, "entry", trust_repo="yes")
    t.assertEqual(name.replace("/", "_") in t.trusted(), not t.is_hubcell)


@case
def test_some_owners_are_trusted(t):
    for owner in ("facebookresearch", "facebookincubator", "pytorch", "fairinternal"):
        name = t.repository(name=f"{owner}/net")
        with t.answering() as said:
            t.assertEqual(t.hub.load(name, "entry", trust_repo="check"), ((), {}))
        t.assertNotIn("trust", said.stdout)
        t.assertNotIn(name.replace("/", "_"), t.trusted())


@case
def test_a_local_folder_needs_no_trust(t):
    folder = t.folder(HUBCONF)
    with t.answering() as said:
        for trust_repo in (False, "check", None):
            t.assertEqual(t.hub.load(folder, "entry", source="local", trust_repo=trust_repo), ((), {}))
    t.assertEqual(said.stdout, "")


@case
def test_trust_is_of_all_refs(t):
    name = t.repository()
    t.git(name, "tag", "v1")
    t.load(name)
    with t.answering():
        t.assertEqual(t.hub.load(f"{name}:v1", "entry", trust_repo="check"), ((), {}))


@case
def test_the_question_comes_before_anything_is_fetched(t):
    with t.answering("n\n"):
        t.assert_raises(Exception, "Untrusted repository.", t.hub.load, "acme/never:main", "entry", trust_repo="check")


# ---- what torch.hub left


def write_trusted(t, line):
    os.makedirs(t.hub_folder, exist_ok=True)
    with open(os.path.join(t.hub_folder, "trusted_list"), "a", encoding="utf-8") as file:
        file.write(line + "\n")


@case
def test_a_line_of_torch_hub_is_believed(t):
    name = t.repository()
    write_trusted(t, name.replace("/", "_"))
    with t.answering():
        t.assertEqual(t.hub.load(name, "entry", trust_repo="check"), ((), {}))


@case
def test_a_line_of_torch_hub_that_can_be_read_in_two_ways(t):
    """Trust in a/b_c is not trust in a_b/c."""
    theirs, other = t.repository(name="acme/net_two"), t.repository(name="acme_net/two")
    t.load(theirs)
    t.assertIn("acme_net_two", t.trusted())
    with t.answering("n\n") as said:
        if t.differs("a/b_c and a_b/c are two repositories", torch_hub=False, hubcell=True):
            t.assert_raises(Exception, "Untrusted repository.", t.hub.load, other, "entry", trust_repo="check")
        else:
            t.hub.load(other, "entry", trust_repo="check")
        t.hub.load(theirs, "entry", trust_repo="check")
    t.assertEqual(PROMPT.format("acme_net_two") in said.stdout, t.is_hubcell)


def leave_folder(t, name, ref, as_link=False):
    """What torch.hub has in its cache from before it asked for trust."""
    place = os.path.join(t.hub_folder, f"{name.replace('/', '_')}_{ref}")
    os.makedirs(t.hub_folder, exist_ok=True)
    folder = t.folder(HUBCONF)
    if as_link:
        os.symlink(folder, place)
    else:
        shutil.copytree(folder, place)


@case
def test_a_repository_in_the_cache_of_torch_hub_is_trusted(t):
    name = t.repository()
    t.git(name, "tag", "v1")
    leave_folder(t, name, "v1")
    with t.answering("n\n") as said:
        t.assertEqual(t.hub.load(f"{name}:v1", "entry", trust_repo="check"), ((), {}))
    t.assertNotIn("do you trust", said.stdout.lower())


@case
def test_a_repository_in_the_cache_of_torch_hub_is_trusted_without_a_ref(t):
    name = t.repository()
    leave_folder(t, name, "main")
    with t.answering("n\n"):
        t.assertEqual(t.hub.load(name, "entry", trust_repo="check"), ((), {}))


@case
def test_another_ref_in_the_cache_of_torch_hub_is_no_trust(t):
    name = t.repository()
    t.git(name, "tag", "v1")
    leave_folder(t, name, "v0")
    with t.answering("n\n"):
        t.assert_raises(Exception, "Untrusted repository.", t.hub.load, f"{name}:v1", "entry", trust_repo="check")


@case
def test_a_link_in_the_cache_of_torch_hub_is_no_trust(t):
    name = t.repository()
    leave_folder(t, name, "main", as_link=True)
    with t.answering("n\n"):
        if t.differs("a link in the cache is no sign of trust", torch_hub=False, hubcell=True):
            t.assert_raises(Exception, "Untrusted repository.", t.hub.load, name, "entry", trust_repo="check")
        else:
            t.hub.load(name, "entry", trust_repo="check")


@case
def test_a_folder_in_the_cache_that_can_be_read_in_two_ways(t):
    name = t.repository(name="acme/three_nets")
    leave_folder(t, name, "main")
    with t.answering("n\n"):
        if t.differs("acme_three_nets_main may be another repository's", torch_hub=False, hubcell=True):
            t.assert_raises(Exception, "Untrusted repository.", t.hub.load, name, "entry", trust_repo="check")
        else:
            t.hub.load(name, "entry", trust_repo="check")

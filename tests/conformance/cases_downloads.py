"""download_url_to_file and load_state_dict_from_url, from a server of files of this process."""

import contextlib
import hashlib
import io
import os
import urllib.error

import torch

import git_server
from case import case
from file_server import FileServer


def saved(**content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


WEIGHTS = saved(weight=torch.arange(4.), epoch=3)
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@contextlib.contextmanager
def serving(**files):
    with git_server.running(FileServer()) as server:
        server.files = {f"/files/{name}": content for name, content in files.items()} or {"/files/net.pth": WEIGHTS}
        yield server


def address(server, name="net.pth"):
    return server.url(f"/files/{name}")


@case
def test_download_url_to_file(t):
    place = os.path.join(t.new_folder(), "x")
    with serving() as server, t.answering() as said:
        t.assertIsNone(t.hub.download_url_to_file(address(server), place, hash_prefix=SHA256[:8], progress=False))
        t.assertIsNone(t.hub.download_url_to_file(address(server), place, None, False))
    with open(place, "rb") as file:
        t.assertEqual(file.read(), WEIGHTS)
    t.assertEqual((said.stdout, said.stderr), ("", ""))


@case
def test_a_wrong_hash_prefix(t):
    folder = t.new_folder()
    with serving() as server:
        t.assert_raises(RuntimeError, f'invalid hash value (expected "00", got "{SHA256}")', t.hub.download_url_to_file,
                        address(server), os.path.join(folder, "x"), "00", progress=False)
    t.assertEqual(os.listdir(folder), [])


@case
def test_a_url_that_is_not_there(t):
    with serving() as server:
        kind = t.differs("a download that fails raises URLError, and no HTTPError with a code",
                         torch_hub=urllib.error.HTTPError, hubcell=urllib.error.URLError)
        t.assert_raises(kind, "404", t.hub.download_url_to_file, address(server, "none"), os.path.join(t.new_folder(), "x"))
    with t.assertRaises(urllib.error.URLError):
        t.hub.download_url_to_file(address(server), os.path.join(t.new_folder(), "x"))


@case
def test_a_file_url(t):
    source = os.path.join(t.new_folder(), "net.pth")
    with open(source, "wb") as file:
        file.write(WEIGHTS)
    t.assertEqual(t.hub.load_state_dict_from_url("file://" + source, t.new_folder(), progress=False)["epoch"], 3)


@case
def test_state_dicts_are_kept_in_checkpoints_of_the_hub_folder(t):
    hub_folder = t.use_new_hub_folder()
    place = os.path.join(hub_folder, "checkpoints", "net.pth")
    with serving() as server:
        with t.answering() as said:
            first = t.hub.load_state_dict_from_url(address(server), progress=False)
        line = f'Downloading: "{address(server)}" to {place}\n'
        is_logged = not t.is_hubcell and not t.is_old_torch_hub  # by some torch.hub since 2.0
        t.assertIn(said.stderr, (line, "") if is_logged else (line,))
        with t.answering() as said:
            second = t.hub.load_state_dict_from_url(address(server), progress=False)
        t.assertEqual(said.stderr, "")
        t.assertEqual(server.asked("/files/net.pth"), 1)
    for found in (first, second):
        t.assertEqual((sorted(found), found["epoch"], found["weight"].tolist()), (["epoch", "weight"], 3, [0.0, 1.0, 2.0, 3.0]))
    with open(place, "rb") as file:
        t.assertEqual(file.read(), WEIGHTS)


@case
def test_state_dicts_in_a_folder_and_by_a_name_of_ones_own(t):
    folder = os.path.join(t.new_folder(), "models")
    with serving() as server:
        found = t.hub.load_state_dict_from_url(address(server), model_dir=folder, map_location="cpu", progress=False,
                                               check_hash=False, file_name="mine.bin")
    t.assertEqual((os.listdir(folder), found["epoch"]), (["mine.bin"], 3))


@case
def test_set_dir_and_checkpoints(t):
    folder = t.new_folder()
    t.hub.set_dir(folder)
    with serving() as server:
        t.hub.load_state_dict_from_url(address(server), progress=False)
    t.assertEqual(os.listdir(os.path.join(folder, "checkpoints")), ["net.pth"])


@case
def test_check_hash_takes_the_digits_of_the_name(t):
    good, bad = f"net-{SHA256[:8]}.pth", "net-01234567.pth"
    with serving(**{good: WEIGHTS, bad: WEIGHTS, "plain.pth": WEIGHTS}) as server:
        for name in (good, "plain.pth"):
            found = t.hub.load_state_dict_from_url(address(server, name), t.new_folder(), progress=False, check_hash=True)
            t.assertEqual(found["epoch"], 3)
        t.assert_raises(RuntimeError, "invalid hash value", t.hub.load_state_dict_from_url, address(server, bad), t.new_folder(),
                        progress=False, check_hash=True)


@case
def test_a_query_is_no_part_of_the_name(t):
    folder = t.new_folder()
    with serving() as server:
        t.hub.load_state_dict_from_url(address(server) + "?download=true", folder, progress=False)
    t.assertEqual(os.listdir(folder), ["net.pth"])


@case
def test_a_file_that_is_changed_although_its_name_tells_its_hash(t):
    folder, name = t.new_folder(), f"net-{SHA256[:8]}.pth"
    with open(os.path.join(folder, name), "wb") as file:
        file.write(saved(epoch=666))
    with serving(**{name: WEIGHTS}) as server:
        found = t.hub.load_state_dict_from_url(address(server, name), folder, progress=False, check_hash=True)
    t.assertEqual(found["epoch"], t.differs("a file in checkpoints whose hash is asked for is hashed, also where it was there",
                                            torch_hub=666, hubcell=3))


@case
def test_map_location_as_a_callable(t):
    def keep(storage, location):
        return storage
    with serving() as server:
        if t.differs("map_location is a device or a dict of them: a callable of the caller's cannot run in the worker",
                     torch_hub=True, hubcell=False):
            t.assertEqual(t.hub.load_state_dict_from_url(address(server), t.new_folder(), keep, False)["epoch"], 3)
        else:
            t.assert_raises(TypeError, "map_location", t.hub.load_state_dict_from_url, address(server), t.new_folder(), keep, False)


@case
def test_the_old_variable_for_the_folder(t):
    os.environ["TORCH_MODEL_ZOO"] = t.new_folder()
    with serving() as server, t.answering() as said:
        t.hub.load_state_dict_from_url(address(server), t.new_folder(), progress=False)
    t.assertEqual(said.warnings, ["TORCH_MODEL_ZOO is deprecated, please use env TORCH_HOME instead"])


@case
def test_what_force_reload_does_to_weights(t):
    with serving() as server:
        name = t.repository(f"import torch\ndef epoch():\n"
                            f"    return torch.hub.load_state_dict_from_url('{address(server, 'old.pth')}', progress=False)['epoch']\n")
        server.files["/files/old.pth"] = saved(epoch=1)
        t.assertEqual(t.load(name, "epoch", verbose=False), 1)
        server.files["/files/old.pth"] = saved(epoch=2)
        t.assertEqual(t.load(name, "epoch", verbose=False), 1)
        t.assertEqual(t.load(name, "epoch", verbose=False, force_reload=True),
                      t.differs("force_reload fetches the weights of a repository's entrypoints again, too", torch_hub=1, hubcell=2))

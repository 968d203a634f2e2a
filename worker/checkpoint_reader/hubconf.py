"""Reads a downloaded file as torch.hub.load_state_dict_from_url does. In a worker of its own: unpickling runs what the file says."""

import os
import tempfile

import torch.hub


def read(path, name, map_location, weights_only):
    """What torch.save wrote into the file at `path`, which is called `name` where it came from."""
    folder = tempfile.mkdtemp()  # an old zip is unpacked beside its file
    os.symlink(path, os.path.join(folder, name))
    options = {"weights_only": True} if weights_only else {}
    return torch.hub.load_state_dict_from_url(name, folder, map_location, file_name=name, **options)

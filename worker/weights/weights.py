"""Finds the memory that weights lie in: that of all large tensors which are alive, however a model keeps them."""

import gc

import torch
from torch.multiprocessing.reductions import StorageWeakRef


class Storages:
    """Which large storages there are, and which of them are shared."""

    def __init__(self):
        self._shared = {}  # address: (weak reference, bytes)

    def find(self, bytes_min):
        """([(storage, address, bytes)] of those that are not shared, [address] of shared ones that are gone since)."""
        storages = find_storages(bytes_min)
        alive = {(address, size) for _, address, size in storages}
        gone = [address for address, (reference, size) in self._shared.items()
                if reference.expired() or (address, size) not in alive]
        for address in gone:
            del self._shared[address]
        return [storage for storage in storages if storage[1] not in self._shared], gone

    def note_shared(self, storage, address, size):
        self._shared[address] = StorageWeakRef(storage), size

    def is_there(self, storage, address, size):
        """Whether it lies where it lay."""
        return storage.data_ptr() == address and storage.nbytes() == size


def find_storages(bytes_min):
    """[(storage, address, bytes)] of storages on the CPU of at least `bytes_min`, each once.

    What the template had was frozen before (gc.freeze), so that only what this worker made is looked through.
    """
    tensor_types, script_types = subclasses_of(torch.Tensor), subclasses_of(torch.jit.ScriptModule)
    found = {}
    with torch._C.DisableTorchFunction():
        for item in gc.get_objects():
            # Never isinstance: it asks the object, and foreign code answers.
            if type(item) in tensor_types:
                note_storage(item, bytes_min, found)
            elif type(item) in script_types:
                for tensor in tensors_of_script(item):
                    note_storage(tensor, bytes_min, found)
    return list(found.values())


def subclasses_of(root):
    found, left = {root}, [root]
    while left:
        for child in type.__subclasses__(left.pop()):
            if child not in found:
                found.add(child)
                left.append(child)
    return found


def note_storage(tensor, bytes_min, found):
    try:
        if tensor.device.type != "cpu" or tensor.layout is not torch.strided:
            return
        storage = storage_of(tensor)
        address, size = storage.data_ptr(), storage.nbytes()
    except Exception:  # uninitialised, or without memory of its own
        return
    if size >= bytes_min:
        found.setdefault(address, (storage, address, size))


def storage_of(tensor):
    """Without its type, which torch 1.13 puts around it."""
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    storage = tensor.storage()
    return getattr(storage, "_storage", storage)


def tensors_of_script(module):
    """Parameters and buffers of a module of TorchScript, which Python does not hold itself."""
    modules = [module._c]
    while modules:
        inner = modules.pop()
        try:
            yield from (tensor for _, tensor in torch._C.ParameterDict(inner).items())
            yield from (tensor for _, tensor in torch._C.BufferDict(inner).items())
            modules.extend(child for _, child in torch._C.ModuleDict(inner).items())
        except Exception:  # not a module any more
            return

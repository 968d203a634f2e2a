"""torch.hub with every repository in a sandboxed process of its own.

    import hubcell as hub            # instead of: from torch import hub

    model = hub.load("owner/name:ref", "entrypoint", pretrained=True)
    model.eval()
    answer = model(x)

Versions that conflict, repositories whose packages have one name, and models that crash live side by side in one program.
What `load` returns lives in a worker: calls run there, tensors go there and come back, and everything else is a handle that
feels like the object.
"""

from . import _hubcell
from ._boundary import File, connect as _connect
from ._calls import options
from ._comparison import Comparison
from ._errors import Cancelled, DeadlineExceeded, Error, SandboxError, SourceError, StaleHandle, WorkerDied
from ._folders import get_dir, set_dir
from ._futures import Future, call_async
from ._handle import Handle
from ._hub import Hub, _of_default, info
from ._module import Module
from ._recording import Recording, record, replay
from ._traffic import shadow, split

_connect()
__version__: str = _hubcell.__version__

list = _of_default(Hub.list)
help = _of_default(Hub.help)
load = _of_default(Hub.load)
empty = _of_default(Hub.empty)
compare = _of_default(Hub.compare)
download_url_to_file = _of_default(Hub.download_url_to_file)
load_state_dict_from_url = _of_default(Hub.load_state_dict_from_url)

for _class in (Cancelled, Comparison, DeadlineExceeded, Error, File, Future, Handle, Hub, Module, Recording, SandboxError,
               SourceError, StaleHandle, WorkerDied):
    _class.__module__ = __name__  # where their users find them

__all__ = ["Cancelled", "Comparison", "DeadlineExceeded", "Error", "File", "Future", "Handle", "Hub", "Module", "Recording",
           "SandboxError", "SourceError", "StaleHandle", "WorkerDied", "call_async", "compare", "download_url_to_file", "empty",
           "get_dir", "help", "info", "list", "load", "load_state_dict_from_url", "options", "record", "replay", "set_dir",
           "shadow", "split"]

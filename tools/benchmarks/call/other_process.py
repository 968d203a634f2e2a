"""A participant of `tools/bench call`: the model in another process, reached by what Python has for that.

usage: other_process.py torch|numpy FOLDER ENTRY

torch: tensors through the shared memory of torch.multiprocessing, by its quickest way: a Pipe, not a Queue with its
thread. The input lies in shared memory from the first call on, so that only answers are copied.
numpy: arrays through a Pipe of multiprocessing, which pickles them.
"""

import importlib
import sys

import participant


def serve_torch(connection, model):
    while True:
        connection.send(model(connection.recv()))


def serve_numpy(connection, model):
    import torch

    while True:
        connection.send(model(torch.from_numpy(connection.recv())).numpy())


def serve(connection, kind, folder, entry):
    import torch

    model = torch.hub.load(folder, entry, source="local")
    with torch.no_grad():
        try:
            {"torch": serve_torch, "numpy": serve_numpy}[kind](connection, model)
        except EOFError:
            pass


def make_tensor(shape):
    import torch

    return torch.full(shape, participant.INPUT)


def make_array(shape):
    import numpy

    return numpy.full(shape, participant.INPUT, numpy.float32)


def main(kind, folder, entry):
    multiprocessing, make_input = {"torch": ("torch.multiprocessing", make_tensor),
                                   "numpy": ("multiprocessing", make_array)}[kind]
    context = importlib.import_module(multiprocessing).get_context("spawn")
    connection, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, kind, folder, entry), daemon=True)
    process.start()
    theirs.close()

    def call(given):
        connection.send(given)
        return connection.recv()

    participant.answer_rounds(make_input, call)
    connection.close()
    process.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The network: every family of sockets, and what else leads out of a process."""

import os
import socket

from attempt import ATTEMPTS, attempt, must, syscall

FAMILIES = {"inet": (socket.AF_INET, socket.SOCK_STREAM), "inet6": (socket.AF_INET6, socket.SOCK_STREAM),
            "inet_datagram": (socket.AF_INET, socket.SOCK_DGRAM), "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
            "unix_datagram": (socket.AF_UNIX, socket.SOCK_DGRAM), "netlink": (socket.AF_NETLINK, socket.SOCK_RAW),
            "packet": (17, socket.SOCK_RAW), "raw": (socket.AF_INET, socket.SOCK_RAW), "vsock": (40, socket.SOCK_STREAM),
            "alg": (38, socket.SOCK_SEQPACKET), "bluetooth": (31, socket.SOCK_RAW), "can": (29, socket.SOCK_RAW),
            "tipc": (30, socket.SOCK_STREAM), "xdp": (44, socket.SOCK_RAW), "key": (15, socket.SOCK_RAW),
            "mptcp": (socket.AF_INET, socket.SOCK_STREAM, 262), "sctp": (socket.AF_INET, socket.SOCK_STREAM, 132)}


def opens(family, kind, protocol=0):
    def opens_a_socket(t):
        socket.socket(family, kind, 2 if family == 15 else protocol).close()
    return opens_a_socket


for _name, _what in FAMILIES.items():
    ATTEMPTS[f"opens_a_socket_{_name}"] = opens(*_what)


@attempt
def connects_to_this_machine(t):
    socket.create_connection(("127.0.0.1", t["port"]), timeout=5).close()


@attempt
def sends_a_datagram(t):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"secret", ("127.0.0.1", t["port"]))


@attempt
def listens(t):
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()


@attempt
def connects_to_a_socket_file(t):
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect(t["socket"])


@attempt
def connects_to_an_abstract_socket(t):
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect("\0" + t["abstract"])


@attempt
def sends_to_a_socket_file_from_a_pair(t):
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with first, second:
        first.sendto(b"secret", t["datagrams"])


@attempt
def opens_a_socket_by_the_ring(t):
    import ctypes

    parameters = (ctypes.c_uint32 * 30)()
    os.close(syscall("io_uring_setup", 1, ctypes.pointer(parameters)))


@attempt
def asks_for_a_name(t):
    # Where there is no server of names, the question is what is refused.
    must(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM))
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()


@attempt
def lists_the_network_devices(t):
    must(len(socket.if_nameindex()) > 0)

"""What a process finds in its surroundings: tokens, proxies, the caller's modules and arguments.

Only the caller knows a secret of theirs, so the control is torch.hub's way: the same attempt in the caller's own process.
"""

import ctypes
import importlib
import os
import sys

from attempt import ATTEMPTS, attempt, libc, must


VARIABLES = {"finds_a_token": "GITHUB_TOKEN", "finds_a_key": "AWS_SECRET_ACCESS_KEY",
             "finds_a_proxy_with_its_password": "https_proxy", "finds_what_nobody_foresaw": "PASSWORD_OF_MINE"}


def reads(variable):
    def finds_a_secret(t):
        must("secret" in os.environ.get(variable, ""))
    return finds_a_secret


for _name, _variable in VARIABLES.items():
    ATTEMPTS[_name] = reads(_variable)


@attempt
def finds_the_agent_of_ssh(t):
    must("SSH_AUTH_SOCK" in os.environ)


@attempt
def finds_a_token_by_the_c_library(t):
    libc.getenv.restype = ctypes.c_char_p
    must(b"secret" in (libc.getenv(b"GITHUB_TOKEN") or b""))


@attempt
def finds_a_token_where_its_process_began(t):
    with open("/proc/self/environ", "rb") as environment:
        must(b"secret" in environment.read())


@attempt
def finds_the_home_of_its_user(t):
    must(os.path.expanduser("~") == t["user_home"])


@attempt
def finds_the_arguments_of_the_program(t):
    must("--password=secret" in sys.argv)


@attempt
def finds_the_arguments_where_its_process_began(t):
    with open("/proc/self/cmdline", "rb") as arguments:
        must(b"--password=secret" in arguments.read())


@attempt
def works_in_the_folder_of_the_program(t):
    must(os.path.realpath(os.getcwd()) == t["program_folder"])


@attempt
def imports_what_the_program_imports(t):
    importlib.import_module("of_the_program")


@attempt
def finds_the_modules_of_the_program(t):
    must("secret_of_the_program" in sys.modules)

"""The options that benchmarks have in common. Wrong usage is one line on standard error, and exit code 2."""

import argparse
import os
import sys

import participants

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Parser(argparse.ArgumentParser):
    """For `tools/bench NAME`."""

    def __init__(self, name, description):
        super().__init__(prog=f"tools/bench {name}", description=description, allow_abbrev=False)
        self.add_argument("--json", metavar="FILE", help="write every row to FILE")
        self.add_argument("--fail-if-missed", action="store_true", help="exit with 3 where a goal is missed")
        # Tests measure what they built.
        self.add_argument("--programs", metavar="FOLDER", help=argparse.SUPPRESS,
                          default=os.path.join(ROOT, "build", "release", "benchmarks"))

    def parse(self, words):
        options = self.parse_args(words)
        if options.json:
            try:
                open(options.json, "a", encoding="utf-8").close()
            except OSError as failure:
                self.error(f"--json {options.json}: {failure.strerror}; name a file that can be written")
        return options

    def error(self, message):
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def run(name, main):
    """Ends the process with what `main(words)` returns; what fails is one line, and exit code 1."""
    try:
        sys.exit(main(sys.argv[1:]))
    except participants.Failure as failure:
        sys.exit(f"tools/bench {name}: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)


def positive(text):
    """A type of arguments: an integer from 1 on."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number

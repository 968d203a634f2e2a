"""Refuses `co_await` in one statement with a braced aggregate or a capturing lambda: g++ 12 destroys those twice.

The text is read as tokens and cut into statements. Braces are blocks (they cut), bodies of lambdas (statements
of their own, inside of another) or initialisers (part of their statement).
"""
import re

TOKENS = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<text>(?:u8|[uUL])?R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|(?:u8|[uUL])?"(?:\\.|[^"\\])*"|(?:u8|[uUL])?'(?:\\.|[^'\\])+')
      | (?P<number>\.?\d(?:[eEpP][+-]|'(?=\w)|[\w.])*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>->|::|\[\[|.)""",
    re.VERBOSE | re.DOTALL,
)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
BEFORE_BLOCK = {None, ")", ";", "{", "}", ":", "&", "try", "const", "noexcept", "override", "final", "mutable"}
DECLARATIONS = {"namespace", "class", "struct", "union", "enum", "extern", "export", "template"}
HEADERS = {"if", "for", "while", "switch"}
# A `[` behind one of these words begins a lambda; behind another word it is an index.
BEFORE_LAMBDA = {"return", "co_return", "co_await", "co_yield", "case"}


def tokens_of(text):
    text = PREPROCESSOR.sub(lambda found: "\n" * found.group().count("\n"), text)
    line = 1
    for found in TOKENS.finditer(text):
        if found.lastgroup != "skip":
            yield found.group(), found.lastgroup, line
        line += found.group().count("\n")


class Statement:
    """What is known of the statement that is being read."""

    def __init__(self, first=None, parentheses=0):
        self.first = first
        self.before = self.kind_before = None
        self.await_line = self.culprit = None
        self.parentheses = parentheses
        self.braces = 0  # open initialisers
        self.captures = None  # tokens inside of the [...] of a lambda that is being read
        self.lambda_at = None  # depth of parentheses of a lambda whose body has not begun
        self.has_arrow = False  # of a trailing return type

    def accept(self, token, kind):
        self.first = self.first or token
        self.before, self.kind_before = token, kind

    def blame(self, culprit):
        self.culprit = self.culprit or culprit

    def begins_lambda(self):
        if self.before is None or self.before in BEFORE_LAMBDA:
            return True
        # Behind `&` stands a structured binding: `auto& [a, b] = ...`.
        return self.kind_before == "sign" and self.before not in (")", "]", "&")

    def begins_block(self):
        if self.parentheses or self.braces:
            return False
        return self.before in BEFORE_BLOCK or self.first in DECLARATIONS or self.has_arrow


class Reader:
    def __init__(self):
        self.complaints = []  # (line, culprit)
        self.statement = Statement()
        self.enclosing = []  # the statement around the body of a lambda; None around a block

    def end_statement(self, then=None):
        if self.statement.await_line and self.statement.culprit:
            self.complaints.append((self.statement.await_line, self.statement.culprit))
        self.statement = then or Statement()

    def read(self, token, kind, line):
        statement = self.statement
        if statement.captures is not None:
            self.read_capture(token)
        elif token == "[" and statement.begins_lambda():
            statement.captures = []
        elif token == "{":
            self.open_brace()
        elif token == "}":
            self.close_brace()
        elif token == ";" and not statement.braces:
            # Inside of `for (a; b; c)` the parentheses stay open.
            self.end_statement(then=Statement(statement.first, statement.parentheses) if statement.parentheses else None)
        elif token in ("else", "do") or (token == ":" and statement.before in ("public", "protected", "private")):
            self.end_statement()
        else:
            self.read_other(token, line)
        if statement is self.statement:
            statement.accept(token, kind)

    def read_capture(self, token):
        if token != "]":
            self.statement.captures.append(token)
            return
        if self.statement.captures:
            self.statement.blame("a lambda that captures")
        self.statement.captures = None
        self.statement.lambda_at = self.statement.parentheses

    def open_brace(self):
        statement = self.statement
        if statement.lambda_at == statement.parentheses:
            statement.lambda_at = None
            statement.accept("{", "sign")
            self.enclosing.append(statement)
            self.statement = Statement()
        elif statement.begins_block():
            self.enclosing.append(None)
            self.end_statement()
        else:
            statement.braces += 1
            statement.blame("a braced value")

    def close_brace(self):
        if self.statement.braces:
            self.statement.braces -= 1
            return
        self.end_statement(then=self.enclosing.pop() if self.enclosing else None)
        if self.statement.first:
            self.statement.accept("}", "sign")

    def read_other(self, token, line):
        statement = self.statement
        if token == "co_await":
            statement.await_line = statement.await_line or line
        elif token == "(":
            statement.parentheses += 1
        elif token == ")":
            statement.parentheses -= 1
            if statement.parentheses == 0 and statement.first in HEADERS:
                self.end_statement()
        elif token == "->" and not statement.parentheses:
            statement.has_arrow = statement.has_arrow or statement.before == ")"


def check_text(text):
    """(line, culprit) of every statement that g++ 12 gets wrong."""
    reader = Reader()
    for token, kind, line in tokens_of(text):
        reader.read(token, kind, line)
    reader.end_statement()
    return reader.complaints


def check(sources):
    for path, text in sources.items():
        for line, culprit in check_text(text):
            yield (f"{path}:{line}: co_await in one statement with {culprit}: "
                   "g++ 12 destroys that twice; give it a name first")

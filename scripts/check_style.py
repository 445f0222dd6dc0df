#!/usr/bin/env python3
"""Checks the house rules that no compiler and no formatter checks. Prose rules decay.

- a C++ file has at most 600 lines, a function at most 70;
- a header and a .proto open with a comment that says what they are;
- tests do not sleep, are not disabled and are not skipped;
- every rule of docs/rules.md is named by a test ("Rules: B3, B4") or listed there as not yet built,
  and tests name only rules that exist;
- nothing names a package registry, a mirror, or a path outside the repository.

Prints one line per violation and ends with status 1 when there is any; says nothing else.

    scripts/check_style.py [ROOT]
"""

import pathlib
import re
import subprocess
import sys

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70

SLEEP = re.compile(r"\bsleep(_for|_until)?\s*\(|\bSleepFor\b|\b(u|nano)sleep\s*\(|^\s*sleep\s+[\d$]",
                   re.MULTILINE)
DISABLED = re.compile(r"\bDISABLED_|\bGTEST_SKIP\b|@unittest\.skip")
RULE = re.compile(r"\b([A-Z]\d{1,2})\b")
RULE_DEFINITION = re.compile(r"^\s*(?:[-*|]\s*|#+\s+)(?:\*\*|`)?([A-Z]\d{1,2})(?:\*\*|`)?[\s:.|]")
RULES_COMMENT = re.compile(r"(?://|#)\s*Rules?:((?:[^\n]*,\s*\n\s*(?://|#))*[^\n]*)")
# Split, so that this file does not name what it looks for.
OUTSIDE = re.compile("|".join([
    r"\.\./sha" r"red\b", r"/work/(?:ma" r"in|sha" r"red)\b", r"registry\.npm" r"js", r"npmjs\." r"org",
    r"(?:deb|snapshot)\.deb" r"ian\.org", r"py" r"pi\.org", r"/artif" r"actory/", r'"resol' r'ved":',
]))
LITERAL = re.compile(
    r'R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"'  # raw string
    r'|//[^\n]*|/\*.*?\*/'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"        # character, not a digit separator
    r"|^[ \t]*#(?:[^\n\\]|\\\n|\\.)*",             # preprocessor line
    re.DOTALL | re.MULTILINE)
SCOPE = re.compile(r"\b(?:namespace|extern)\b[^()]*$|\b(?:class|struct|union|enum)\b[^()=]*$")


def tracked_files(root):
    """Paths of the files that are in the repository or about to be."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], check=True, capture_output=True).stdout
    paths = [root / name.decode() for name in listing.split(b"\0") if name]
    return sorted(path for path in paths if path.is_file())


def blank(text):
    """`text` with literals, comments and preprocessor lines blanked, line breaks kept."""
    return LITERAL.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def functions(text):
    """Yields (first line, lines) of each function definition; lambdas count to their function."""
    code = blank(text)
    stack = []      # (kind, offset where the statement began)
    statement = 0
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        if match.group() == "{":
            head = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^)]*\)|\btemplate\s*<[^{;]*?>\s*(?=\w)", "",
                          code[statement:at])
            in_scope = all(kind == "scope" for kind, _ in stack)
            if in_scope and SCOPE.search(head):
                kind = "scope"
            else:
                kind = "function" if in_scope and ")" in head else "block"
            begin = statement + len(code[statement:at]) - len(code[statement:at].lstrip())
            stack.append((kind, begin))
        elif match.group() == "}" and stack:
            kind, begin = stack.pop()
            if kind == "function":
                first = code.count("\n", 0, begin) + 1
                yield first, code.count("\n", begin, at) + 1
        statement = at + 1


def check_source(name, text):
    found = []
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        found.append(f"{name}: {lines} lines, more than {MAX_FILE_LINES}")
    for first, length in functions(text):
        if length > MAX_FUNCTION_LINES:
            found.append(f"{name}:{first}: a function of {length} lines,"
                         f" more than {MAX_FUNCTION_LINES}")
    return found


def check_test(name, text):
    found = []
    for pattern, what in ((SLEEP, "a test sleeps"), (DISABLED, "a test is disabled or skipped")):
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.end()) + 1
            found.append(f"{name}:{line}: {what}")
    return found


def rules_of(text):
    """The rule ids that docs/rules.md defines, and those that it lists as not yet built."""
    defined, unbuilt, in_unbuilt_section = set(), set(), False
    for line in text.splitlines():
        if line.startswith("#"):
            in_unbuilt_section = "not yet built" in line.lower()
        match = RULE_DEFINITION.match(line + " ")
        if match is not None and not in_unbuilt_section:
            defined.add(match.group(1))
        if in_unbuilt_section:
            unbuilt.update(RULE.findall(line))
        elif match is not None and "not yet built" in line.lower():
            unbuilt.add(match.group(1))
    return defined | unbuilt, unbuilt


def check_rules(root, named):
    """`named` maps a rule id to the first test file that claims to prove it."""
    path = root / "docs" / "rules.md"
    if not path.is_file():
        return ["docs/rules.md: missing"]
    known, unbuilt = rules_of(path.read_text(encoding="utf-8"))
    found = [f"docs/rules.md: no test names rule {rule}, and it is not listed as not yet built"
             for rule in sorted(known - unbuilt - named.keys())]
    found += [f"{named[rule]}: names rule {rule}, which docs/rules.md does not have"
              for rule in sorted(named.keys() - known)]
    return found


def check_tree(root):
    found, named = [], {}
    for path in tracked_files(root):
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for match in OUTSIDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{name}:{line}: names {match.group()}")
        opening = text.removeprefix('syntax = "proto3";').lstrip()
        if path.suffix in (".h", ".proto") and not opening.startswith("//"):
            found.append(f"{name}: does not open with a comment that says what it is")
        if path.suffix in (".h", ".cc"):
            found += check_source(name, text)
        if name.startswith("tests/") and path.suffix in (".h", ".cc", ".py", ".sh", ".js", ""):
            found += check_test(name, text)
            for match in RULES_COMMENT.finditer(text):
                for rule in RULE.findall(match.group(1)):
                    named.setdefault(rule, name)
    return found + check_rules(root, named)


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent)
    found = check_tree(root.resolve())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Checks that each folder includes and links only what docs/ARCHITECTURE.md lets it.

Reads every #include of the C++ sources and every DEPENDS of the CMakeLists.txt, sorts each into a
kind ("server/base", "gRPC", "std" ...) and compares with the table below. Prints one line per
violation and ends with status 1 when there is any; says nothing else.

    scripts/check_layers.py [ROOT]
"""

import pathlib
import re
import sys

# Headers of the standard library that a pure function has no use for: I/O, clocks, locks, threads,
# randomness. The ledger decides from its arguments alone.
IMPURE_STANDARD_HEADERS = {
    "atomic", "barrier", "chrono", "condition_variable", "cstdio", "ctime", "execution",
    "filesystem", "fstream", "future", "iostream", "latch", "mutex", "ostream", "istream", "random",
    "semaphore", "shared_mutex", "stop_token", "syncstream", "thread",
}
IMPURE_ABSEIL_HEADERS = re.compile(r"absl/(time/clock\.h|random/|synchronization/|flags/|log/)")

# Kinds of includes that are not a folder of this project, by the header's path; first match wins.
OUTSIDE_KINDS = [
    ("public protos", re.compile(r"bursar/v1/.*\.pb\.h$")),
    ("record protos", re.compile(r"bursar/storage/v1/.*\.pb\.h$")),
    ("standard protos", re.compile(r"(grpc/(health|reflection)/|google/(rpc|type)/).*\.pb\.h$")),
    ("protobuf", re.compile(r"google/protobuf/")),
    ("gRPC", re.compile(r"(grpc|grpcpp|grpc\+\+)/")),
    ("RocksDB", re.compile(r"rocksdb/")),
    ("spdlog", re.compile(r"(spdlog|fmt)/")),
    ("OpenSSL", re.compile(r"openssl/")),
    ("cpp-httplib", re.compile(r"httplib\.h$")),
    ("prometheus", re.compile(r"prometheus/")),
    ("CLI11", re.compile(r"CLI/")),
    ("nlohmann-json", re.compile(r"nlohmann/")),
    ("allocator", re.compile(r"mimalloc")),
    ("libcurl", re.compile(r"curl/")),
    ("xxHash", re.compile(r"xxhash\.h$")),
    ("libnghttp2", re.compile(r"nghttp2/")),
    ("libjwt", re.compile(r"jwt\.h$")),
    ("libpq", re.compile(r"(libpq-fe|pg_config.*)\.h$")),
    ("impure Abseil", IMPURE_ABSEIL_HEADERS),
    ("Abseil", re.compile(r"absl/")),
    ("test libraries", re.compile(r"(gtest|gmock|rapidcheck|benchmark)[/.]")),
    ("system", re.compile(r"(sys|netinet|arpa|linux|net)/|(unistd|fcntl|signal|poll|netdb|termios"
                          r"|pthread|dirent|syslog|getopt|pwd|dlfcn|sched|errno|time|stdlib)\.h$")),
]

# What a folder may use besides itself. The longest matching folder counts.
PURE = {"std", "Abseil"}
PLATFORM = PURE | {"impure std", "impure Abseil", "system"}
SERVER_PROTOS = {"public protos", "standard protos", "protobuf"}
# The operator's documents are kept on disk as they were published.
PUBLISHED_DOCUMENTS = {"bursar/v1/price_book.pb.h", "bursar/v1/plan_catalog.pb.h"}
CLIENT = PLATFORM | {"public protos", "standard protos", "protobuf", "gRPC"}
EVERYTHING = None

ALLOWED = {
    "server/base": PLATFORM | {"OpenSSL"},
    "server/ledger": PURE | {"server/base"},
    "server/engine": PLATFORM | {"server/base", "server/ledger", "storage/store.h", "record protos",
                                 "protobuf"} | PUBLISHED_DOCUMENTS,
    "server/service": PLATFORM | SERVER_PROTOS | {"server/base", "server/ledger", "server/engine",
                                                  "gRPC", "OpenSSL", "libjwt", "nlohmann-json"},
    "server/notify": PLATFORM | {"server/base", "server/engine", "libcurl", "OpenSSL"},
    "server/http": PLATFORM | {"server/base", "server/service", "cpp-httplib", "prometheus",
                               "OpenSSL"},
    "server/app": EVERYTHING,
    "storage": PLATFORM | {"server/base", "RocksDB", "libpq", "xxHash"},
    "client/lib": CLIENT,
    "client/prices": CLIENT | {"nlohmann-json"},
    "client/cli": CLIENT | {"client/lib", "client/prices", "CLI11", "nlohmann-json"},
    "client/examples": CLIENT | {"client/lib"},
    "tests": EVERYTHING,
}
# Names that a folder must not use although a header that it may include offers them.
FORBIDDEN_WORDS = {
    "server/ledger": re.compile(r"absl::(Now|GetCurrentTimeNanos|SleepFor|LocalTimeZone|BitGen)\b"
                                r"|std::(mutex|thread|atomic|cout|cerr|chrono)\b|\bSystemClock\b"),
}
# Headers of an allowed folder that are still out of bounds.
FORBIDDEN_HEADERS = {
    "server/ledger": {"server/base/clock.h"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
PROTO_IMPORT = re.compile(r'^\s*import\s+(?:public\s+)?"([^"]+)"', re.MULTILINE)
TARGET = re.compile(r"\b(?:bursar_add_(?:library|program)|bursar_add_proto_library|add_library)"
                    r"\s*\(\s*(\w+)\b(.*?)\)", re.DOTALL)
LINK = re.compile(r"\btarget_link_libraries\s*\(\s*(\w+)\b(.*?)\)", re.DOTALL)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
CMAKE_COMMENT = re.compile(r"#[^\n]*")


def folder_of(path):
    """The folder of the table that holds `path`, or None."""
    matches = [f for f in ALLOWED if path == f or path.startswith(f + "/")]
    return max(matches, key=len, default=None)


def kind_of(header, quoted, root):
    """What `header` is: a folder of the table, an outside kind, "std", or None when unknown."""
    folder = folder_of(header)
    if folder is not None and (root / header).parent.is_dir():
        return folder
    for kind, pattern in OUTSIDE_KINDS:
        if pattern.match(header):
            return kind
    if not quoted and "/" not in header:
        stem = header
        if stem in IMPURE_STANDARD_HEADERS:
            return "impure std"
        if "." not in stem:
            return "std"
    return None


def check_source(path, root):
    """Violations of one C++ source, as text."""
    name = path.relative_to(root).as_posix()
    folder = folder_of(name)
    text = path.read_text(encoding="utf-8")
    if folder is None:
        return [f"{name}: lies in no folder that the layer table knows"]
    allowed = ALLOWED[folder]
    if allowed is EVERYTHING:
        return []
    found = []
    for match in INCLUDE.finditer(text):
        header = match.group(2)
        line = text.count("\n", 0, match.start(2)) + 1
        kind = kind_of(header, match.group(1) == '"', root)
        permitted = (kind == folder or kind in allowed or header in allowed)
        if header in FORBIDDEN_HEADERS.get(folder, ()):
            permitted = False
        if not permitted:
            what = kind or "a header of no known kind"
            found.append(f"{name}:{line}: {folder} may not include {header} ({what})")
    words = FORBIDDEN_WORDS.get(folder)
    if words is not None:
        code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
        for match in words.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            found.append(f"{name}:{line}: {folder} is pure and may not use {match.group()}")
    return found


def check_proto(path, root):
    """Violations of one .proto: the public contract never imports a record."""
    name = path.relative_to(root / "proto").as_posix()
    found = []
    for imported in PROTO_IMPORT.findall(path.read_text(encoding="utf-8")):
        public = imported.startswith(("google/protobuf/", "bursar/v1/"))
        if name.startswith("bursar/v1/"):
            permitted = public
        else:
            header = imported.removesuffix(".proto") + ".pb.h"
            permitted = (imported.startswith(("google/protobuf/", "bursar/storage/v1/"))
                         or header in PUBLISHED_DOCUMENTS)
        if not permitted:
            found.append(f"proto/{name}: may not import {imported}")
    return found


def check_links(root):
    """Violations among the targets: a library links only libraries of folders it may include."""
    home = {}
    links = []
    for path in sorted(root.glob("**/CMakeLists.txt")):
        name = path.relative_to(root).as_posix()
        folder = folder_of(name)
        if folder is None:
            continue
        text = CMAKE_COMMENT.sub("", path.read_text(encoding="utf-8"))
        for target, _ in TARGET.findall(text):
            home[target] = folder
        for target, rest in TARGET.findall(text) + LINK.findall(text):
            links.append((name, folder, target, rest))
    found = []
    for name, folder, target, rest in links:
        allowed = ALLOWED[folder]
        if allowed is EVERYTHING:
            continue
        folders = {a.removesuffix("/store.h") for a in allowed}
        for word in re.findall(r"\w+", rest):
            used = home.get(word)
            if used is not None and used != folder and used not in folders:
                found.append(f"{name}: {target} of {folder} may not link {word} of {used}")
    return sorted(set(found))


def check_tree(root):
    """Every violation below `root`."""
    found = []
    for top in ("server", "storage", "client", "tests"):
        for path in sorted((root / top).glob("**/*")):
            if path.suffix in (".h", ".cc") and "node_modules" not in path.parts:
                found += check_source(path, root)
    for path in sorted((root / "proto").glob("**/*.proto")):
        found += check_proto(path, root)
    return found + check_links(root)


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent)
    found = check_tree(root.resolve())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

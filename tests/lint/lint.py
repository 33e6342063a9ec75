# SPDX-License-Identifier: Apache-2.0
"""Checks what the compiler does not: the layers, the registration of tests, lengths, licence lines, files named in README.

    lint.py ROOT

Prints each fault as "FILE:LINE: what"; the exit code is 1 when there is any.
"""
import re
import sys
from pathlib import Path

# What each module may include of ours: the modules below it. main.c may include everything.
LAYERS = {
    "base": "",
    "dns": "base",
    "table": "base dns",
    "cache": "base dns",
    "query": "base dns table cache",
    "forward": "base dns cache",
    "net": "base dns query cache forward",
    "kube": "base dns table",
    "node": "base dns net",
    "ops": "base",
    "config": "base dns table cache query forward net kube ops",
}
# Where the header of a library may be included, by its name or its folder's.
LIBRARIES = {
    "uv.h": "net kube ops forward",
    "microhttpd.h": "ops",
    "cjson": "kube",
    "curl": "kube",
    "libmnl": "node",
    "yaml.h": "kube",
    "ares.h": "forward",
    "pcre2.h": "base",
    "urcu": "base table",
    "urcu.h": "base table",
    "urcu-qsbr.h": "base table",
    "xxhash.h": "dns cache table query kube forward config",  # hashes
}
LINES_MAX = 700
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TYPEDEF = re.compile(r"^\s*typedef\b(?!.*\(\*?\w+\)\s*\()")


def module_of(path):
    """The module of a path relative to the root: "dns" of src/dns/name.c and include/dns/name.h, "" of src/main.c."""
    parts = path.parts
    return parts[1] if parts[0] in ("src", "include") and len(parts) > 2 else ""


def check_include(root, path, kind, name):
    """What is wrong with this #include in a file of src/ or include/, or None."""
    module = module_of(path)
    allowed = set(LAYERS.get(module, "").split()) | {module}
    first = name.split("/")[0]
    if kind == "<":
        homes = LIBRARIES.get(first)
        if name == "urcu/list.h":  # plain lists, no RCU in them
            return None
        if homes is not None and module and module not in homes.split():
            return f"<{name}> belongs to {homes} only"
        return None
    if "/" not in name:
        if path.parts[0] == "src" and (root / path.parent / name).exists():
            return None
        return f'"{name}" is no private header of src/{module}'
    if not (root / "include" / name).exists():
        return f'"{name}" is not in include/: a private header of another folder?'
    if first == "config" and module not in ("config", ""):
        return f'"{name}": config belongs to the top level only'
    if module and first not in allowed:
        return f'"{name}": {module} may not include {first}'
    return None


def check_layers(root):
    for path in sorted([*root.glob("src/**/*.[ch]"), *root.glob("include/**/*.h")]):
        relative = path.relative_to(root)
        if module_of(relative) and module_of(relative) not in LAYERS:
            yield relative, 1, f"no such module in the design: {module_of(relative)}"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            fault = match and check_include(root, relative, *match.groups())
            if fault:
                yield relative, number, fault
            if TYPEDEF.match(line):
                yield relative, number, "typedef, other than of a callback"


def check_registration(root):
    """Every source is built, every test and fuzz target runs: its name is in the meson.build beside it."""
    for path in sorted([*root.glob("src/*/*.c"), *root.glob("tests/unit/*/test_*.c")]):
        meson = path.parent / "meson.build"
        names = {f"'{path.name}'"}
        if path.parts[-3] != "src":
            names.add(f"'{path.stem.removeprefix('test_')}'")  # foreach name : ['wire', ...]
        if not meson.exists() or not any(name in meson.read_text() for name in names):
            yield path.relative_to(root), 1, f"'{path.name}' is not in {meson.relative_to(root)}"
    fuzz = root / "tests/fuzz/meson.build"
    listed = set(re.findall(r"\['(\w+)', '\w+'\]", fuzz.read_text())) if fuzz.exists() else set()
    existing = {path.stem.removeprefix("fuzz_") for path in root.glob("tests/fuzz/fuzz_*.c")}
    for name in sorted(existing - listed):
        yield Path(f"tests/fuzz/fuzz_{name}.c"), 1, f"'{name}' is not in tests/fuzz/meson.build"
    for name in sorted(listed - existing):
        yield Path("tests/fuzz/meson.build"), 1, f"there is no fuzz_{name}.c"
    for name in sorted(listed & existing):
        if not any(root.glob(f"tests/fuzz/corpus/{name}/*")):
            yield Path(f"tests/fuzz/fuzz_{name}.c"), 1, f"tests/fuzz/corpus/{name} is empty"


def sources(root):
    """Every source file of ours: those with a licence line."""
    for top in ("src", "include", "tests", "deploy", ".ci"):
        for path in sorted((root / top).glob("**/*")):
            is_source = path.suffix in (".c", ".h", ".py", ".sh") or path.name in ("meson.build", "run")
            if path.is_file() and is_source and "corpus" not in path.parts:
                yield path
    yield from (path for path in (root / "meson.build",) if path.exists())


def check_files(root):
    for path in sources(root):
        lines = path.read_text().splitlines()
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
            yield path.relative_to(root), 1, "no SPDX-License-Identifier in the first three lines"
        if path.suffix in (".c", ".h") and len(lines) > LINES_MAX:
            yield path.relative_to(root), len(lines), f"more than {LINES_MAX} lines"


def check_readme(root):
    """Files and folders named in README (`src/dns/wire.c`, `tests/bench/`, globs too) exist."""
    readme = root / "README.md"
    if not readme.exists():
        yield Path("README.md"), 1, "there is none"
        return
    tops = {path.name for path in root.iterdir() if path.is_dir()} - {"build"}
    for number, line in enumerate(readme.read_text().splitlines(), 1):
        for name in re.findall(r"`([\w.*-]+(?:/[\w.*-]*)+)", line):
            if name.split("/")[0] in tops and not any(root.glob(name.rstrip("/"))):
                yield Path("README.md"), number, f"there is no {name}"


CHECKS = (check_layers, check_registration, check_files, check_readme)


def lint(root):
    """All faults as lines."""
    return [f"{path}:{line}: {fault}" for check in CHECKS for path, line, fault in check(root)]


if __name__ == "__main__":
    faults = lint(Path(sys.argv[1]))
    print("\n".join(faults) or "no faults")
    sys.exit(1 if faults else 0)

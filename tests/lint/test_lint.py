# SPDX-License-Identifier: Apache-2.0
"""The lint can fail: each fault, planted in a small clean tree, is found, and nothing else is."""
import sys
import tempfile
from pathlib import Path

from lint import lint

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
CLEAN = {
    "README.md": "`src/dns/name.c` and `include/*/` and `cluster.local/x`\n",
    "include/base/text.h": SPDX,
    "include/dns/name.h": SPDX + '#include <stdint.h>\n#include "base/text.h"\n',
    "include/config/config.h": SPDX + '#include "dns/name.h"\n',
    "src/main.c": SPDX + '#include <uv.h>\n#include "config/config.h"\n',
    "src/dns/name.c": SPDX + '#include "dns/name.h"\n#include "own.h"\ntypedef void (*on_end)(void *arg);\n',
    "src/dns/own.h": SPDX,
    "src/dns/meson.build": SPDX + "'name.c'\n",
    "tests/unit/dns/test_name.c": SPDX,
    "tests/unit/dns/meson.build": SPDX + "foreach name : ['name']\n",
    "tests/fuzz/fuzz_name.c": SPDX,
    "tests/fuzz/meson.build": SPDX + "  ['name', 'dns'],\n",
    "tests/fuzz/corpus/name/a": "",
}
# (what, the file to write, its text, what the one fault says)
FAULTS = (
    ("upwards", "include/base/text.h", SPDX + '#include "dns/name.h"\n', "base may not include dns"),
    ("config", "src/dns/own.h", SPDX + '#include "config/config.h"\n', "config belongs to the top level"),
    ("library", "src/dns/own.h", SPDX + "#include <uv.h>\n", "<uv.h> belongs to"),
    ("library's folder", "src/dns/own.h", SPDX + "#include <cjson/cJSON.h>\n", "belongs to kube"),
    ("private of another", "src/main.c", SPDX + '#include "dns/own.h"\n', "not in include/"),
    ("private by path", "src/main.c", SPDX + '#include "own.h"\n', "no private header"),
    ("private in a contract", "include/dns/name.h", SPDX + '#include "own.h"\n', "no private header"),
    ("typedef", "src/dns/own.h", SPDX + "typedef struct x x_t;\n", "typedef"),
    ("module", "src/util/meson.build", SPDX, None),
    ("unknown module", "include/util/util.h", SPDX, "no such module"),
    ("source not built", "src/dns/meson.build", SPDX, "'name.c' is not in"),
    ("test not registered", "tests/unit/dns/test_wire.c", SPDX, "'test_wire.c' is not in"),
    ("fuzz not registered", "tests/fuzz/fuzz_wire.c", SPDX, "'wire' is not in"),
    ("fuzz without file", "tests/fuzz/meson.build", SPDX + "['name', 'dns'], ['wire', 'dns']\n", "no fuzz_wire.c"),
    ("licence", "src/dns/own.h", "int x;\n", "SPDX"),
    ("licence of a script", "tests/x.sh", "#!/bin/sh\n", "SPDX"),
    ("too long", "src/dns/own.h", SPDX + "\n" * 700, "more than 700"),
    ("README", "README.md", "see `src/dns/gone.c`\n", "there is no src/dns/gone.c"),
    ("README's glob", "README.md", "see `src/*/gone.c`\n", "there is no src/*/gone.c"),
)


def faults_of(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return lint(Path(folder))


def main():
    wrong = []
    for what, path, text, want in (("clean", "README.md", CLEAN["README.md"], None), *FAULTS):
        faults = faults_of({**CLEAN, path: text})
        is_right = not faults if want is None else len(faults) == 1 and want in faults[0]
        if not is_right:
            wrong.append(f"{what}: want {want!r}, got {faults}")
    print("\n".join(wrong) or f"{len(FAULTS) + 1} cases")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

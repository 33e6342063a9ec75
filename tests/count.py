# SPDX-License-Identifier: Apache-2.0
"""Prints "PASSED FAILED" of a run of tests/run.sh: meson's tests and pytest's together; of another run.sh: pytest's.

    count.py BUILD MESON_EXIT_CODE PYTEST_EXIT_CODE      a "-" for a runner that was not to run

A runner that left no results, ran no test, or whose exit code contradicts its results counts as one failure more.
"""
import json
import sys
import xml.etree.ElementTree
from pathlib import Path


def count_meson(path):
    """(passed, failed, skipped) of a testlog.json: one JSON object a line."""
    results = [json.loads(line)["result"] for line in path.read_text().splitlines() if line]
    passed = sum(r in ("OK", "EXPECTEDFAIL") for r in results)
    skipped = results.count("SKIP")
    return passed, len(results) - passed - skipped, skipped


def count_pytest(path):
    """(passed, failed, skipped) of a junit file."""
    passed = failed = skipped = 0
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" in outcomes:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main(build, meson_code, pytest_code):
    total_passed = total_failed = 0
    for name, count, path, code in (
        ("meson test", count_meson, Path(build, "meson-logs/testlog.json"), meson_code),
        ("pytest", count_pytest, Path(build, "pytest.xml"), pytest_code),
    ):
        if code == "-":
            continue
        passed, failed, skipped = count(path) if path.exists() else (0, 0, 0)
        if passed == 0 or (code != "0" and failed == 0):
            print(f"{name}: exit code {code} with {passed} passed, {failed} failed", file=sys.stderr)
            failed += 1
        if skipped:
            print(f"{name}: {skipped} skipped", file=sys.stderr)
        total_passed += passed
        total_failed += failed
    print(total_passed, total_failed)


if __name__ == "__main__":
    main(*sys.argv[1:])

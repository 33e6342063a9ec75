# SPDX-License-Identifier: Apache-2.0
"""Unpacks an image as a container's runtime does, and says how large it is.

    unpack.py LAYOUT FOLDER      LAYOUT: of one image, as "buildah push oci:" writes it

FOLDER gets root/ (the layers, one over the other, with owners, modes and file capabilities), config.json and manifest.json.
"""
import json
import subprocess
import sys
from pathlib import Path


def blob(layout, digest):
    return layout / "blobs" / digest.replace(":", "/")


def read(layout, descriptor):
    return json.loads(blob(layout, descriptor["digest"]).read_text())


def files(root):
    """[(size, path)], the largest first."""
    found = [(path.lstat().st_size, path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return sorted(found, reverse=True)


def main(layout, folder):
    index = json.loads((layout / "index.json").read_text())
    manifest = read(layout, index["manifests"][0])
    config = read(layout, manifest["config"])
    root = folder / "root"
    root.mkdir(parents=True)
    root.chmod(0o755)
    for layer in manifest["layers"]:
        subprocess.run(["tar", "--extract", "--gzip", "--same-owner", "--preserve-permissions", "--xattrs", "--xattrs-include=*",
                        "--file", blob(layout, layer["digest"]), "--directory", root], check=True)
    whiteouts = list(root.rglob(".wh.*"))
    if whiteouts:  # the Dockerfile takes nothing out again
        sys.exit(f"a layer takes out what another put in: {whiteouts}")
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    (folder / "config.json").write_text(json.dumps(config, indent=1))

    found = files(root)
    print(f"image: {sum(size for size, _ in found) / 2**20:.2f} MiB in {len(found)} files, "
          f"{sum(layer['size'] for layer in manifest['layers']) / 2**20:.2f} MiB compressed; the largest:")
    for size, path in found[:10]:
        print(f"{size / 2**20:10.2f} MiB  {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Packs what `sam build` left in RELEASE/build for one architecture, for scripts/release:

    .tools/deploy/bin/python scripts/pack.py RELEASE ARCHITECTURE

    RELEASE/release.tar  all files, with their modes: GitHub's upload-artifact stores no modes of its own, and a function
                         whose bootstrap is not executable ends in Runtime.InvalidEntrypoint
    RELEASE/SHA256SUMS   the sum of release.tar, which therefore covers the modes too

The built template takes no other architecture than the one that the functions were built for.
"""
import hashlib
import pathlib
import stat
import sys
import tarfile

from samcli.yamlhelper import yaml_dump, yaml_parse

# e_machine in the header of an ELF file: System V ABI, "Machine Information".
MACHINES = {"arm64": 183, "x86_64": 62}


def pack(release, architecture):
    build = release / "build"
    pin(build / "template.yaml", architecture)
    for bootstrap in build.glob("*/bootstrap"):
        check(bootstrap, architecture)
    with tarfile.open(release / "release.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(build.rglob("*")):
            archive.add(path, path.relative_to(build), recursive=False, filter=normalise)
    digest = hashlib.sha256((release / "release.tar").read_bytes()).hexdigest()
    (release / "SHA256SUMS").write_text(f"{digest}  release.tar\n")


def pin(template, architecture):
    tree = yaml_parse(template.read_text())
    tree["Parameters"]["Architecture"].update({"Default": architecture, "AllowedValues": [architecture]})
    template.write_text(yaml_dump(tree))


def check(bootstrap, architecture):
    with open(bootstrap, "rb") as file:
        header = file.read(20)
    if header[:4] != b"\x7fELF" or int.from_bytes(header[18:20], "little") != MACHINES[architecture]:
        sys.exit(f"pack: {bootstrap} is not built for {architecture}")
    if not bootstrap.stat().st_mode & stat.S_IXUSR:
        sys.exit(f"pack: {bootstrap} is not executable")


def normalise(entry):
    """An entry without what differs from one build to the next: times and owners."""
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & stat.S_IXUSR else 0o644
    return entry


if __name__ == "__main__":
    pack(pathlib.Path(sys.argv[1]), sys.argv[2])

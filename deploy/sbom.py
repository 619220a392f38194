#!/usr/bin/env python3
"""Writes what is built into the program as a CycloneDX list (1.5, JSON): `deploy/sbom.py FILE`.

Names, versions and licences are those of `cargo metadata`, sums those of Cargo.lock. The same source gives the same
bytes: the date is SOURCE_DATE_EPOCH, and the number follows from the content.
"""
import datetime, json, os, subprocess, sys, tomllib, uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def metadata():
    target = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    target = next(line.split(": ")[1] for line in target.splitlines() if line.startswith("host:"))
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def built_in(data):
    """The packages that the program is built from, and who uses whom: without those of tests."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    root = data["resolve"]["root"]
    uses, waiting = {}, [root]
    while waiting:
        one = waiting.pop()
        if one in uses:
            continue
        wanted = lambda dep: any(kind["kind"] in (None, "build") for kind in dep["dep_kinds"])
        uses[one] = sorted(dep["pkg"] for dep in nodes[one]["deps"] if wanted(dep))
        waiting += uses[one]
    return root, uses


def main():
    data = metadata()
    packages = {package["id"]: package for package in data["packages"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    sums = {(one["name"], one["version"]): one.get("checksum") for one in lock["package"]}
    root, uses = built_in(data)

    def purl(package):
        return f"pkg:cargo/{package['name']}@{package['version']}"

    def component(package, kind):
        one = {"type": kind, "bom-ref": purl(package), "name": package["name"], "version": package["version"], "purl": purl(package)}
        if package.get("description"):
            one["description"] = " ".join(package["description"].split())
        if package.get("license"):
            one["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if sums.get((package["name"], package["version"])):
            one["hashes"] = [{"alg": "SHA-256", "content": sums[package["name"], package["version"]]}]
        return one

    parts = sorted((packages[id] for id in uses if id != root), key=purl)
    dependencies = [{"ref": purl(packages[id]), "dependsOn": sorted(purl(packages[used]) for used in of)} for id, of in uses.items()]
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": when.isoformat().replace("+00:00", "Z"), "component": component(packages[root], "application")},
        "components": [component(package, "library") for package in parts],
        "dependencies": sorted(dependencies, key=lambda one: one["ref"]),
    }
    bom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True)).urn
    Path(sys.argv[1]).write_text(json.dumps(bom, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


main()

#!/usr/bin/env python3
"""Makes an image of one node, without a daemon: `deploy/image.py PROGRAM SBOM OUT COMPRESSION`.

OUT is a folder. It gets `forewarn_VERSION_MACHINE.image.tar`, which `docker load`, `podman load` and `skopeo` take (an
OCI layout that is a docker archive, too), and `forewarn-VERSION.image.cdx.json`, the list of what is in the image: SBOM
and the packages of the system. Besides the program there are only the shared libraries that it needs, as `ldd` finds
them here, and the certificates of public authorities.

What the image does (user, ports, volume, entry point, labels) is read from the last stage of deploy/Dockerfile, so
that the two cannot differ. The same program on the same system gives the same bytes: names are sorted, and every date
is SOURCE_DATE_EPOCH.
"""
import gzip, hashlib, io, json, os, platform, re, shlex, subprocess, sys, tarfile, uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# Licences of the packages of Debian that may be in the image, in the words of SPDX; their texts are in the image.
LICENCES = {
    "libc6": "LGPL-2.1-or-later",
    "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "ca-certificates": "MPL-2.0 AND GPL-2.0-or-later",
}


def fail(why):
    sys.exit(f"deploy/image.py: {why}")


def last_stage():
    """The instructions of the Dockerfile that describe the image itself."""
    text = re.sub(r"\\\n\s*", " ", (HERE / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    first = max(at for at, line in enumerate(lines) if line[0] == "FROM")
    return lines[first + 1 :]


def read_dockerfile():
    """The image's configuration; where the program goes; the empty folders and their owners."""
    config, program, folders = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "WorkingDir": "/"}, None, {}
    for word, rest in last_stage():
        parts = shlex.split(rest)
        if word == "COPY":
            owner = [int(one) for part in parts if part.startswith("--chown=") for one in part[8:].split(":")]
            source, target = [part for part in parts if not part.startswith("--")]
            if source.endswith("/forewarn"):
                program = target
            else:
                folders[target] = owner or [0, 0]
        elif word in ("ENTRYPOINT", "CMD"):
            config[word.capitalize()] = json.loads(rest)
        elif word == "USER":
            config["User"] = rest
        elif word == "VOLUME":
            config["Volumes"] = {path: {} for path in parts}
        elif word == "EXPOSE":
            config["ExposedPorts"] = {f"{port}/tcp": {} for port in parts}
        elif word == "STOPSIGNAL":
            config["StopSignal"] = rest
        elif word == "LABEL":
            config["Labels"] = dict(part.split("=", 1) for part in parts)
        else:
            fail(f"deploy/Dockerfile has {word}, which this does not know")
    return config, program, folders


class Layer:
    """A layer: entries by their names, the folders above them included."""

    def __init__(self):
        self.entries = {}

    def folder(self, path, owner=(0, 0), mode=0o755):
        path = path.strip("/")
        if path and path not in self.entries:
            self.folder(os.path.dirname(path))
            self.entries[path] = (tarfile.DIRTYPE, mode, owner, b"")

    def file(self, path, data, mode=0o644):
        self.folder(os.path.dirname(path))
        self.entries[path.strip("/")] = (tarfile.REGTYPE, mode, (0, 0), data)

    def tar(self):
        return tar((name, kind, mode, owner, data) for name, (kind, mode, owner, data) in sorted(self.entries.items()))


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind, mode, owner, data in entries:
            one = tarfile.TarInfo(name)
            one.type, one.mode, one.size, one.mtime = kind, mode, len(data), EPOCH
            one.uid, one.gid = owner
            archive.addfile(one, io.BytesIO(data))
    return out.getvalue()


def libraries(program):
    """The shared libraries that a program needs, its loader among them."""
    found = subprocess.run(["ldd", program], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if "not found" in found.stdout:
        fail(f"a library is missing:\n{found.stdout}")
    return sorted(set(re.findall(r"(/\S+) \(0x", found.stdout)))


def package_of(path):
    """The package of Debian that a file is from, and its version; none elsewhere."""
    for one in (path, "/usr" + path, os.path.realpath(path)):
        try:
            owner = subprocess.run(["dpkg-query", "-S", one], capture_output=True, text=True)
        except FileNotFoundError:
            return None
        if owner.returncode == 0:
            name = owner.stdout.split(":")[0]
            version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=True)
            return name, version.stdout
    return None


def system(layer, program, machine):
    """Puts into the layer what the program needs of the system; the components of it."""
    components = {}

    def note(package, path, data):
        if package is None:
            components[path] = {"type": "file", "name": path, "hashes": [{"alg": "SHA-256", "content": digest(data)}]}
            return
        name, version = package
        components[name] = one = {"type": "library", "name": name, "version": version}
        one["purl"] = one["bom-ref"] = f"pkg:deb/debian/{name}@{version}?arch={machine}"
        if name in LICENCES:
            one["licenses"] = [{"expression": LICENCES[name]}]
        copyright = Path(f"/usr/share/doc/{name}/copyright")
        if copyright.exists():
            layer.file(str(copyright), copyright.read_bytes())

    for path in libraries(program):
        data = Path(path).read_bytes()
        layer.file(path, data, 0o755)
        note(package_of(path), path, data)
    if AUTHORITIES.exists():
        layer.file(str(AUTHORITIES), AUTHORITIES.read_bytes())
        note(package_of("/usr/sbin/update-ca-certificates"), str(AUTHORITIES), AUTHORITIES.read_bytes())
    else:
        print(f"deploy/image.py: no {AUTHORITIES}; the image has no public authorities", file=sys.stderr)
    layer.file("/etc/passwd", b"root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")
    layer.file("/etc/group", b"root:x:0:\nnonroot:x:65532:\n")
    layer.file("/etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
    for name in ("/dev", "/proc", "/sys"):
        layer.folder(name)
    layer.folder("/tmp", mode=0o1777)
    return [components[name] for name in sorted(components)]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def main(program, sbom, out, compression):
    list_of = json.loads(Path(sbom).read_text())
    version = list_of["metadata"]["component"]["version"]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config, target, folders = read_dockerfile()
    when = list_of["metadata"]["timestamp"]

    # What changes seldom lies below what changes with each release.
    base, top = Layer(), Layer()
    list_of["components"] += system(base, program, machine)
    list_of.pop("serialNumber")
    list_of["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(list_of, sort_keys=True)).urn
    listed = (json.dumps(list_of, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    (Path(out) / f"forewarn-{version}.image.cdx.json").write_bytes(listed)
    top.file(target, Path(program).read_bytes(), 0o755)
    top.file("/usr/share/doc/forewarn/sbom.cdx.json", listed)
    for licence in ("LICENSE-MIT", "LICENSE-APACHE"):
        top.file(f"/usr/share/doc/forewarn/{licence}", (HERE.parent / licence).read_bytes())
    for path, owner in folders.items():
        top.folder(path, owner, 0o700)

    blobs = {}

    def blob(data, media):
        blobs[f"blobs/sha256/{digest(data)}"] = data
        return {"mediaType": f"application/vnd.oci.image.{media}", "digest": f"sha256:{digest(data)}", "size": len(data)}

    def packed(data):
        if compression == "none":
            return blob(data, "layer.v1.tar")
        return blob(gzip.compress(data, 9, mtime=0), "layer.v1.tar+gzip")

    layers = [layer.tar() for layer in (base, top)]
    config["Labels"]["org.opencontainers.image.version"] = version
    described = blob(
        as_json({
            "architecture": machine,
            "os": "linux",
            "created": when,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}" for layer in layers]},
            "history": [{"created": when, "created_by": f"deploy/image.py: {what}"} for what in ("the system", "the program")],
        }),
        "config.v1+json",
    )
    packed_layers = [packed(layer) for layer in layers]
    manifest = blob(
        as_json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": described, "layers": packed_layers}),
        "manifest.v1+json",
    )
    manifest["annotations"] = {"org.opencontainers.image.ref.name": version, "io.containerd.image.name": f"docker.io/library/forewarn:{version}"}
    place = lambda described: "blobs/sha256/" + described["digest"].split(":")[1]
    files = {
        **blobs,
        "oci-layout": as_json({"imageLayoutVersion": "1.0.0"}),
        "index.json": as_json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]}),
        # for docker load before version 25, and podman
        "manifest.json": as_json([{"Config": place(described), "RepoTags": [f"forewarn:{version}"], "Layers": [place(one) for one in packed_layers]}]),
    }
    folders = [(name, tarfile.DIRTYPE, 0o755, (0, 0), b"") for name in ("blobs", "blobs/sha256")]
    whole = folders + [(name, tarfile.REGTYPE, 0o644, (0, 0), data) for name, data in sorted(files.items())]
    (Path(out) / f"forewarn_{version}_{machine}.image.tar").write_bytes(tar(whole))


main(*sys.argv[1:])

#!/usr/bin/env python3
"""The bill of materials of the stopleak binary, CycloneDX 1.5, from cargo's own metadata: what is linked in, nothing else."""
import argparse, datetime, hashlib, json, os, re, subprocess, sys, uuid


def linked(metadata, root):
    """Ids of the packages that `root` is built from, without build scripts' and tests' own, and who needs whom."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen, todo, edges = set(), [root], {}
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        normal = [d["pkg"] for d in nodes[one]["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"])]
        edges[one] = sorted(normal)
        todo.extend(normal)
    return seen, edges


def checksums(lock):
    found = {}
    for block in lock.split("[[package]]"):
        fields = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.M))
        if "checksum" in fields:
            found[fields["name"], fields["version"]] = fields["checksum"]
    return found


def component(package, sums, kind):
    purl = f"pkg:cargo/{package['name']}@{package['version']}"
    out = {"type": kind, "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl}
    if package.get("license"):
        # A slash is cargo's old way to write OR.
        out["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        out["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return out


def bill(target, version):
    command = ["cargo", "metadata", "--format-version", "1", "--locked"] + (["--filter-platform", target] if target else [])
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    root = next(p["id"] for p in metadata["packages"] if p["name"] == "stopleak" and p["id"] in metadata["workspace_members"])
    ids, edges = linked(metadata, root)
    with open(os.path.join(metadata["workspace_root"], "Cargo.lock"), encoding="utf-8") as lock:
        sums = checksums(lock.read())
    main = component(packages[root], sums, "application")
    main["version"] = version or main["version"]
    ref = lambda one: f"pkg:cargo/{packages[one]['name']}@{packages[one]['version']}"
    components = sorted((component(packages[one], sums, "library") for one in ids - {root}), key=lambda c: c["bom-ref"])
    dependencies = sorted(({"ref": ref(one), "dependsOn": sorted(set(map(ref, edges[one])))} for one in ids), key=lambda d: d["ref"])
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    time = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    content = hashlib.sha256(json.dumps([main, components, dependencies]).encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, content)),
        "version": 1,
        "metadata": {"timestamp": time, "component": main},
        "components": components,
        "dependencies": dependencies,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", help="as rustc names it; without one, every platform's dependencies")
    parser.add_argument("--version", help="of the release")
    args = parser.parse_args()
    json.dump(bill(args.target, args.version), sys.stdout, indent=2)
    print()

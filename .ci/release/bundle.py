#!/usr/bin/env python3
"""Makes a release of binaries: archives, Debian packages, the bill of materials, checksums. Same input, same bytes.

`--binaries` holds `stopleak-TARGET` (`.exe` for Windows); man pages and completions come from the one that runs here.
"""
import argparse, gzip, hashlib, io, os, pathlib, shutil, subprocess, sys, tarfile, tempfile, time, zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEBIAN = {"x86_64-unknown-linux-musl": "amd64", "x86_64-unknown-linux-gnu": "amd64", "aarch64-unknown-linux-musl": "arm64"}
SHELLS = {"bash": "stopleak.bash", "zsh": "_stopleak", "fish": "stopleak.fish", "powershell": "_stopleak.ps1", "elvish": "stopleak.elv"}
CONTROL = """Package: stopleak
Version: {version}
Architecture: {arch}
Maintainer: stopleak <https://github.com/stopleak/stopleak>
Section: utils
Priority: optional
Installed-Size: {size}
Homepage: https://github.com/stopleak/stopleak
Description: secret leak scanner for repositories, pipelines and artifacts
 Finds leaked secrets in every blob of a git history, in what is staged, in
 files, archives, container images and logs, and never passes in silence what
 it could not scan.
"""
COPYRIGHT = """stopleak: https://github.com/stopleak/stopleak
Copyright: the stopleak authors
License: Apache-2.0 or MIT

On Debian systems the Apache License 2.0 is in
/usr/share/common-licenses/Apache-2.0. The other one reads:

"""


def generated(binary, folder):
    """Man pages and completions, by path in an archive."""
    subprocess.run([binary, "man", folder / "man"], check=True, stderr=subprocess.DEVNULL)
    files = {f"man/{page.name}": page.read_bytes() for page in sorted((folder / "man").iterdir())}
    for shell, name in SHELLS.items():
        files[f"completions/{name}"] = subprocess.run([binary, "completions", shell], check=True, stdout=subprocess.PIPE).stdout
    return files


def tar_gz(name, files, epoch):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as out:
        for path, content in sorted(files.items()):
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size, info.mtime, info.mode = len(content), epoch, 0o755 if path == "stopleak" else 0o644
            out.addfile(info, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), 9, mtime=0)


def zipped(name, files, epoch):
    raw = io.BytesIO()
    date = max(time.gmtime(epoch)[:6], (1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as out:
        for path, content in sorted(files.items()):
            info = zipfile.ZipInfo(f"{name}/{path}", date)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            info.create_system = 3
            out.writestr(info, content)
    return raw.getvalue()


def debian(binary, files, version, arch, out, epoch):
    debian_version = version.replace("-", "~")  # 1.0.0-rc.1 comes before 1.0.0
    with tempfile.TemporaryDirectory() as work:
        root = pathlib.Path(work) / "root"
        put = lambda path, content: ((root / path).parent.mkdir(parents=True, exist_ok=True), (root / path).write_bytes(content))
        put("usr/bin/stopleak", binary.read_bytes())
        places = {"stopleak.bash": "bash-completion/completions/stopleak", "_stopleak": "zsh/vendor-completions/_stopleak",
                  "stopleak.fish": "fish/vendor_completions.d/stopleak.fish"}
        for path, content in files.items():
            name = path.split("/")[-1]
            if path.startswith("man/"):
                put(f"usr/share/man/man1/{name}.gz", gzip.compress(content, 9, mtime=0))
            elif name in places:
                put(f"usr/share/{places[name]}", content)
        put("usr/share/doc/stopleak/copyright", (COPYRIGHT + (ROOT / "LICENSE-MIT").read_text()).encode())
        put("usr/share/doc/stopleak/changelog.gz", gzip.compress((ROOT / "scanner-cli/CHANGELOG.md").read_bytes(), 9, mtime=0))
        size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file()) // 1024
        put("DEBIAN/control", CONTROL.format(version=debian_version, arch=arch, size=size).encode())
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or path.name == "stopleak" and path.parent.name == "bin" else 0o644)
        target = out / f"stopleak_{debian_version}_{arch}.deb"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--binaries", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--native", help="the target whose binary runs here", default="x86_64-unknown-linux-musl")
    args = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    args.out.mkdir(parents=True, exist_ok=True)
    binaries = sorted(file for file in args.binaries.iterdir() if file.name.startswith("stopleak-"))
    if not binaries:
        sys.exit(f"no stopleak-TARGET in {args.binaries}")
    with tempfile.TemporaryDirectory() as work:
        native = pathlib.Path(work) / "stopleak"
        shutil.copy(args.binaries / f"stopleak-{args.native}", native)
        native.chmod(0o755)
        common = generated(native, pathlib.Path(work))
    for name, path in [("README.md", "README.md"), ("CHANGELOG.md", "scanner-cli/CHANGELOG.md"), ("LICENSE-MIT", "LICENSE-MIT"), ("LICENSE-APACHE", "LICENSE-APACHE")]:
        common[name] = (ROOT / path).read_bytes()
    for binary in binaries:
        target = binary.name.removeprefix("stopleak-").removesuffix(".exe")
        name = f"stopleak-{args.version}-{target}"
        if binary.name.endswith(".exe"):
            (args.out / f"{name}.zip").write_bytes(zipped(name, {**common, "stopleak.exe": binary.read_bytes()}, epoch))
        else:
            (args.out / f"{name}.tar.gz").write_bytes(tar_gz(name, {**common, "stopleak": binary.read_bytes()}, epoch))
        if target in DEBIAN:
            debian(binary, common, args.version, DEBIAN[target], args.out, epoch)
    bill = subprocess.run([sys.executable, HERE / "sbom.py", "--version", args.version], check=True, stdout=subprocess.PIPE,
                          cwd=ROOT, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}).stdout
    (args.out / f"stopleak-{args.version}.cdx.json").write_bytes(bill)
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(args.out.iterdir()) if file.name != "SHA256SUMS"]
    (args.out / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()

"""Makes small repositories of real source: one of each package in cargo's registry, 200 commits, 20 tags; `sweep_corpus.py FOLDER`.

The packages are those that this project is built with: run `cargo fetch` first."""

import glob
import os
import random
import subprocess
import sys

ENVIRONMENT = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
HOME = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
REPOSITORIES, COMMITS, FILES = 400, 200, 150


def git(repository, words, text=b""):
    subprocess.run(["git", "--git-dir", repository, *words], input=text, check=True, env=ENVIRONMENT)


def texts(folder):
    """The package's files of text, each as lines."""
    found = []
    for place, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(place, name)
            if os.path.getsize(path) < 100_000:
                try:
                    found.append((os.path.relpath(path, folder), open(path, encoding="utf-8").read().split("\n")))
                except UnicodeDecodeError:
                    pass
    return found[:FILES]


def history(files, chance):
    """Files come one after the other, and two of those that are there get a line."""
    out, live, each = [], 0, 1 + len(files) // 100
    for commit in range(COMMITS):
        time = 1704067200 + 60 * commit
        head = f"commit refs/heads/main\ncommitter A U Thor <author@example.com> {time} +0000\ndata 1\nc\n"
        new = files[live : live + each]
        live += len(new)
        changed = new + [chance.choice(files[:live]) for _ in range(2)]
        for _, lines in changed[len(new) :]:
            lines.insert(chance.randrange(len(lines) + 1), f"// changed in {commit}: {chance.random()}")
        out.append(head.encode())
        for name, lines in dict(changed).items():
            text = "\n".join(lines).encode()
            out.append(f'M 100644 inline "{name}"\ndata {len(text)}\n'.encode() + text + b"\n")
    return b"".join(out)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    made = 0
    for package in sorted(glob.glob(f"{HOME}/registry/src/*/*/")):
        files = texts(package)
        if made == REPOSITORIES or len(files) < 5:
            continue
        chance = random.Random(made)
        chance.shuffle(files)
        repository = os.path.join(folder, f"r{made:04}.git")
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repository], check=True, env=ENVIRONMENT)
        git(repository, ["fast-import", "--quiet"], history(files, chance))
        tags = "".join(f"create refs/tags/v{tag} main~{tag * 9}\n" for tag in range(20))
        git(repository, ["update-ref", "--stdin"], tags.encode())
        git(repository, ["pack-refs", "--all"])
        made += 1
    print(f"{made} repositories")


main(sys.argv[1])

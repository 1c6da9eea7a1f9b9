#!/usr/bin/env python3
"""Runs stopleak and every other secret scanner found on PATH on the same inputs, in turns, and prints a Markdown table.

    python3 benches/peers.py --stopleak target/release/stopleak --rounds 3 REPOSITORY_OR_FILE...

Each tool runs with its defaults, offline: no validation of what it finds, no update check. The median of the rounds counts.
Processor time and peak memory are those of the process and all its children, as the kernel adds them up (wait4).
Findings are what each tool prints: rules and what counts as one finding differ, so the numbers are no measure of quality.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def lines_with(pattern):
    compiled = re.compile(pattern)
    return lambda text: sum(1 for line in text.splitlines() if compiled.search(line))


def findings_of_stopleak(text):
    """One a secret, not one a place; below the gate is not counted."""
    return len({json.loads(line)["fingerprint"] for line in text.splitlines() if '"type":"finding"' in line})


def findings_of_kingfisher(text):
    """As its closing line says: it prints one object a finding, then a summary."""
    found = re.findall(r'^\{"findings":(\d+)', text, re.MULTILINE)
    return int(found[-1]) if found else None


def length_of_json_list(text):
    try:
        return len(json.loads(text or "[]") or [])
    except ValueError:
        return None


def is_repository(path):
    return os.path.exists(os.path.join(path, ".git")) or os.path.exists(os.path.join(path, "objects"))


# Each tool: how it is called for a path with a scratch folder, and how its findings are counted in what it printed.
def kingfisher(extra):
    def call(path, scratch):
        return ["kingfisher", "scan", path, "--no-validate", "--no-update-check", "--format", "jsonl", *extra]
    return call


def noseyparker(path, scratch):
    return ["noseyparker", "scan", "--datastore", os.path.join(scratch, "store"), "--progress", "never", path]


def leaks(tool):
    def call(path, scratch):
        verb = "git" if is_repository(path) else "dir"
        report = os.path.join(scratch, "report.json")
        return [tool, verb, path, "--no-banner", "--exit-code", "0", "--report-format", "json", "--report-path", report]
    return call


def trufflehog(path, scratch):
    target = ["git", "file://" + os.path.abspath(path)] if is_repository(path) else ["filesystem", path]
    return ["trufflehog", *target, "--no-verification", "--no-update", "--json"]


def ripsecrets(path, scratch):
    return ["ripsecrets", path]


PEERS = [
    ("kingfisher", "kingfisher", kingfisher([]), findings_of_kingfisher),
    ("kingfisher --turbo", "kingfisher", kingfisher(["--turbo"]), findings_of_kingfisher),
    ("noseyparker", "noseyparker", noseyparker, None),
    ("gitleaks", "gitleaks", leaks("gitleaks"), length_of_json_list),
    ("betterleaks", "betterleaks", leaks("betterleaks"), length_of_json_list),
    ("trufflehog", "trufflehog", trufflehog, lines_with(r'"DetectorName"')),
    ("ripsecrets", "ripsecrets", ripsecrets, lines_with(r".")),
]


def run(command, scratch, limit):
    """Runs once; returns the measurements, or what went wrong."""
    out = os.path.join(scratch, "out")
    with open(out, "wb") as stdout, open(os.path.join(scratch, "err"), "wb") as stderr:
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        killed = False
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() - start > limit and not killed:
                process.kill()
                killed = True
            time.sleep(0.0005 if time.monotonic() - start < 0.2 else 0.005)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    report = os.path.join(scratch, "report.json")
    with open(report if os.path.exists(report) else out, errors="replace") as file:
        text = file.read()
    return {
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "wall": wall,
        "rss": usage.ru_maxrss / 1024,
        "code": "time out" if killed else process.returncode,
        "text": text,
    }


def version(tool):
    for argument in ("--version", "version"):
        done = subprocess.run([tool, argument], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip().splitlines()[0]
    return tool


def name_of(path):
    """The last part of a path that says something."""
    parts = [part for part in os.path.abspath(path).split(os.sep) if part not in ("", ".git", "repo")]
    return parts[-1] if parts else path


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names
               if not os.path.islink(os.path.join(folder, name)))


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
        model = names[0] if names else model
    except OSError:
        pass
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}"


def measure(path, tools, rounds, limit):
    """Every tool once a round, so that a slow minute of the machine falls on all of them."""
    results = {name: [] for name, *_ in tools}
    for turn in range(rounds + 1):
        for name, _, call, _ in tools:
            with tempfile.TemporaryDirectory() as scratch:
                result = run(call(path, scratch), scratch, limit)
            # The first round fills the page cache and the tools' own caches.
            if turn > 0 or rounds == 0:
                results[name].append(result)
            print(f"  {name_of(path)} round {turn} {name}: {result['wall']:.2f} s", file=sys.stderr)
    return results


def table(path, tools, results):
    base = {key: statistics.median(run[key] for run in results["stopleak"]) for key in ("user", "system", "wall")}
    print(f"\n**{name_of(path)}**, {size(path) / 1e6:.0f} MB on disk\n")
    print("| tool | user CPU s | × | system CPU s | wall s | × | peak RSS MB | MB scanned | findings | exit |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, _, _, count in tools:
        runs = results[name]
        middle = {key: statistics.median(run[key] for run in runs) for key in ("user", "system", "wall", "rss")}
        found = count(runs[-1]["text"]) if count else None
        scanned = re.findall(r'"(?:bytes|bytes_scanned)":(\d+)', runs[-1]["text"])
        print(f"| {name} | {middle['user']:.2f} | {middle['user'] / max(base['user'], 0.001):.1f} "
              f"| {middle['system']:.2f} | {middle['wall']:.2f} | {middle['wall'] / max(base['wall'], 0.001):.1f} "
              f"| {middle['rss']:.0f} | {f'{int(scanned[-1]) / 1e6:.0f}' if scanned else '?'} "
              f"| {'?' if found is None else found} | {runs[-1]['code']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--stopleak", default="target/release/stopleak")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds after one that warms up")
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a run is ended")
    parser.add_argument("--only", help="names of peers, with commas between")
    arguments = parser.parse_args()

    def stopleak(path, _):
        return [arguments.stopleak, "scan", path, "--format", "jsonl", "--no-progress"]

    wanted = arguments.only.split(",") if arguments.only else [name for name, *_ in PEERS]
    peers = [peer for peer in PEERS if shutil.which(peer[1]) and peer[0] in wanted]
    tools = [("stopleak", arguments.stopleak, stopleak, findings_of_stopleak), *peers]
    print(f"{datetime.date.today()}, {machine()}, {arguments.rounds} rounds, `{' '.join(['python3', *sys.argv])}`\n")
    for name, tool, *_ in tools:
        print(f"* {name}: {version(tool)}")
    for path in arguments.paths:
        table(path, tools, measure(path, tools, arguments.rounds, arguments.limit))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes scanner-core/src/rule/grams.bin: how often four bytes stand together in ordinary text, letter case aside.

usage: benches/grams.py FOLDER...   (source trees, logs, minified scripts: the more kinds the better)

Samples 4 KiB windows spread over all files, folds case as the filter does (|0x20), keeps the 16,384 most
frequent grams. Format: sorted entries of u32 gram (little-endian) and u16 occurrences per 16 MiB.
"""
import collections
import os
import random
import struct
import sys

WINDOW, KEPT, UNIT = 4096, 16384, 16 << 20
FOLD = bytes(b | 0x20 for b in range(256))


def windows(folders, budget):
    files = []
    for folder in folders:
        for root, dirs, names in os.walk(folder):
            dirs[:] = sorted(d for d in dirs if d != ".git")
            files += [os.path.join(root, name) for name in sorted(names)]
    random.Random(1).shuffle(files)
    for path in files:
        if budget <= 0:
            return
        try:
            size = os.path.getsize(path)
            with open(path, "rb") as file:
                for at in range(0, min(size, 1 << 20), 16 * WINDOW):
                    file.seek(at)
                    data = file.read(WINDOW)
                    budget -= len(data)
                    yield data.translate(FOLD)
        except OSError:
            continue


def main():
    counts, total = collections.Counter(), 0
    for data in windows(sys.argv[1:], 48 << 20):
        total += len(data)
        counts.update(data[i:i + 4] for i in range(len(data) - 3))
    scale = UNIT / max(total, 1)
    entries = []
    for gram, count in counts.most_common(KEPT):
        entries.append((struct.unpack("<I", gram)[0], min(65535, round(count * scale))))
    entries.sort()
    out = os.path.join(os.path.dirname(__file__), "..", "scanner-core", "src", "rule", "grams.bin")
    with open(out, "wb") as file:
        for gram, count in entries:
            file.write(struct.pack("<IH", gram, count))
    print(f"{total} bytes, {len(counts)} grams, least kept {min(c for _, c in entries)} per 16 MiB")


main()
